//! Feeds: lease what is due, pull a page, settle.

use super::crew::Crew;
use super::{AFTER_FAILURE, Patience, REST};
use opssight_backends::failpoint;
use opssight_core::events::{Bus, Topic};
use opssight_core::feeds::{LeasedFeed, Puller};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Work until told to stop, then finish what was begun.
pub(crate) async fn pull_feeds(
    puller: Puller,
    bus: Arc<dyn Bus>,
    at_once: u32,
    lease: Duration,
    stop: CancellationToken,
) {
    let mut listener = bus.listen(Topic::Feeds);
    let mut crew = Crew::new(at_once);
    while !stop.is_cancelled() {
        crew.pace(listener.as_mut()).await;
        let leased = puller.feeds.lease_feeds(&crew.ask(puller.clock.now(), lease)).await;
        crew.has_looked();
        match leased {
            Ok(leased) if leased.is_empty() => crew.rest(listener.as_mut(), REST, &stop).await,
            Ok(leased) => {
                for feed in leased {
                    let whose = feed.connection.clone();
                    let (puller, stop) = (puller.clone(), stop.clone());
                    let work = async move { pull(&puller, feed, &Patience::of(lease, &stop)).await };
                    crew.begin(whose, work);
                }
            }
            Err(error) => {
                tracing::error!(error = %error, cause = ?error.source, "could not lease feeds; trying again");
                tokio::time::sleep(AFTER_FAILURE).await;
            }
        }
    }
    while crew.one_ends().await {}
}

async fn pull(puller: &Puller, feed: LeasedFeed, patience: &Patience<'_>) {
    let (connection, name) = (feed.connection.clone(), feed.feed.clone());
    let settled = async {
        let connection = patience.with(|| puller.connections.connection(&feed.connection)).await?;
        let Some(connection) = connection else { return Ok(None) };
        failpoint::reached("pull a feed", "leased");
        let how = puller.work(&connection, &feed).await;
        failpoint::reached("pull a feed", "pulled");
        patience.with(|| puller.feeds.settle_feed(&feed, puller.clock.now(), how.clone())).await
    };
    match settled.await {
        Ok(Some(applied)) => {
            metrics::counter!("opssight_feed_items_total", "feed" => name.clone()).increment(u64::from(applied.items));
            // What a pull finds out first is what a delivery should have told.
            metrics::counter!("opssight_feed_changes_total", "feed" => name.clone())
                .increment(u64::from(applied.changed));
            tracing::debug!(connection.id = %connection, feed = name, items = applied.items, changed = applied.changed, "feed pulled");
        }
        Ok(None) => {}
        Err(error) => {
            tracing::error!(connection.id = %connection, feed = name, error = %error, cause = ?error.source, "could not settle a feed");
        }
    }
}
