//! Answers: annotated CSV. Tables follow each other, parted by an empty line; each has lines of annotations, a line of
//! names, and its rows.

use opssight_core::metrics::{Answer, Label, MOST_POINTS, Row};
use opssight_core::time::Timestamp;
use std::collections::BTreeMap;

/// Columns that are no labels.
const OURS: [&str; 8] = ["", "result", "table", "_start", "_stop", "_time", "_value", "_field"];

type Key = (Option<String>, Vec<Label>);

pub(super) fn rows(text: &str) -> Result<Answer, String> {
    let mut found: BTreeMap<Key, BTreeMap<Timestamp, f64>> = BTreeMap::new();
    let (mut types, mut names, mut points): (Vec<String>, Vec<String>, usize) = (Vec::new(), Vec::new(), 0);
    for record in records(text) {
        match record.as_slice() {
            [only] if only.is_empty() => (types, names) = (Vec::new(), Vec::new()),
            [first, ..] if first == "#datatype" => (types, names) = (record, Vec::new()),
            [first, ..] if first.starts_with('#') => {}
            record if names.is_empty() => names = record.to_vec(),
            record => {
                let (key, at, value) = read(&types, &names, record)?;
                found.entry(key).or_default().insert(at, value);
                points += 1;
            }
        }
        if points > MOST_POINTS {
            return Err(format!("the answer has more than {MOST_POINTS} points"));
        }
    }
    let row = |((metric, labels), points): (Key, BTreeMap<_, _>)| Row {
        metric,
        labels,
        points: points.into_iter().collect(),
    };
    Ok(found.into_iter().map(row).collect::<Vec<_>>().into())
}

fn read(types: &[String], names: &[String], record: &[String]) -> Result<(Key, Timestamp, f64), String> {
    let column =
        |wanted: &str| names.iter().zip(record).find(|(name, _)| *name == wanted).map(|(_, value)| value.as_str());
    if let Some(error) = column("error") {
        return Err(format!("the query ended half-way: {error}"));
    }
    let time = column("_time").or_else(|| column("_stop")).ok_or("a table has no column `_time`")?;
    let at = chrono::DateTime::parse_from_rfc3339(time).map_err(|_| format!("`{time}` is no time"))?;
    let value = column("_value").ok_or("a table has no column `_value`")?;
    let value: f64 = value.parse().map_err(|_| format!("`{value}` is no number"))?;
    let mut labels: Vec<Label> = names
        .iter()
        .zip(record)
        .enumerate()
        .filter(|(_, (name, value))| !OURS.contains(&name.as_str()) && *name != "_measurement" && !value.is_empty())
        .filter(|(n, _)| types.get(*n).is_none_or(|kind| kind == "string"))
        .map(|(_, (name, value))| Label { name: name.clone(), value: value.clone() })
        .collect();
    labels.sort_unstable();
    let metric = column("_measurement").filter(|metric| !metric.is_empty()).map(str::to_owned);
    Ok(((metric, labels), Timestamp::from(at.to_utc()), value))
}

/// Records of CSV (RFC 4180). An empty line is a record with one empty field.
fn records(text: &str) -> Vec<Vec<String>> {
    let mut records = Vec::new();
    let (mut record, mut field, mut quoted) = (Vec::new(), String::new(), false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                field.push('"');
                chars.next();
            }
            '"' => quoted = !quoted,
            ',' if !quoted => record.push(std::mem::take(&mut field)),
            '\r' if !quoted && chars.peek() == Some(&'\n') => {}
            '\n' if !quoted => {
                record.push(std::mem::take(&mut field));
                records.push(std::mem::take(&mut record));
            }
            c => field.push(c),
        }
    }
    if !field.is_empty() || !record.is_empty() {
        record.push(field);
        records.push(record);
    }
    records
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the documentation of annotated CSV shows it.
    const ANSWER: &str = "#datatype,string,long,dateTime:RFC3339,dateTime:RFC3339,dateTime:RFC3339,double,string,string,string\r\n\
        #group,false,false,true,true,false,false,true,true,true\r\n\
        #default,_result,,,,,,,,\r\n\
        ,result,table,_start,_stop,_time,_value,_field,_measurement,host\r\n\
        ,,0,2026-01-01T00:00:00Z,2026-01-01T01:00:00Z,2026-01-01T00:00:10Z,1.5,value,cpu,\"a,\"\"b\"\"\"\r\n\
        ,,0,2026-01-01T00:00:00Z,2026-01-01T01:00:00Z,2026-01-01T00:00:05Z,-2e3,value,cpu,\"a,\"\"b\"\"\"\r\n\
        \r\n\
        #datatype,string,long,dateTime:RFC3339,long,string\r\n\
        #group,false,false,false,false,true\r\n\
        #default,_result,,,,\r\n\
        ,result,table,_time,_value,zone\r\n\
        ,,1,2026-01-01T00:00:00.25Z,7,z\r\n\r\n";

    #[test]
    fn tables_become_rows() {
        let rows = rows(ANSWER).unwrap();
        let told: Vec<String> = rows
            .iter()
            .map(|row| {
                let points: Vec<(i64, f64)> =
                    row.points.iter().map(|(at, value)| (at.0 - 1_767_225_600_000_000, *value)).collect();
                format!("{:?} {:?} {points:?}", row.metric, row.labels[0])
            })
            .collect();
        assert_eq!(
            told,
            [
                r#"None Label { name: "zone", value: "z" } [(250000, 7.0)]"#,
                r#"Some("cpu") Label { name: "host", value: "a,\"b\"" } [(5000000, -2000.0), (10000000, 1.5)]"#,
            ]
        );
        assert!(super::rows("").unwrap().is_empty());
    }

    #[test]
    fn an_answer_that_ends_half_way_is_no_answer() {
        let text = "#datatype,string,string\n#group,true,true\n#default,,\n,error,reference\n,failed to read,897\n";
        assert!(super::rows(text).unwrap_err().contains("failed to read"));
        assert!(super::rows(",result,_value\n,,1\n").unwrap_err().contains("_time"));
    }
}
