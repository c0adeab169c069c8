//! Every connection is asked from time to time whether it works.

use opssight_core::connections::{Connection, Connections};
use opssight_core::error::StoreError;
use opssight_core::page::PageOf;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often to look for connections whose check is due. New ones are checked within this time.
const LOOK: Duration = Duration::from_secs(10);

/// Check until told to stop.
pub(crate) async fn check_connections(connections: Connections, every: Duration, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = stop.cancelled() => return,
        }
        if let Err(error) = round(&connections, every, &stop).await {
            tracing::error!(error = %error, cause = ?error.source, "could not check the connections");
        }
    }
}

async fn round(connections: &Connections, every: Duration, stop: &CancellationToken) -> Result<(), StoreError> {
    let mut page = PageOf { after: None, limit: 200 };
    loop {
        let found = connections.store.connections(None, &page).await?;
        for connection in found.items.iter().filter(|connection| connection.enabled) {
            if stop.is_cancelled() {
                return Ok(());
            }
            if is_due(connections, connection, every).await?
                && claim(connections, connection, every).await?
                && let Err(error) = connections.check(&connection.id).await
            {
                tracing::warn!(connection.id = %connection.id, error = %error, "could not note a connection's check");
            }
        }
        match found.next {
            Some(next) => page.after = Some(next),
            None => return Ok(()),
        }
    }
}

/// Of several processes one checks.
async fn claim(connections: &Connections, connection: &Connection, every: Duration) -> Result<bool, StoreError> {
    let (now, every) = (connections.clock.now(), i64::try_from(every.as_micros()).unwrap_or(i64::MAX));
    connections.store.claim_check(&connection.id, now.plus_micros(-every), now).await
}

async fn is_due(connections: &Connections, connection: &Connection, every: Duration) -> Result<bool, StoreError> {
    let status = connections.store.status(&connection.id).await?;
    let every = i64::try_from(every.as_micros()).unwrap_or(i64::MAX);
    Ok(status.check.is_none_or(|check| connections.clock.now().since(check.at) >= every))
}
