//! `opssight runs watch`: follow a run over the live stream until it is over.
//!
//! The stream only says that something changed; the run itself is fetched again, so that a missed, doubled or
//! reordered event cannot lead astray. While the stream is down the run is asked for from time to time.

use super::events::{Decoder, Event};
use super::{result_name, show, state};
use crate::Session;
use crate::args::OutputFormat;
use crate::client::{Client, Received};
use crate::error::CliError;
use crate::ui::format;
use indicatif::ProgressBar;
use opssight_api_types::live::LiveEvent;
use opssight_api_types::pipelines::{RunDetail, RunResult, RunState};
use std::collections::{HashSet, VecDeque};
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// How long nothing may be heard before the run is asked for anyway.
const POLL: Duration = Duration::from_secs(15);
/// How long to let a burst of events go by before fetching once for all of them.
const SETTLE: Duration = Duration::from_millis(100);
/// A stream that is silent for so long is dead: the server sends a comment more often.
const SILENCE: Duration = Duration::from_secs(60);
/// How often in a row the run may fail to be fetched.
const PATIENCE: u32 = 20;

pub(super) async fn watch(session: &mut Session, id: &str, limit: Option<Duration>) -> Result<(), CliError> {
    let deadline = limit.map(|limit| Instant::now() + limit);
    // The stream is opened before the run is read: what happens in between is then heard.
    let mut stream = Stream::open(&session.client, id).await?;
    let mut view = View::new(session, id);
    let mut misses = 0;
    loop {
        match session.client.get::<RunDetail>(&["runs", id], &()).await {
            Ok(detail) => {
                misses = 0;
                view.show(session, &detail)?;
                if detail.value.run.state == RunState::Finished {
                    return view.end(session, &detail);
                }
                stream.know(&detail.value);
            }
            Err(error) if error.is_passing() && misses < PATIENCE => misses += 1,
            Err(error) => return Err(error),
        }
        let changed = async {
            let _ = timeout(POLL, stream.changed(&session.client)).await;
            sleep(SETTLE).await;
        };
        tokio::select! {
            () = changed => {}
            () = until(deadline) => return view.give_up(),
        }
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// The live stream, opened again when it breaks.
struct Stream {
    run: String,
    /// The run and its jobs: events about them matter.
    subjects: HashSet<String>,
    response: Option<reqwest::Response>,
    decoder: Decoder,
    waiting: VecDeque<Event>,
    last_event_id: Option<String>,
    broken: u32,
}

impl Stream {
    async fn open(client: &Client, run: &str) -> Result<Self, CliError> {
        let response = match client.live(None).await {
            Ok(response) => Some(response),
            Err(error) if error.is_passing() => None,
            Err(error) => return Err(error),
        };
        Ok(Self {
            run: run.to_owned(),
            subjects: HashSet::from([run.to_owned()]),
            response,
            decoder: Decoder::default(),
            waiting: VecDeque::new(),
            last_event_id: None,
            broken: 0,
        })
    }

    fn know(&mut self, detail: &RunDetail) {
        self.subjects.insert(detail.run.id.clone());
        self.subjects.extend(detail.jobs.iter().map(|job| job.id.clone()));
    }

    /// Wait until the run may have changed. May be dropped and called again.
    async fn changed(&mut self, client: &Client) {
        loop {
            while let Some(event) = self.waiting.pop_front() {
                if self.concerns(event) {
                    return;
                }
            }
            let Some(response) = &mut self.response else {
                // What was missed meanwhile may concern the run.
                if self.reopen(client).await {
                    return;
                }
                continue;
            };
            match timeout(SILENCE, response.chunk()).await {
                Ok(Ok(Some(chunk))) => match self.decoder.push(&chunk) {
                    Ok(events) => {
                        self.broken = 0;
                        self.waiting.extend(events);
                    }
                    Err(_) => self.response = None,
                },
                Ok(Ok(None) | Err(_)) | Err(_) => self.response = None,
            }
        }
    }

    async fn reopen(&mut self, client: &Client) -> bool {
        sleep(Duration::from_millis(250 << self.broken.min(6))).await;
        self.broken = self.broken.saturating_add(1);
        self.decoder = Decoder::default();
        self.response = client.live(self.last_event_id.as_deref()).await.ok();
        self.response.is_some()
    }

    fn concerns(&mut self, event: Event) -> bool {
        if event.id.as_ref().is_some_and(|id| !id.is_empty()) {
            self.last_event_id = event.id;
        }
        if event.name == "resync" {
            self.last_event_id = None;
            return true;
        }
        let Ok(event) = serde_json::from_str::<LiveEvent>(&event.data) else { return false };
        let names = |key: &str| event.data.get(key).and_then(|value| value.as_str()) == Some(&self.run);
        self.subjects.contains(&event.subject) || names("run") || names("run_id")
    }
}

/// What the person sees meanwhile.
struct View {
    id: String,
    bar: ProgressBar,
    done: HashSet<String>,
    last: Option<RunDetail>,
    last_line: Option<String>,
}

impl View {
    fn new(session: &Session, id: &str) -> Self {
        let bar = session.ui.bar(0, "{spinner} [{bar:24}] {pos}/{len} jobs  {wide_msg}");
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { id: id.to_owned(), bar, done: HashSet::new(), last: None, last_line: None }
    }

    fn show(&mut self, session: &mut Session, detail: &Received<RunDetail>) -> Result<(), CliError> {
        if session.ui.format() == OutputFormat::Jsonl {
            let line = serde_json::to_string(&detail.tree).map_err(|e| CliError::Render(e.to_string()))?;
            if self.last_line.as_ref() != Some(&line) {
                session.ui.json_line(&detail.tree)?;
                self.last_line = Some(line);
            }
        }
        self.draw(&detail.value);
        self.last = Some(detail.value.clone());
        Ok(())
    }

    fn draw(&mut self, detail: &RunDetail) {
        let mut running = Vec::new();
        for job in &detail.jobs {
            match job.state {
                RunState::Finished if self.done.insert(job.id.clone()) => {
                    let took = format::duration_or_dash(job.execution_ms);
                    let name = format::line(&job.name);
                    self.bar.println(format!("{:<10} {name}  {took}", state(job.state, job.result).text()));
                }
                RunState::Running => running.push(format::line(&job.name)),
                _ => {}
            }
        }
        self.bar.set_length(detail.jobs.len() as u64);
        self.bar.set_position(self.done.len() as u64);
        let now = state(detail.run.state, detail.run.result);
        self.bar.set_message(if running.is_empty() {
            now.text().to_owned()
        } else {
            format!("{}: {}", now.text(), running.join(", "))
        });
    }

    fn end(self, session: &mut Session, detail: &Received<RunDetail>) -> Result<(), CliError> {
        self.bar.finish_and_clear();
        let (run, tree) = (&detail.value.run, &detail.tree);
        if session.ui.format() != OutputFormat::Jsonl {
            session.ui.document(tree, &run.id, |ui| show::print(ui, &detail.value, false))?;
        }
        match run.result {
            Some(RunResult::Success | RunResult::Skip | RunResult::Neutral) => Ok(()),
            Some(result) => Err(CliError::EndedBadly(format!("run {} ended badly: {}", run.id, result_name(result)))),
            None => Err(CliError::EndedBadly(format!("run {} ended without a result", run.id))),
        }
    }

    fn give_up(self) -> Result<(), CliError> {
        self.bar.finish_and_clear();
        let state = match &self.last {
            Some(detail) => state(detail.run.state, detail.run.result).text().to_owned(),
            None => "unknown".to_owned(),
        };
        Err(CliError::StillPending(format!("run {} is not over yet: {state}", self.id)))
    }
}
