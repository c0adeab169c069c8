//! From what a plugin says to what this house understands: a [`RawItem`] becomes a typed [`Item`], or an error
//! that names the field. Plugin output is hostile until it has passed here.

use crate::plugins::RawItem;
use crate::time::Timestamp;
use opssight_items as wire;
use opssight_items::Payload;

/// A typed observation.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// When the upstream says this was true.
    pub at: Timestamp,
    /// What.
    pub body: Body,
}

/// What was observed.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Body {
    /// An attempt of a pipeline run.
    Run(wire::PipelineRun),
    /// A job.
    Job(wire::Job),
    /// A deployment.
    Deployment(wire::Deployment),
    /// A release.
    Release(wire::Release),
    /// A change.
    Change(wire::Change),
    /// A review of a change.
    Review(wire::Review),
    /// Commits on a branch.
    Push(wire::Push),
    /// A repository.
    Repository(wire::Repository),
}

/// Why an item is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("item {id} of kind {kind}: {problem}")]
pub struct ItemError {
    /// Its id.
    pub id: String,
    /// Its kind.
    pub kind: String,
    /// What is wrong.
    pub problem: String,
}

/// 2000-01-01 and 2100-01-01, in milliseconds: what lies outside is a mistake or an attack.
const EARLIEST_MS: i64 = 946_684_800_000;
const LATEST_MS: i64 = 4_102_444_800_000;

impl Item {
    /// Type and check one item.
    pub fn decode(raw: &RawItem) -> Result<Item, ItemError> {
        let wrong = |problem: String| ItemError { id: raw.id.clone(), kind: raw.kind.clone(), problem };
        if !(EARLIEST_MS..LATEST_MS).contains(&raw.at.millis()) {
            return Err(wrong("`at` lies outside of 2000 to 2100".to_owned()));
        }
        let body = Body::decode(&raw.kind, &raw.payload).map_err(&wrong)?;
        body.check().map_err(&wrong)?;
        Ok(Item { at: raw.at, body })
    }
}

fn parse<T: Payload>(payload: &[u8]) -> Result<T, String> {
    serde_json::from_slice(payload).map_err(|error| format!("its payload is not what the kind's schema says: {error}"))
}

impl Body {
    fn decode(kind: &str, payload: &[u8]) -> Result<Body, String> {
        Ok(match kind {
            wire::PipelineRun::KIND => Body::Run(parse(payload)?),
            wire::Job::KIND => Body::Job(parse(payload)?),
            wire::Deployment::KIND => Body::Deployment(parse(payload)?),
            wire::Release::KIND => Body::Release(parse(payload)?),
            wire::Change::KIND => Body::Change(parse(payload)?),
            wire::Review::KIND => Body::Review(parse(payload)?),
            wire::Push::KIND => Body::Push(parse(payload)?),
            wire::Repository::KIND => Body::Repository(parse(payload)?),
            other => return Err(format!("this host does not know the kind `{other}`; it knows {:?}", wire::KINDS)),
        })
    }

    /// What types cannot say: identities are there, times are of this century.
    fn check(&self) -> Result<(), String> {
        match self {
            Body::Run(run) => {
                named(&[("id", &run.id), ("service", &run.service)])?;
                counted("attempt", u64::from(run.attempt))?;
                timed(&[
                    ("created_at", run.created_at),
                    ("started_at", run.started_at),
                    ("finished_at", run.finished_at),
                ])
            }
            Body::Job(job) => {
                named(&[("id", &job.id), ("run_id", &job.run_id), ("service", &job.service)])?;
                counted("run_attempt", u64::from(job.run_attempt))?;
                timed(&[
                    ("created_at", job.created_at),
                    ("started_at", job.started_at),
                    ("finished_at", job.finished_at),
                ])?;
                let steps = job.steps.as_deref().unwrap_or_default();
                if steps.len() > 1000 {
                    return Err(format!("`steps` has {} entries; 1000 are kept", steps.len()));
                }
                steps.iter().try_for_each(|step| {
                    timed(&[("steps.started_at", step.started_at), ("steps.finished_at", step.finished_at)])
                })
            }
            Body::Deployment(deployment) => {
                named(&[("id", &deployment.id), ("service", &deployment.service)])?;
                timed(&[("created_at", deployment.created_at), ("state_at", deployment.state_at)])
            }
            Body::Release(release) => {
                named(&[("id", &release.id), ("service", &release.service)])?;
                timed(&[("created_at", release.created_at), ("published_at", release.published_at)])
            }
            Body::Change(change) => {
                named(&[("service", &change.service)])?;
                counted("number", change.number)?;
                timed(&[
                    ("first_commit_at", change.first_commit_at),
                    ("created_at", change.created_at),
                    ("merged_at", change.merged_at),
                    ("closed_at", change.closed_at),
                ])
            }
            Body::Review(review) => {
                named(&[("id", &review.id), ("service", &review.service)])?;
                counted("change", review.change)?;
                timed(&[("submitted_at", review.submitted_at)])
            }
            Body::Push(push) => {
                named(&[("service", &push.service), ("branch", &push.branch), ("after", &push.after)])?;
                if push.commits.len() > 10_000 {
                    return Err(format!("`commits` has {} entries; 10000 are kept", push.commits.len()));
                }
                // A commit carries whatever time its author's machine had; a wild one is dropped, not refused.
                Ok(())
            }
            Body::Repository(repository) => named(&[("service", &repository.service)]),
        }
    }
}

fn named(fields: &[(&str, &String)]) -> Result<(), String> {
    for (name, value) in fields {
        if value.is_empty() {
            return Err(format!("`{name}` is empty"));
        }
        if value.len() > 500 {
            return Err(format!("`{name}` is longer than 500 bytes"));
        }
        // What identifies a thing is compared and shown as it is, so it is refused here instead of being cleaned later.
        if *name == "id" && value.chars().any(|c| c.is_control() || crate::fact::is_invisible(c)) {
            return Err(format!("`{name}` holds control or invisible characters"));
        }
    }
    Ok(())
}

fn counted(name: &str, value: u64) -> Result<(), String> {
    // SQL keeps 63 bits.
    if value == 0 || value > u64::from(u32::MAX) { Err(format!("`{name}` is {value}")) } else { Ok(()) }
}

fn timed(fields: &[(&str, Option<i64>)]) -> Result<(), String> {
    for (name, value) in fields {
        if let Some(value) = value
            && !is_plausible(*value)
        {
            return Err(format!("`{name}` is {value}, which lies outside of 2000 to 2100 in milliseconds"));
        }
    }
    Ok(())
}

/// Whether a time in milliseconds can be meant.
pub fn is_plausible(millis: i64) -> bool {
    (EARLIEST_MS..LATEST_MS).contains(&millis)
}
