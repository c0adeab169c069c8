use super::super::{Answer, InstantQuery, LabelsQuery, RangeQuery, Sample, Series, SeriesQuery};
use super::*;
use crate::error::StoreError;
use crate::id::{ConnectionId, JobId};
use crate::page::Page;
use crate::pipelines::{FlakyJob, Job, Overview, PipelineSummary, Run, RunDetail, RunQuery};
use crate::time::Timestamp;
use crate::vocabulary::{RunResult, RunState};
use async_trait::async_trait;
use futures::executor::block_on;
use serde_json::json;
use std::sync::Mutex;

const NOW: Timestamp = Timestamp(1_700_000_000_000_000);

#[derive(Default)]
struct World {
    events: Mutex<Vec<Event>>,
    place: Mutex<i64>,
    runs: Mutex<Vec<RunDetail>>,
    kept: Mutex<Vec<Sample>>,
    down: Mutex<bool>,
    refuses: Mutex<Option<String>>,
}

impl Clock for World {
    fn now(&self) -> Timestamp {
        NOW
    }
}

#[async_trait]
impl EventLog for World {
    async fn after(&self, seq: i64, limit: u32) -> Result<Vec<Event>, StoreError> {
        let events = self.events.lock().unwrap();
        Ok(events.iter().filter(|event| event.seq > seq).take(limit as usize).cloned().collect())
    }

    async fn bounds(&self) -> Result<(i64, i64), StoreError> {
        unreachable!()
    }
}

#[async_trait]
impl Places for World {
    async fn place(&self, _: &str) -> Result<i64, StoreError> {
        Ok(*self.place.lock().unwrap())
    }

    async fn advance(&self, subscriber: &str, seq: i64) -> Result<(), StoreError> {
        assert_eq!(subscriber, "metrics");
        *self.place.lock().unwrap() = seq;
        Ok(())
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
    let over = |(seq, (id, _)): (usize, &(&str, i64))| event(seq as i64 + 1, RUN_OVER, id, json!({}));
    *world.events.lock().unwrap() = runs.iter().enumerate().map(over).collect();
    let producer = Producer {
        events: world.clone(),
        places: world.clone(),
        runs: world.clone(),
        metrics: world.clone(),
        clock: world.clone(),
        kept_secs: 86_400,
    };
    (world, producer)
}

#[test]
fn a_run_that_ended_is_said_with_the_words_of_the_convention() {
    block_on(async {
        let (world, producer) = world(&[("run_a", 70)]);
        let followed = producer.follow().await.unwrap();
        assert_eq!(followed, Followed { events: 1, points: 3, refused: 0 });
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
    });
}

#[test]
fn runs_that_end_in_the_same_second_stay_apart_and_each_stays_itself() {
    block_on(async {
        let (world, producer) = world(&[("run_a", 70), ("run_b", 70)]);
        producer.follow().await.unwrap();
        let first = world.kept.lock().unwrap().clone();
        let times: BTreeSet<i64> = first.iter().map(|s| s.point.at.0).collect();
        assert!(times.len() >= 4, "{times:?}");
        // A crash between the write and the place: everything is said again, and is the same.
        *world.place.lock().unwrap() = 0;
        producer.follow().await.unwrap();
        let kept = world.kept.lock().unwrap();
        assert_eq!(kept[first.len()..], first[..]);
    });
}

#[test]
fn a_job_that_ends_after_its_run_says_the_run_again() {
    block_on(async {
        let (world, producer) = world(&[("run_a", 70)]);
        producer.follow().await.unwrap();
        world.events.lock().unwrap().push(event(9, JOB_OVER, "job_run_a", json!({"run": "run_a"})));
        world.events.lock().unwrap().push(event(10, JOB_OVER, "job_gone", json!({"run": "run_gone"})));
        assert_eq!(producer.follow().await.unwrap(), Followed { events: 2, points: 3, refused: 0 });
        assert_eq!(*world.place.lock().unwrap(), 10);
        assert_eq!(producer.follow().await.unwrap(), Followed::default());
    });
}

#[test]
fn the_place_moves_only_after_the_points_are_kept() {
    block_on(async {
        let (world, producer) = world(&[("run_a", 70)]);
        *world.down.lock().unwrap() = true;
        assert!(producer.follow().await.is_err());
        assert_eq!(*world.place.lock().unwrap(), 0);
        *world.down.lock().unwrap() = false;
        assert_eq!(producer.follow().await.unwrap().points, 3);
    });
}

#[test]
fn a_point_that_is_refused_for_good_takes_no_other_with_it() {
    block_on(async {
        let (world, producer) = world(&[("run_a", 70)]);
        *world.refuses.lock().unwrap() = Some("cicd_pipeline_task_run_duration_seconds".into());
        assert_eq!(producer.follow().await.unwrap(), Followed { events: 1, points: 2, refused: 1 });
        assert_eq!(*world.place.lock().unwrap(), 1);
    });
}

#[test]
fn what_is_older_than_anything_kept_is_counted_and_not_said() {
    block_on(async {
        let (world, producer) = world(&[("run_a", -90_000)]);
        assert_eq!(producer.follow().await.unwrap(), Followed { events: 1, points: 0, refused: 3 });
        assert!(world.kept.lock().unwrap().is_empty());
        assert_eq!(*world.place.lock().unwrap(), 1);
    });
}
