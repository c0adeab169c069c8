use super::super::{Answer, InstantQuery, LabelsQuery, RangeQuery, Series, SeriesQuery};
use super::*;
use crate::error::StoreError;
use crate::id::ConnectionId;
use crate::page::Page;
use crate::pipelines::{FlakyJob, Overview, PipelineSummary, RunQuery};
use crate::time::Timestamp;
use crate::vocabulary::{RunResult, RunState};
use async_trait::async_trait;
use futures::executor::block_on;
use serde_json::json;
use std::sync::Mutex;

const NOW: Timestamp = Timestamp(1_700_000_000_000_000);

#[derive(Default)]
struct World {
    runs: Mutex<Vec<RunDetail>>,
    kept: Mutex<Vec<Sample>>,
    /// How many points each write had, also those that failed.
    writes: Mutex<Vec<usize>>,
    left_out: Mutex<LeftOut>,
    down: Mutex<bool>,
    refuses: Mutex<Option<String>>,
}

impl Clock for World {
    fn now(&self) -> Timestamp {
        NOW
    }
}

#[async_trait]
impl RunStore for World {
    async fn runs(&self, _: &RunQuery) -> Result<Page<Run>, StoreError> {
        unreachable!()
    }

    async fn run(&self, id: &RunId) -> Result<Option<RunDetail>, StoreError> {
        Ok(self.runs.lock().unwrap().iter().find(|detail| &detail.run.id == id).cloned())
    }

    async fn pipelines(&self, _: Option<&str>, _: Timestamp) -> Result<Vec<PipelineSummary>, StoreError> {
        unreachable!()
    }

    async fn flaky_jobs(&self, _: Option<&str>, _: Timestamp) -> Result<Vec<FlakyJob>, StoreError> {
        unreachable!()
    }

    async fn overview(&self, _: Timestamp) -> Result<Overview, StoreError> {
        unreachable!()
    }
}

#[async_trait]
impl SeriesStore for World {
    async fn write(&self, samples: Vec<Sample>) -> Result<(), MetricsError> {
        self.writes.lock().unwrap().push(samples.len());
        if *self.down.lock().unwrap() {
            return Err(MetricsError::Overloaded { points: samples.len(), waiting: 1 });
        }
        if let Some(metric) = self.refuses.lock().unwrap().as_deref()
            && samples.iter().any(|sample| sample.series.metric() == metric)
        {
            return Err(MetricsError::Refused { place: "a store".into(), said: "no".into() });
        }
        self.kept.lock().unwrap().extend(samples);
        Ok(())
    }

    async fn query(&self, _: &InstantQuery) -> Result<Answer, MetricsError> {
        unreachable!()
    }

    async fn query_range(&self, _: &RangeQuery) -> Result<Answer, MetricsError> {
        unreachable!()
    }

    async fn series(&self, _: &SeriesQuery) -> Result<Vec<Series>, MetricsError> {
        unreachable!()
    }

    async fn labels(&self, _: &LabelsQuery) -> Result<Vec<String>, MetricsError> {
        unreachable!()
    }

    async fn close(&self) {}
}

fn at(secs: i64) -> Option<Timestamp> {
    Some(NOW.plus_secs(secs - 3600))
}

fn run(id: &str, finished: i64) -> RunDetail {
    let job = Job {
        id: JobId(format!("job_{id}")),
        run: RunId(id.to_owned()),
        upstream_id: "1".into(),
        name: "test\\unit".into(),
        state: RunState::Finished,
        url: None,
        result: Some(RunResult::Failure),
        created_at: at(0),
        started_at: at(10),
        finished_at: at(finished),
        runner: None,
        labels: Vec::new(),
        steps: Vec::new(),
    };
    let run = Run {
        id: RunId(id.to_owned()),
        connection: ConnectionId("con_1".into()),
        upstream_id: "1".into(),
        attempt: 1,
        service: "acme/shop".into(),
        state: RunState::Finished,
        pipeline: Some("CI".into()),
        number: None,
        title: None,
        url: None,
        result: Some(RunResult::Failure),
        trigger: None,
        branch: None,
        commit: None,
        actor: None,
        changes: Vec::new(),
        created_at: at(0),
        started_at: at(10),
        finished_at: at(finished),
        observed_at: NOW,
        first_job_started_at: None,
    };
    RunDetail { run, jobs: vec![job], flaky: Vec::new(), attempts: Vec::new() }
}

fn event(seq: i64, kind: &str, subject: &str, data: serde_json::Value) -> Event {
    let (kind, subject) = (kind.to_owned(), subject.to_owned());
    Event { seq, kind, connection: ConnectionId("con_1".into()), subject, at: NOW, data }
}

const RUN_OVER: &str = "dev.cdevents.pipelinerun.finished.0.3.0";
const JOB_OVER: &str = "dev.cdevents.taskrun.finished.0.3.0";

fn world(runs: &[(&str, i64)]) -> (Arc<World>, Producer) {
    let world = Arc::new(World::default());
    *world.runs.lock().unwrap() = runs.iter().map(|(id, finished)| run(id, *finished)).collect();
    let told = world.clone();
    let producer = Producer {
        runs: world.clone(),
        metrics: world.clone(),
        clock: world.clone(),
        kept_secs: 86_400,
        left_out: Arc::new(move |left_out| told.left_out.lock().unwrap().clone_from(left_out)),
    };
    (world, producer)
}

fn over(runs: &[&str]) -> Vec<Event> {
    (1..).zip(runs).map(|(seq, id)| event(seq, RUN_OVER, id, json!({}))).collect()
}

fn job_over(run: &str) -> Event {
    event(9, JOB_OVER, &format!("job_{run}"), json!({"run": run}))
}

/// Hand over so many that are all taken.
fn told(producer: &Producer, events: &[Event]) {
    assert_eq!(block_on(producer.hand_over(events)), Handed { kept: events.len(), failed: None });
}

#[test]
fn a_run_that_ended_is_said_with_the_words_of_the_convention() {
    let (world, producer) = world(&[("run_a", 70)]);
    told(&producer, &over(&["run_a"]));
    let kept = world.kept.lock().unwrap();
    let said: Vec<String> = kept.iter().map(|s| format!("{} {}", s.series, s.point.value)).collect();
    assert_eq!(
        said,
        [
            r#"cicd_pipeline_run_duration_seconds{cicd_pipeline_name="CI",cicd_pipeline_result="failure",cicd_pipeline_run_state="pending",service="acme/shop"} 10"#,
            r#"cicd_pipeline_run_duration_seconds{cicd_pipeline_name="CI",cicd_pipeline_result="failure",cicd_pipeline_run_state="executing",service="acme/shop"} 60"#,
            r#"cicd_pipeline_task_run_duration_seconds{cicd_pipeline_name="CI",cicd_pipeline_task_name="test/unit",cicd_pipeline_task_run_result="failure",service="acme/shop"} 60"#,
        ]
    );
    let ended = at(70).unwrap();
    assert!(kept.iter().all(|s| s.point.at >= ended && s.point.at < ended.plus_secs(1)));
    assert_eq!(*world.left_out.lock().unwrap(), LeftOut::default());
}

#[test]
fn the_events_of_what_ended_are_known_by_their_type() {
    let detail = run("run_a", 70);
    assert!(detail.run.event_type().starts_with(Run::FINISHED));
    assert!(detail.jobs[0].event_type().starts_with(Job::FINISHED));
}

#[test]
fn runs_that_end_in_the_same_second_stay_apart_and_each_stays_itself() {
    let (world, producer) = world(&[("run_a", 70), ("run_b", 70)]);
    told(&producer, &over(&["run_a", "run_b"]));
    let first = world.kept.lock().unwrap().clone();
    let times: BTreeSet<i64> = first.iter().map(|s| s.point.at.0).collect();
    assert!(times.len() >= 4, "{times:?}");
    // A crash between the write and the place: everything is said again, and is the same.
    told(&producer, &over(&["run_a", "run_b"]));
    assert_eq!(world.kept.lock().unwrap()[first.len()..], first[..]);
}

#[test]
fn a_job_that_ended_is_said_alone() {
    let (world, producer) = world(&[("run_a", 70)]);
    let mut other = run("run_a", 70).jobs.remove(0);
    other.id = JobId("job_other".to_owned());
    world.runs.lock().unwrap()[0].jobs.push(other);
    told(&producer, &[job_over("run_a"), job_over("run_gone")]);
    let kept = world.kept.lock().unwrap();
    let metrics: Vec<&str> = kept.iter().map(|sample| sample.series.metric()).collect();
    assert_eq!(metrics, ["cicd_pipeline_task_run_duration_seconds"]);
}

#[test]
fn nothing_is_taken_before_the_points_are_kept() {
    let (world, producer) = world(&[("run_a", 70)]);
    *world.down.lock().unwrap() = true;
    let handed = block_on(producer.hand_over(&over(&["run_a"])));
    assert_eq!(handed.kept, 0);
    assert!(handed.failed.unwrap().0.contains("overloaded"));
    *world.down.lock().unwrap() = false;
    told(&producer, &over(&["run_a"]));
    assert_eq!(world.kept.lock().unwrap().len(), 3);
}

#[test]
fn a_point_that_is_refused_for_good_takes_no_other_with_it_and_the_reason_is_told() {
    let (world, producer) = world(&[("run_a", 70), ("run_b", 70)]);
    world.runs.lock().unwrap()[1].jobs.clear();
    *world.refuses.lock().unwrap() = Some("cicd_pipeline_task_run_duration_seconds".into());
    told(&producer, &over(&["run_a", "run_b"]));
    assert_eq!(world.kept.lock().unwrap().len(), 4);
    let LeftOut { points, why } = world.left_out.lock().unwrap().clone();
    assert_eq!((points, why.as_str()), (1, "keep the points: a store refused them: no"));
    assert_eq!(*world.writes.lock().unwrap(), [5, 3, 1, 1, 1, 2], "only the run that has it is taken apart");
}

#[test]
fn what_is_older_than_anything_kept_is_left_out_with_the_setting_that_says_so() {
    let (world, producer) = world(&[("run_a", -90_000)]);
    told(&producer, &over(&["run_a"]));
    assert!(world.kept.lock().unwrap().is_empty());
    let left_out = world.left_out.lock().unwrap();
    assert!(left_out.points == 3 && left_out.why.contains("metrics.raw_days"), "{left_out:?}");
}
