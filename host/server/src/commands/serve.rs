//! `opssight serve`

use super::{environment, say};
use crate::config::{Flags, load};
use crate::telemetry::Telemetry;
use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};

pub(super) async fn run(flags: &Flags) -> anyhow::Result<()> {
    let config = load(flags, &environment())?;
    let telemetry = Telemetry::install(&config.log)?;
    let mut terminate = signal(SignalKind::terminate()).context("listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("listen for SIGINT")?;
    let running = crate::start(config, telemetry).await?;
    if let Some(secret) = &running.admin_secret {
        say(&format!("Admin secret (shown once): {secret}"))?;
    }
    say(&format!("OpsSight is ready at {}", running.url))?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = running.failed() => {}
    }
    // Whoever asks a second time does not want to wait.
    tokio::select! {
        () = running.leave() => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping: new work is refused, running work may finish");
    running.stop().await
}
