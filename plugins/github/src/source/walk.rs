//! Walking over repositories: one is visited page by page, and what a page leaves to be asked for is asked for before
//! the next page. Feeds that read lists differ in their pages and errands only.

use super::{Feed, Pull, Round, Step};
use crate::client::is_refused;
use opssight_plugin::Failure;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A repository in the middle of being read.
pub(super) trait Visit: Sized + Serialize + DeserializeOwned {
    /// What a page leaves to be asked for.
    type Errand: Errand;

    /// Before its first page.
    fn begin(service: String, pull: &Pull) -> Result<Self, Failure>;

    /// Ask for one page. Changes itself only after the page has arrived.
    fn page(&mut self, pull: &mut Pull) -> Result<(Vec<Self::Errand>, Step), Failure>;
}

/// One thing to ask for that a list does not tell.
pub(super) trait Errand: Sized + Serialize + DeserializeOwned {
    /// Ask for it; what is left of it, if it takes more than one request.
    fn run(&self, pull: &mut Pull) -> Result<Option<Self>, Failure>;
}

/// The state of a walk, which is the feed's checkpoint.
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub(super) struct Walk<V: Visit> {
    round: Round,
    visit: Option<V>,
    errands: Vec<V::Errand>,
}

impl<V: Visit> Default for Walk<V> {
    fn default() -> Self {
        Self { round: Round::default(), visit: None, errands: Vec::new() }
    }
}

impl<V: Visit> Feed for Walk<V> {
    fn step(&mut self, pull: &mut Pull) -> Result<Step, Failure> {
        if let Some(errand) = self.errands.last() {
            let rest = errand.run(pull)?;
            self.errands.pop();
            self.errands.extend(rest);
            return Ok(Step::More);
        }
        if let Some(visit) = &mut self.visit {
            match visit.page(pull) {
                Ok((errands, step)) => {
                    self.errands = errands;
                    if step == Step::Done {
                        self.visit = None;
                    }
                }
                Err(failure) if is_refused(&failure) => {
                    self.visit = None;
                    self.round.refuse(pull, &failure)?;
                }
                Err(failure) => return Err(failure),
            }
            return Ok(Step::More);
        }
        let Some(service) = self.round.next(pull)? else { return Ok(Step::Done) };
        self.visit = Some(V::begin(service, pull)?);
        Ok(Step::More)
    }
}
