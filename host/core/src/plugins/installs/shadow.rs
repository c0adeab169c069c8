//! Shadow: a newer version answers the same questions as the active one, offline, and nobody acts on its answers.

use super::ports::Comparison;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Differences that are kept to be looked at.
const SAMPLES: usize = 20;

/// When a shadow becomes the active version, or is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShadowRule {
    /// Decide after so many compared calls.
    pub calls: u64,
    /// Promote it if at most so many of them differed; otherwise it is dropped.
    pub differences: u64,
}

impl Default for ShadowRule {
    fn default() -> Self {
        Self { calls: 100, differences: 0 }
    }
}

/// A version in the shadow of the active one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shadow {
    /// Which version.
    pub digest: String,
    /// When it ends.
    pub rule: ShadowRule,
    /// Somebody agreed to all that it wants: it may become the active version by the rule alone.
    #[serde(default)]
    pub agreed: bool,
    /// Since when.
    pub since: Timestamp,
    /// Calls compared.
    pub compared: u64,
    /// Of them, how many differed.
    pub different: u64,
    /// The last differences: call, kind, in words.
    pub samples: Vec<(String, String, String)>,
}

/// What the rule says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShadowVerdict {
    /// Not enough calls yet.
    Wait,
    /// Make it the active version.
    Promote,
    /// Let go of it.
    Drop,
}

impl Shadow {
    pub(super) fn new(digest: String, rule: ShadowRule, agreed: bool, since: Timestamp) -> Self {
        Self { digest, rule, agreed, since, compared: 0, different: 0, samples: Vec::new() }
    }

    /// Count comparisons.
    pub fn note(&mut self, comparisons: &[Comparison]) {
        for comparison in comparisons {
            self.compared += 1;
            if let Some(difference) = &comparison.difference {
                self.different += 1;
                let difference = crate::fact::clean(difference);
                self.samples.push((comparison.call.0.clone(), comparison.kind.clone(), difference));
            }
        }
        let surplus = self.samples.len().saturating_sub(SAMPLES);
        self.samples.drain(..surplus);
    }

    /// What to do now. More differences than allowed end it at once.
    pub fn verdict(&self) -> ShadowVerdict {
        if self.different > self.rule.differences {
            ShadowVerdict::Drop
        } else if self.compared >= self.rule.calls {
            ShadowVerdict::Promote
        } else {
            ShadowVerdict::Wait
        }
    }
}
