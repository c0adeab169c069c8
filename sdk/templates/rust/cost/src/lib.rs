//! {{name}}: what it bills.

use opssight_plugin::{CostPage, CostRequest, Costs, Failure, Health, Report, http, settings, time};
use serde::Deserialize;
use serde_json::Value;

/// The component.
struct Plugin;

#[derive(Deserialize)]
struct Bill {
    currency: String,
    lines: Vec<Line>,
    next: Option<String>,
}

/// A line of a bill as the server tells of it.
#[derive(Deserialize)]
struct Line {
    service: String,
    amount: String,
    from: String,
    to: String,
    project: String,
}

impl Health for Plugin {
    fn check() -> Result<Report, Failure> {
        let me: Value = ask("/me")?.json()?;
        Ok(Report::new(format!("signed in as {}", me["login"].as_str().unwrap_or("nobody"))))
    }
}

impl Costs for Plugin {
    fn fetch(request: CostRequest) -> Result<CostPage, Failure> {
        let CostRequest { start_at, end_at, granularity, page } = request;
        let (from, to) = (time::format(start_at), time::format(end_at));
        let mut path = format!("/bill?from={}&to={}", http::encode(&from), http::encode(&to));
        path.push_str(&format!("&step={}&limit={}", http::encode(&granularity), page.limit));
        if let Some(cursor) = &page.cursor {
            path.push_str(&format!("&page={}", http::encode(cursor)));
        }
        columns(ask(&path)?.json()?)
    }
}

opssight_plugin::export!(Plugin: health, costs);

/// The contract wants columns: they cross the boundary in a few copies.
fn columns(bill: Bill) -> Result<CostPage, Failure> {
    let lines = &bill.lines;
    let billed_nanos = lines.iter().map(|line| nanos(&line.amount)).collect::<Result<Vec<_>, _>>()?;
    Ok(CostPage {
        currency: bill.currency,
        columns: vec!["ServiceName".to_owned()],
        text: vec![lines.iter().map(|line| line.service.clone()).collect()],
        effective_nanos: billed_nanos.clone(),
        billed_nanos,
        start_at: lines.iter().map(|line| moment(&line.from)).collect::<Result<_, _>>()?,
        end_at: lines.iter().map(|line| moment(&line.to)).collect::<Result<_, _>>()?,
        tags: lines.iter().map(|line| vec![("project".to_owned(), line.project.clone())]).collect(),
        next: bill.next,
    })
}

fn moment(text: &str) -> Result<i64, Failure> {
    time::parse(text).ok_or_else(|| Failure::upstream("{{id}}.time", format!("\"{text}\" is no time")))
}

/// "12.34" in billionths, digit by digit: no cent is lost to floating point.
fn nanos(amount: &str) -> Result<i64, Failure> {
    let (whole, part) = amount.split_once('.').unwrap_or((amount, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let well = digits(part) && part.len() <= 9 && digits(whole.strip_prefix('-').unwrap_or(whole));
    let nanos = if well { format!("{whole}{part:0<9}").parse().ok() } else { None };
    nanos.ok_or_else(|| Failure::upstream("{{id}}.amount", format!("\"{amount}\" is no amount")))
}

/// Ask the server. The host attaches the credential; an answer that is no success becomes a failure of its class.
fn ask(path: &str) -> Result<http::Response, Failure> {
    let base: Option<String> = settings::get("base_url")?;
    let base = base.ok_or_else(|| Failure::config("{{id}}.address", "the address is not set"))?;
    let request = http::get(format!("{base}{path}"));
    let what = request.describe();
    let answer = request.send()?;
    if answer.is_success() {
        return Ok(answer);
    }
    let said = format!("{what}: the server answered {}", answer.status);
    Err(match answer.status {
        401 | 403 => Failure::auth("{{id}}.unauthorised", format!("{said}: renew the token")),
        _ => Failure::upstream("{{id}}.status", said),
    })
}
