//! Notifiers, cost adapters, inventories and detectors: their questions as a case writes them, their answers as it expects them.

use super::{Answer, fields, with};
use crate::cases::model::{Costs, Detect, List, Notification, Notify};
use crate::cases::observe::{attrs, item};
use anyhow::{Context, Result, bail};
use opssight_testkit::plugins::PageRequest;
use opssight_testkit::plugins::kinds::{self, CostPage, CostRequest, Finding, Granularity, Notified, Severity};
use opssight_testkit::{TestHost, Timestamp};
use serde_json::{Value, json};

pub(super) async fn notify(host: &TestHost, asked: &Notify) -> Result<Answer> {
    let now = host.now();
    let batch = asked.batch.iter().map(|one| notification(one, now)).collect::<Result<_>>()?;
    let answer = host.notify(&asked.target, batch).await;
    Ok(answer.map(|notified| fields(json!({ "receipts": notified.iter().map(receipt).collect::<Vec<_>>() }))))
}

fn notification(given: &Notification, now: Timestamp) -> Result<kinds::Notification> {
    let severity = match given.severity {
        0 => Severity::Information,
        1 => Severity::Low,
        2 => Severity::Medium,
        3 => Severity::High,
        4 => Severity::Critical,
        other => bail!("notify with severity {other}: it goes from 0 to 4"),
    };
    Ok(kinds::Notification {
        id: given.id.clone(),
        title: given.title.clone(),
        body_md: given.body_md.clone(),
        severity,
        at: given.at.map_or(now, Timestamp::from_millis),
        url: given.url.clone(),
        group_key: given.group_key.clone(),
        resolved: given.resolved,
        attrs: given.attrs.clone().into_iter().collect(),
    })
}

fn receipt(notified: &Notified) -> Value {
    match &notified.outcome {
        Ok(receipt) => json!({ "upstream_id": receipt.upstream_id, "attrs": attrs(&receipt.attrs) }),
        Err(failure) => json!({ "failure": {
            "class": failure.class, "code": failure.code, "message": failure.message,
            "retry_after_ms": failure.retry_after_ms,
        } }),
    }
}

pub(super) async fn costs(host: &TestHost, asked: &Costs) -> Result<Answer> {
    let known = [Granularity::Hourly, Granularity::Daily, Granularity::Monthly];
    let granularity = known.into_iter().find(|granularity| granularity.name() == asked.granularity);
    let request = CostRequest {
        start_at: Timestamp::from_millis(asked.start_at),
        end_at: Timestamp::from_millis(asked.end_at),
        granularity: granularity.with_context(|| format!("fetch costs \"{}\"", asked.granularity))?,
        page: PageRequest { cursor: asked.cursor.clone(), limit: asked.limit },
    };
    Ok(host.fetch_costs(request).await.map(|page| bill(&page)))
}

/// Columns as rows: what a person compares.
fn bill(page: &CostPage) -> serde_json::Map<String, Value> {
    let columns = page.columns();
    let numbers = columns.billed_nanos.iter().zip(&columns.effective_nanos);
    let times = columns.start_at.iter().zip(&columns.end_at);
    let rows = numbers.zip(times).zip(&columns.tags).enumerate().map(|(row, (((billed, effective), (start, end)), tags))| {
        let texts = columns.columns.iter().zip(&columns.text);
        let texts = texts.filter_map(|(name, texts)| Some((name.clone(), texts.get(row)?.clone().into())));
        json!({
            "columns": texts.collect::<serde_json::Map<_, Value>>(), "billed_nanos": billed, "effective_nanos": effective,
            "start_at": start, "end_at": end, "tags": attrs(tags),
        })
    });
    let answer = fields(json!({ "currency": columns.currency, "rows": rows.collect::<Vec<_>>() }));
    with(answer, [("next", columns.next.clone())])
}

pub(super) async fn list(host: &TestHost, asked: &List) -> Result<Answer> {
    let page = PageRequest { cursor: asked.cursor.clone(), limit: asked.limit };
    Ok(host.list_resources(&asked.scope, page).await.map(|page| {
        let items: Vec<Value> = page.resources.iter().map(item).collect();
        with(fields(json!({ "items": items })), [("next", page.next)])
    }))
}

pub(super) async fn detect(host: &TestHost, asked: &Detect) -> Result<Answer> {
    let series = asked.series.iter().map(|one| {
        let labels = one.labels.clone().into_iter().collect();
        kinds::Series::new(&one.name, labels, &one.times(), one.values.clone())
            .with_context(|| format!("take the series {}", one.name))
    });
    let params = Value::Object(asked.params.clone());
    let answer = host.detect(&series.collect::<Result<Vec<_>>>()?, &params).await;
    Ok(answer.map(|found| fields(json!({ "findings": found.iter().map(finding).collect::<Vec<_>>() }))))
}

fn finding(found: &Finding) -> Value {
    json!({
        "series_index": found.series, "start_at": found.start_at.millis(), "end_at": found.end_at.millis(),
        "score": found.score.get(), "kind": found.kind, "explanation": found.explanation, "attrs": attrs(&found.attrs),
    })
}
