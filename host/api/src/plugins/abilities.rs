//! What a plugin can do, in words.

use opssight_core::plugins::{Manifest, Wants};

/// Sentences for people, what it may do before what it cannot.
pub(super) fn of(manifest: &Manifest, imports: &[String]) -> Vec<String> {
    let wants = Wants::of(manifest, imports);
    let cannot = wants.cannot();
    wants.abilities.into_iter().map(|ability| ability.says).chain([cannot]).collect()
}
