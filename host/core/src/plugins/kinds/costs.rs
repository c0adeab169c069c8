//! What the cloud bills, in columns with the names of FOCUS (FinOps Open Cost and Usage Specification).

use super::{Malformed, checked_time};
use crate::fact::harmless;
use crate::plugins::{CallError, CallTarget, Called, PageRequest};
use crate::time::Timestamp;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

/// How long one row of a bill is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Granularity {
    /// One hour.
    Hourly,
    /// One day, UTC.
    Daily,
    /// One calendar month, UTC.
    Monthly,
}

impl Granularity {
    /// As the contract writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hourly => "hourly",
            Self::Daily => "daily",
            Self::Monthly => "monthly",
        }
    }
}

/// A stretch of bills.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CostRequest {
    /// First moment.
    pub start_at: Timestamp,
    /// First moment after it.
    pub end_at: Timestamp,
    /// How fine.
    pub granularity: Granularity,
    /// Where to go on, and how much at once.
    pub page: PageRequest,
}

/// The columns as a plugin gives them, nothing checked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CostColumns {
    /// ISO 4217: "EUR".
    pub currency: String,
    /// FOCUS names of the text columns, for example "ServiceName".
    pub columns: Vec<String>,
    /// One list per name.
    pub text: Vec<Vec<String>>,
    /// What is billed, in billionths of the currency's unit.
    pub billed_nanos: Vec<i64>,
    /// What it costs after reductions, in billionths of the currency's unit.
    pub effective_nanos: Vec<i64>,
    /// First moment of each row, milliseconds since the Unix epoch.
    pub start_at: Vec<i64>,
    /// First moment after each row.
    pub end_at: Vec<i64>,
    /// Tags of each row.
    pub tags: Vec<Vec<(String, String)>>,
    /// There is more.
    pub next: Option<String>,
}

/// One page of a bill: all columns have one length, each name stands once, every row has a currency and a stretch of
/// time that is not empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "CostColumns")]
pub struct CostPage(CostColumns);

impl TryFrom<CostColumns> for CostPage {
    type Error = Malformed;

    fn try_from(page: CostColumns) -> Result<Self, Malformed> {
        Self::new(page)
    }
}

/// Text columns of one page.
const MAX_COLUMNS: usize = 100;
/// Bytes of one text.
const MAX_TEXT: usize = 2_048;
/// Tags of one row.
const MAX_TAGS: usize = 64;

impl CostPage {
    /// Check what a plugin gave.
    pub fn new(mut page: CostColumns) -> Result<Self, Malformed> {
        if page.currency.len() != 3 || !page.currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
            let currency: String = page.currency.chars().take(8).filter(|c| !c.is_control()).collect();
            return Err(Malformed::new("currency", format!("\"{currency}\" is no code of ISO 4217 such as \"EUR\"")));
        }
        names(&page)?;
        let rows = page.billed_nanos.len();
        let lengths = [
            ("effective-nanos", page.effective_nanos.len()),
            ("start-at", page.start_at.len()),
            ("end-at", page.end_at.len()),
            ("tags", page.tags.len()),
        ];
        let text = page.columns.iter().map(String::as_str).zip(page.text.iter().map(Vec::len));
        for (name, length) in lengths.into_iter().chain(text) {
            if length != rows {
                let problem = format!("has {length} rows, and billed-nanos has {rows}");
                return Err(Malformed::new(format!("column {name}:"), problem));
            }
        }
        for (row, (start, end)) in page.start_at.iter().zip(&page.end_at).enumerate() {
            let start = checked_time(|| format!("row {row}: start-at"), *start)?;
            let end = checked_time(|| format!("row {row}: end-at"), *end)?;
            if end <= start {
                return Err(Malformed::new(format!("row {row}: end-at"), "is not after its start-at"));
            }
        }
        texts(&page)?;
        // Resources and tags are named by whoever may make one.
        let tags = page.tags.iter_mut().flatten().flat_map(|(name, value)| [name, value]);
        for text in page.text.iter_mut().flatten().chain(tags) {
            *text = harmless(text).collect();
        }
        Ok(Self(page))
    }

    /// How many rows.
    pub fn rows(&self) -> usize {
        self.0.billed_nanos.len()
    }

    /// The columns, checked.
    pub fn columns(&self) -> &CostColumns {
        &self.0
    }

    /// The texts of one column.
    pub fn text(&self, column: &str) -> Option<&[String]> {
        let at = self.0.columns.iter().position(|name| name == column)?;
        self.0.text.get(at).map(Vec::as_slice)
    }
}

fn names(page: &CostColumns) -> Result<(), Malformed> {
    if page.columns.len() != page.text.len() || page.columns.len() > MAX_COLUMNS {
        let (names, lists) = (page.columns.len(), page.text.len());
        let problem =
            format!("has {names} names for {lists} lists; each list has one name, and {MAX_COLUMNS} are taken");
        return Err(Malformed::new("columns", problem));
    }
    for (at, name) in page.columns.iter().enumerate() {
        // FOCUS writes "ServiceName", and "x_Team" for columns of one's own.
        let well = name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.len() <= 64
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !well || page.columns.iter().take(at).any(|other| other == name) {
            let problem = "is no name such as \"ServiceName\", or stands there twice";
            return Err(Malformed::new(format!("columns, index {at}:"), problem));
        }
    }
    Ok(())
}

fn texts(page: &CostColumns) -> Result<(), Malformed> {
    let fits = |text: &str| text.len() <= MAX_TEXT && !text.contains('\0');
    let problem = || format!("is longer than {MAX_TEXT} bytes or holds a NUL");
    for (name, column) in page.columns.iter().zip(&page.text) {
        if let Some(row) = column.iter().position(|text| !fits(text)) {
            return Err(Malformed::new(format!("column {name}, row {row}:"), problem()));
        }
    }
    for (row, tags) in page.tags.iter().enumerate() {
        if tags.len() > MAX_TAGS {
            return Err(Malformed::new(format!("row {row}: tags"), format!("are more than {MAX_TAGS}")));
        }
        if tags.iter().any(|(name, value)| name.is_empty() || !fits(name) || !fits(value)) {
            return Err(Malformed::new(
                format!("row {row}: tags"),
                "have a name that is empty, too long or holds a NUL",
            ));
        }
    }
    Ok(())
}

/// The port: whoever knows what is billed.
#[async_trait]
pub trait CostSource: Send + Sync {
    /// One page of a stretch of bills.
    async fn fetch_costs(&self, target: &CallTarget, request: CostRequest) -> Result<Called<CostPage>, CallError>;
}
