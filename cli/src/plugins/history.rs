//! `opssight plugin versions` and `opssight plugin events`.

use crate::Session;
use crate::Time;
use crate::args::Paging;
use crate::error::CliError;
use crate::list::{self, Row};
use crate::ui::format;
use crate::ui::table::{Field, Tone};
use opssight_api_types::plugins::versions::{PluginEvent, Version};

pub(super) async fn versions(session: &mut Session, plugin: &str) -> Result<(), CliError> {
    list::print_whole::<Version>(session, &["plugins", plugin, "versions"], &()).await
}

pub(super) async fn events(session: &mut Session, plugin: &str, paging: &Paging) -> Result<(), CliError> {
    list::print::<Happened>(session, &["plugins", plugin, "events"], &(), paging).await
}

impl Row for Version {
    const PLURAL: &'static str = "versions";
    const HEADER: &'static [&'static str] = &["VERSION", "STATE", "RAN", "CAME", "FROM", "DIGEST", "WHY"];
    const WHOLE: &'static [usize] = &[0, 1, 2, 3];

    fn id(&self) -> &str {
        &self.digest
    }

    fn fields(&self, now: Time) -> Vec<Field> {
        let state = match (self.state.as_str(), self.revoked, self.is_fallback) {
            ("active", ..) => Field::toned("active", Tone::Good),
            (_, true, _) => Field::toned("revoked", Tone::Bad),
            (_, _, true) => Field::from("kept, rollback goes here"),
            ("waiting" | "shadow", ..) => Field::toned(&self.state, Tone::Active),
            _ => Field::toned(&self.state, Tone::Muted),
        };
        vec![
            (&self.version).into(),
            state,
            format::ago_or_dash(self.activated_at, now).into(),
            format::ago(self.installed_at, now).into(),
            (&self.source).into(),
            (&self.digest).into(),
            format::text_or_dash(self.reason.as_deref()).into(),
        ]
    }
}

/// An event, with its place as text: that is its name.
#[derive(serde::Deserialize)]
#[serde(from = "PluginEvent")]
struct Happened {
    seq: String,
    event: PluginEvent,
}

impl From<PluginEvent> for Happened {
    fn from(event: PluginEvent) -> Self {
        Self { seq: event.seq.to_string(), event }
    }
}

impl Row for Happened {
    const PLURAL: &'static str = "events";
    const HEADER: &'static [&'static str] = &["WHEN", "WHAT", "BY", "DETAIL"];
    const WHOLE: &'static [usize] = &[0, 1, 2];

    fn id(&self) -> &str {
        &self.seq
    }

    fn fields(&self, now: Time) -> Vec<Field> {
        let tone = match self.event.what.as_str() {
            "rolled-back" | "revoked" | "stopped" | "refused" | "not-loaded" | "breaker-opened" => Tone::Bad,
            "waiting" | "shadow" => Tone::Active,
            _ => Tone::Plain,
        };
        vec![
            format::ago(self.event.at, now).into(),
            Field::toned(&self.event.what, tone),
            (&self.event.actor).into(),
            (&self.event.detail).into(),
        ]
    }
}
