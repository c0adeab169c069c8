//! `opssight events`: the event log, as the store has it.

use super::{environment, say};
use crate::config::{Flags, load};
use crate::data;
use crate::edge::{self, KAFKA};
use anyhow::bail;
use clap::{Args, Subcommand, ValueEnum};
use opssight_core::events::{Again, EventLog, Relays};
use opssight_core::time::Timestamp;

#[derive(Debug, Subcommand)]
pub(super) enum EventsCommand {
    /// Hand events on to Kafka again, from a place or a time of the log (on SQLite, stop the host first)
    #[command(
        after_help = "Examples:\n  opssight events replay --to kafka --from-seq 1200\n  opssight events replay --to kafka \
                      --since 2026-11-30T06:00:00Z"
    )]
    Replay(Replay),
}

#[derive(Debug, Args)]
pub(super) struct Replay {
    /// Where to.
    #[arg(long, value_enum)]
    to: To,
    /// The first event, by its place in the log.
    #[arg(long, value_name = "N", conflicts_with = "since", required_unless_present = "since")]
    from_seq: Option<i64>,
    /// The first event, by its time.
    #[arg(long, value_name = "TIME")]
    since: Option<chrono::DateTime<chrono::Utc>>,
    #[command(flatten)]
    flags: Flags,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum To {
    /// The topic of `bus.topic`.
    Kafka,
}

pub(super) async fn run(command: &EventsCommand) -> anyhow::Result<()> {
    let EventsCommand::Replay(Replay { to: To::Kafka, from_seq, since, flags }) = command;
    let config = load(flags, &environment())?;
    if !edge::publishes(&config) {
        bail!("hand events on to Kafka: bus.url is not set, or bus.publish is off");
    }
    let again = match (from_seq, since) {
        (Some(seq), _) => Again::Seq(*seq),
        (None, Some(at)) => Again::Since(Timestamp::from(*at)),
        (None, None) => bail!("hand events on again: say from where, with --from-seq or --since"),
    };
    let (store, _bus) = data::open(&config).await?;
    let rewound = store.rewind(KAFKA, again).await?;
    let (oldest, newest) = store.bounds().await?;
    store.close().await;
    match rewound.first {
        Some(first) => say(&format!(
            "The host hands on {} events again, from number {first}, as soon as it runs; the log holds {oldest} to {newest}. \
             Their ids are those that they had.",
            rewound.events
        )),
        None => bail!("hand events on again: the log holds {oldest} to {newest}, and nothing from there on"),
    }
}
