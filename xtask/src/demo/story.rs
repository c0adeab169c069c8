//! The second series: two weeks in the life of four services, told with recorded payloads as templates.
//!
//! The recorded examples are single moments of years ago. For a first look at the dashboard they are too few and too
//! old, so this series shifts their ids and times: pull requests are opened and merged, workflows run (some fail, one
//! job is flaky, one run is under way), deployments fail and are repaired. It follows from nothing but the time at
//! which it is told, and it goes on into the future: what lies ahead is played while the demo stays open.

use super::Delivery;
use super::payload::{Change, Deployment, Job, Run, Seconds, Stage, Templates};
use anyhow::Result;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

const DAY: Seconds = 86_400;
const MINUTE: Seconds = 60;
/// How far the story reaches back.
const DAYS: Seconds = 14;

struct Service {
    name: &'static str,
    /// A push every so many days.
    every: Seconds,
    /// Where it is deployed to.
    environments: &'static [&'static str],
}

const SERVICES: [Service; 4] = [
    Service { name: "acme/checkout", every: 1, environments: &["staging", "production"] },
    Service { name: "acme/search", every: 1, environments: &["staging", "production"] },
    Service { name: "acme/storefront", every: 2, environments: &["production"] },
    Service { name: "acme/handbook", every: 2, environments: &[] },
];

const PEOPLE: [&str; 5] = ["ada", "grace", "linus", "margaret", "barbara"];
const TITLES: [&str; 8] = [
    "Retry the payment call once",
    "Cache the product list",
    "Show prices with tax",
    "Upgrade the HTTP client",
    "Speed up the first page",
    "Log less",
    "Fix the basket's rounding",
    "Let people undo",
];

/// A job as it is planned: its name, the jobs it waits for (by place), its wait for a runner, its work.
type Plan = (&'static str, &'static [usize], Seconds, Seconds);
const CI: [Plan; 4] =
    [("lint", &[], 6, 45), ("unit tests", &[], 9, 150), ("browser tests", &[0], 14, 240), ("build", &[0, 1], 7, 95)];
const DEPLOY: [Plan; 2] = [("package", &[], 8, 60), ("deploy", &[0], 11, 120)];

/// A delivery and when it is made.
pub(super) struct Told {
    /// When.
    pub(super) at: Seconds,
    /// What.
    pub(super) delivery: Delivery,
}

/// Tell the story as of `now`, in order of time. It holds what every push until `until` leads to, so that its last
/// deliveries lie after that.
pub(super) fn tell(recorded: &[Delivery], now: Seconds, until: Seconds) -> Result<Vec<Told>> {
    let templates = Templates::choose(recorded)?;
    let mut teller = Teller { templates, told: Vec::new(), ids: 0, runs: 0, live: BTreeMap::new() };
    for (place, service) in (0..).zip(&SERVICES) {
        let mut number = 0;
        for day in (1..=DAYS).rev().filter(|day| (day + place) % service.every == 0) {
            // Working hours of the services differ, so that the runs list is mixed.
            let opened = now - day * DAY + place * 2 * 3600 + (number % 3) * 1700;
            teller.push(service, number, opened, (20 + 37 * (number % 5)) * MINUTE)?;
            number += 1;
        }
        // The newest pushes are under way now; later ones, one every two minutes in turn, follow while the demo is open.
        let times = (0..).map(|turn| (turn, now - 11 * MINUTE + turn * 2 * MINUTE));
        for (turn, opened) in times.take_while(|(_, opened)| *opened <= until).filter(|(turn, _)| turn % 4 == place) {
            teller.push(service, 100 + number + turn, opened, 7 * MINUTE + 30)?;
        }
    }
    let mut told = teller.told;
    told.sort_by_key(|(at, order, ..)| (*at, *order));
    let deliver = |(place, (at, _, event, body)): (usize, (Seconds, usize, &'static str, Value))| Told {
        at,
        delivery: Delivery { event: event.to_owned(), id: Delivery::id(2, place), body: body.to_string() },
    };
    Ok(told.into_iter().enumerate().map(deliver).collect())
}

struct Teller {
    templates: Templates,
    told: Vec<(Seconds, usize, &'static str, Value)>,
    ids: u64,
    runs: u64,
    /// The deployment that serves each environment, and the run that made it.
    live: BTreeMap<(&'static str, &'static str), (Run, Deployment)>,
}

impl Teller {
    /// One change from its proposal to production.
    fn push(&mut self, service: &Service, number: Seconds, opened: Seconds, review: Seconds) -> Result<()> {
        let place = usize::try_from(number).unwrap_or(0);
        let choose = |from: &'static [&'static str]| from.get(place % from.len().max(1)).copied().unwrap_or_default();
        let mut change = Change {
            service: service.name,
            number: 101 + u64::try_from(number).unwrap_or(0),
            title: choose(&TITLES).to_owned(),
            author: choose(&PEOPLE),
            branch: format!("{}-{number}", choose(&PEOPLE)),
            commit: commit(service.name, number, "head"),
            created: opened,
            closed: None,
            merged: number % 7 != 5,
        };
        self.note(opened, "pull_request", self.templates.change(&change, opened)?);
        let checked = self.check(&change, number)?;
        let closed = opened.max(checked) + review;
        change.closed = Some(closed);
        self.note(closed, "pull_request", self.templates.change(&change, closed)?);
        if change.merged {
            self.land(service, &change, number, closed)?;
        }
        Ok(())
    }

    /// The pull request's own run, and a rerun where a test was flaky. When it was over.
    fn check(&mut self, change: &Change, number: Seconds) -> Result<Seconds> {
        let conclusion = match number % 7 {
            2 => ("unit tests", "failure"),
            5 => ("browser tests", "timed_out"),
            _ => ("", "success"),
        };
        let run = Run { change: Some(change.number), ..self.run(change, "CI", "pull_request", change.created + 4) };
        let over = self.work(&run, &CI, conclusion)?;
        if conclusion.1 != "failure" {
            return Ok(over);
        }
        let rerun = Run { attempt: 2, started: over + 9 * MINUTE, ..run };
        self.work(&rerun, &CI, ("", "success"))
    }

    /// The run on the main branch, and the deployments.
    fn land(&mut self, service: &Service, change: &Change, number: Seconds, landed: Seconds) -> Result<()> {
        let mut main = self.run(change, "CI", "push", landed + 5);
        "main".clone_into(&mut main.branch);
        main.commit = change.commit.chars().rev().collect();
        let fails = number % 11 == 8;
        let over = self.work(&main, &CI, if fails { ("lint", "failure") } else { ("", "success") })?;
        if fails || service.environments.is_empty() {
            return Ok(());
        }
        let mut at = over + 30;
        for environment in service.environments {
            let breaks = *environment == "production" && number % 5 == 3;
            at = self.deploy(&main, environment, at, if breaks { "failure" } else { "success" }, "deploy")? + 20;
            if breaks {
                // Every other repair is a roll-back, the rest are second tries.
                let task = if number % 2 == 0 { "deploy:rollback" } else { "deploy" };
                let pause = (15 + 13 * (number % 4)) * MINUTE;
                at = self.deploy(&main, environment, at + pause, "success", task)? + 20;
            }
        }
        Ok(())
    }

    fn deploy(
        &mut self,
        of: &Run,
        environment: &'static str,
        at: Seconds,
        state: &'static str,
        task: &'static str,
    ) -> Result<Seconds> {
        let id = self.next_id();
        let number = self.next_run();
        let run = Run {
            id,
            attempt: 1,
            number,
            workflow: if environment == "production" { "Deploy to production" } else { "Deploy to staging" },
            trigger: "workflow_dispatch",
            created: at,
            started: at,
            ..of.clone()
        };
        let over =
            self.work(&run, &DEPLOY, if state == "success" { ("", "success") } else { ("deploy", "failure") })?;
        let description = if task == "deploy" { "" } else { "Roll back to the version before" };
        let deployment = Deployment { id: self.next_id(), environment, task, description, created: at + 60 };
        let (started, finished) = (at + 90, over - 1);
        self.note(deployment.created, "deployment", self.templates.deployment(&run, &deployment, None)?);
        for (state, at) in [("in_progress", started), (state, finished)] {
            self.note(at, "deployment_status", self.templates.deployment(&run, &deployment, Some((state, at)))?);
        }
        if state == "success" {
            // What served before serves no more, and GitHub says so.
            let place = (run.service, environment);
            if let Some((run, before)) = self.live.insert(place, (run, deployment)) {
                let said = ("inactive", finished + 1);
                let payload = self.templates.deployment(&run, &before, Some(said))?;
                self.note(said.1, "deployment_status", payload);
            }
        }
        Ok(over)
    }

    fn run(&mut self, change: &Change, workflow: &'static str, trigger: &'static str, at: Seconds) -> Run {
        Run {
            service: change.service,
            id: self.next_id(),
            attempt: 1,
            number: self.next_run(),
            workflow,
            title: change.title.clone(),
            trigger,
            branch: change.branch.clone(),
            commit: change.commit.clone(),
            actor: change.author,
            change: None,
            created: at,
            started: at,
        }
    }

    /// A run with its jobs, from asked for to over. `bad` names a job that does not work out, and how.
    fn work(&mut self, run: &Run, plan: &[Plan], bad: (&str, &'static str)) -> Result<Seconds> {
        self.note(run.started, "workflow_run", self.templates.run(run, Stage::Queued, "", run.started)?);
        let mut jobs: Vec<Job> = Vec::new();
        for (name, needs, wait, work) in plan {
            let needed: Vec<&Job> = needs.iter().filter_map(|need| jobs.get(*need)).collect();
            let created = needed.iter().map(|job| job.finished).max().unwrap_or(run.started) + 1;
            let skipped = needed.iter().any(|job| job.conclusion != "success");
            let conclusion = if skipped { "skipped" } else { bad_or_good(name, bad) };
            // No two runs take equally long.
            let spread = Seconds::try_from(run.id % 23).unwrap_or(0);
            let (wait, work) = if skipped { (0, 0) } else { (wait + spread % 8, work + spread * 2) };
            let (started, finished) = (created + wait, created + wait + work);
            jobs.push(Job { id: self.next_id(), name, conclusion, created, started, finished });
        }
        for job in &jobs {
            self.note(job.created, "workflow_job", self.templates.job(run, job, Stage::Queued)?);
            if job.conclusion != "skipped" {
                self.note(job.started, "workflow_job", self.templates.job(run, job, Stage::Running)?);
            }
            self.note(job.finished, "workflow_job", self.templates.job(run, job, Stage::Finished)?);
        }
        let begun = jobs.iter().map(|job| job.started).min().unwrap_or(run.started);
        let over = jobs.iter().map(|job| job.finished).max().unwrap_or(run.started) + 2;
        self.note(begun, "workflow_run", self.templates.run(run, Stage::Running, "", begun)?);
        self.note(over, "workflow_run", self.templates.run(run, Stage::Finished, bad.1, over)?);
        Ok(over)
    }

    fn note(&mut self, at: Seconds, event: &'static str, payload: Value) {
        self.told.push((at, self.told.len(), event, payload));
    }

    fn next_id(&mut self) -> u64 {
        self.ids += 1;
        9_000_000_000 + self.ids
    }

    fn next_run(&mut self) -> u64 {
        self.runs += 1;
        self.runs
    }
}

fn bad_or_good(name: &str, (bad, conclusion): (&str, &'static str)) -> &'static str {
    if name == bad { conclusion } else { "success" }
}

/// A commit's hash that follows from what it is.
fn commit(service: &str, number: Seconds, what: &str) -> String {
    hex::encode(Sha256::digest(format!("{service}/{number}/{what}"))).chars().take(40).collect()
}
