//! `opssight delivery metrics`.

use crate::Session;
use crate::Time;
use crate::args::{Moment, OutputFormat, Paging, moment, only_metrics_have_csv, wire};
use crate::error::CliError;
use crate::list::{self, Row};
use crate::tree::Tree;
use crate::ui::format;
use crate::ui::table::{Field, Table, Tone};
use clap::Args;
use opssight_api_types::delivery::{DeliveryMetrics, DeliveryReport, Evidence, EvidenceQuery, Metric, MetricsQuery};

const METRICS: &[&str] = &[
    "deployment_frequency",
    "change_lead_time",
    "change_fail_rate",
    "failed_deployment_recovery_time",
    "deployment_rework_rate",
];

#[derive(Debug, Args)]
#[command(after_help = "A metric that nothing is known about is shown as `-`. Times are medians. The counts in \
    parentheses say what a share is made of.\n\nExamples:\n  opssight delivery metrics\n  \
    opssight delivery metrics --service acme/web --from 90d -o json\n  \
    opssight delivery metrics --evidence change_fail_rate --service acme/web --environment production")]
pub struct MetricsArgs {
    /// Only of this service
    #[arg(long, short, value_name = "OWNER/NAME")]
    service: Option<String>,
    /// Only of this environment
    #[arg(long, short, value_name = "NAME")]
    environment: Option<String>,
    /// Start of the window: 30d, 2026-11-01 or RFC 3339 [default: 30 days before its end]
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    from: Option<Moment>,
    /// End of the window, exclusive [default: now]
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    to: Option<Moment>,
    /// List the evidence behind this metric instead
    #[arg(long, value_name = "METRIC", value_parser = wire::<Metric>(METRICS), requires_all = ["service", "environment"])]
    evidence: Option<Metric>,
    // Pages exist for the evidence only; the metrics come as one report.
    #[command(flatten)]
    paging: Paging,
}

pub(super) async fn run(session: &mut Session, args: MetricsArgs) -> Result<(), CliError> {
    let now = session.ui.now();
    let from = args.from.map(|from| from.resolve(now));
    let to = args.to.map(|to| to.resolve(now));
    if let (Some(metric), Some(service), Some(environment)) = (args.evidence, &args.service, &args.environment) {
        let (service, environment) = (service.clone(), environment.clone());
        let query = EvidenceQuery { metric, service, environment, from, to, cursor: None, limit: None };
        return list::print::<Evidence>(session, &["delivery", "evidence"], &query, &args.paging).await;
    }
    let query = MetricsQuery { service: args.service, environment: args.environment, from, to };
    report(session, &query).await
}

async fn report(session: &mut Session, query: &MetricsQuery) -> Result<(), CliError> {
    let mut report = session.client.get::<DeliveryReport>(&["delivery", "metrics"], query).await?;
    match session.ui.format() {
        OutputFormat::Json | OutputFormat::Yaml => session.ui.document(&report.tree, "", |_| Ok(())),
        OutputFormat::Jsonl => match report.tree.take("metrics") {
            Some(Tree::List(rows)) => rows.iter().try_for_each(|row| session.ui.json_line(row)),
            _ => Ok(()),
        },
        // There is no id; a tab keeps the two names apart for `cut`.
        OutputFormat::Name => report.value.metrics.iter().try_for_each(|row| {
            let (service, environment) = (format::line(&row.service), format::line(&row.environment));
            session.ui.write_line(&format!("{service}\t{environment}"))
        }),
        OutputFormat::Table => print(session, &report.value),
        OutputFormat::Csv => only_metrics_have_csv(OutputFormat::Csv),
    }
}

fn print(session: &mut Session, report: &DeliveryReport) -> Result<(), CliError> {
    let (from, to) = (report.from.format("%Y-%m-%d %H:%M"), report.to.format("%Y-%m-%d %H:%M"));
    if report.metrics.is_empty() {
        session.ui.note(&format!("No deployments from {from} to {to} UTC."));
        return Ok(());
    }
    let header =
        ["SERVICE", "ENVIRONMENT", "DEPLOYMENTS/DAY", "LEAD TIME", "FAIL RATE", "RECOVERY TIME", "REWORK RATE"];
    let mut table = Table::new(&header).whole(&[2, 3, 4, 5, 6]);
    for metrics in &report.metrics {
        table.row(fields(metrics));
    }
    session.ui.table(&table)?;
    session.ui.note(&format!("From {from} to {to} UTC."));
    Ok(())
}

fn fields(metrics: &DeliveryMetrics) -> Vec<Field> {
    let counts = &metrics.counts;
    let over = counts.succeeded + counts.failed;
    vec![
        (&metrics.service).into(),
        (&metrics.environment).into(),
        format!("{:.2} ({})", metrics.deployment_frequency_per_day, counts.succeeded).into(),
        with_count(metrics.change_lead_time_ms_p50.map(format::duration), counts.changes, "changes").into(),
        share(metrics.change_fail_rate, counts.failed, over).into(),
        with_count(metrics.failed_deployment_recovery_time_ms_p50.map(format::duration), counts.recovered, "recovered")
            .into(),
        share(metrics.deployment_rework_rate, counts.rework, over).into(),
    ]
}

fn with_count(value: Option<String>, count: u64, what: &str) -> String {
    value.map_or_else(format::dash, |value| format!("{value} ({count} {what})"))
}

fn share(value: Option<f64>, part: u64, whole: u64) -> String {
    value.map_or_else(format::dash, |value| format!("{} ({part}/{whole})", format::percent(value)))
}

impl Row for Evidence {
    const PLURAL: &'static str = "pieces of evidence";
    const HEADER: &'static [&'static str] =
        &["DEPLOYMENT", "OUTCOME", "COMMIT", "CHANGE", "TIME", "CREATED", "RELATED", "BECAUSE"];
    const WHOLE: &'static [usize] = &[0, 1, 2, 4, 5, 6];

    fn id(&self) -> &str {
        &self.deployment.id
    }

    fn fields(&self, now: Time) -> Vec<Field> {
        let change = self.change.as_ref().map(|change| match &change.title {
            Some(title) => format!("#{} {title}", change.number),
            None => format!("#{}", change.number),
        });
        vec![
            (&self.deployment.id).into(),
            super::outcome(self.deployment.outcome),
            self.deployment.commit.as_deref().map_or_else(format::dash, format::commit).into(),
            change.unwrap_or_else(format::dash).into(),
            format::duration_or_dash(self.value_ms).into(),
            format::ago_or_dash(self.deployment.created_at, now).into(),
            Field::toned(format::text_or_dash(self.related.as_deref()), Tone::Muted),
            (&self.because).into(),
        ]
    }
}
