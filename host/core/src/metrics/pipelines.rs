//! What a run says as points. Names and labels are OpenTelemetry's for CI/CD (semantic conventions 1.44), as Prometheus
//! spells them: `cicd.pipeline.run.duration` in seconds is `cicd_pipeline_run_duration_seconds`. The convention counts
//! runs into a histogram; here every run is a point of its own, at the time when it ended, so that nothing is lost by
//! buckets and what is told twice is one point.

use super::{Point, Sample, Series};
use crate::pipelines::{Job, Run, RunDetail};
use crate::time::Timestamp;

const RUN: &str = "cicd_pipeline_run_duration_seconds";
const TASK: &str = "cicd_pipeline_task_run_duration_seconds";
const MICROS: i64 = 1_000_000;

/// The points of a run that is over, and of its jobs that are. They follow from what is known now and nothing else, so
/// that telling them again changes nothing. What becomes known later can: a run works from the start of its first job
/// on, and a job that is learnt of afterwards may have begun before those that were known. Then there is another value
/// for the same time. Waiting for jobs that are open would not do: some, like those that somebody has to start by hand,
/// stay open for good.
pub fn samples_of_run(detail: &RunDetail) -> Vec<Sample> {
    let run = &detail.run;
    let states = [("pending", run.queue_micros()), ("executing", run.execution_micros())];
    let of_run = states.into_iter().filter_map(|(state, micros)| sample_of_run(run, state, micros?));
    of_run.chain(detail.jobs.iter().filter_map(|job| sample_of_job(run, job))).collect()
}

fn sample_of_run(run: &Run, state: &str, micros: i64) -> Option<Sample> {
    let labels = [
        ("cicd_pipeline_name", run.pipeline.as_deref().unwrap_or_default()),
        ("cicd_pipeline_result", run.result?.as_str()),
        ("cicd_pipeline_run_state", state),
        ("service", &run.service),
    ];
    sample(RUN, &labels, apart(run.finished_at?, run.id.as_str()), micros)
}

pub(super) fn sample_of_job(run: &Run, job: &Job) -> Option<Sample> {
    let labels = [
        ("cicd_pipeline_name", run.pipeline.as_deref().unwrap_or_default()),
        ("cicd_pipeline_task_name", &job.name),
        ("cicd_pipeline_task_run_result", job.result?.as_str()),
        ("service", &run.service),
    ];
    sample(TASK, &labels, apart(job.finished_at?, job.id.as_str()), job.execution_micros()?)
}

fn sample(metric: &str, labels: &[(&str, &str)], at: Timestamp, micros: i64) -> Option<Sample> {
    // Names of people may be long or hold what no label may.
    let labels = labels.iter().map(|(name, value)| (*name, tame(value)));
    let series = Series::new(metric, labels).ok()?;
    #[expect(clippy::cast_precision_loss, reason = "a duration in microseconds is far below 2^53")]
    let value = micros as f64 / 1e6;
    Some(Sample { series, point: Point { at, value } })
}

fn tame(value: &str) -> String {
    const LONGEST: usize = 200;
    crate::fact::clean(value).chars().map(|c| if c == '\\' { '/' } else { c }).take(LONGEST).collect()
}

/// Upstreams tell times in whole seconds. Two runs of a pipeline that end in the same one must not be one point, so the
/// missing fraction, in milliseconds, is taken from the run's id: the same run gets the same one, always.
fn apart(at: Timestamp, id: &str) -> Timestamp {
    if at.0 % MICROS != 0 {
        return at;
    }
    // FNV-1a: small, and the same for ever, which a hasher of the standard library does not promise.
    let hash = id
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    at.plus_micros(i64::try_from(hash % 1000).unwrap_or(0) * 1000)
}
