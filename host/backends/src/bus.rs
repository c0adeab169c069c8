//! The bus inside of one process: wake-ups only. Whoever is woken reads the store again, so that a wake-up that is
//! merged with another one, or lost with the process, loses nothing.

use async_trait::async_trait;
use opssight_core::events::{Bus, Listener, Topic};
use tokio::sync::watch;

/// A counter per topic; listeners are told that it moved.
#[derive(Debug, Default)]
pub struct LocalBus {
    inbox: watch::Sender<u64>,
    events: watch::Sender<u64>,
    feeds: watch::Sender<u64>,
    plugins: watch::Sender<u64>,
}

impl LocalBus {
    /// A bus that nobody listens to yet.
    pub fn new() -> Self {
        Self::default()
    }

    fn topic(&self, topic: Topic) -> &watch::Sender<u64> {
        match topic {
            Topic::Inbox => &self.inbox,
            Topic::Events => &self.events,
            Topic::Feeds => &self.feeds,
            Topic::Plugins => &self.plugins,
        }
    }
}

impl Bus for LocalBus {
    fn wake(&self, topic: Topic) {
        self.topic(topic).send_modify(|count| *count = count.wrapping_add(1));
    }

    fn listen(&self, topic: Topic) -> Box<dyn Listener> {
        Box::new(LocalListener(self.topic(topic).subscribe()))
    }
}

struct LocalListener(watch::Receiver<u64>);

#[async_trait]
impl Listener for LocalListener {
    async fn woken(&mut self) {
        if self.0.changed().await.is_err() {
            // The bus is gone, and with it everything that could ever be new.
            std::future::pending::<()>().await;
        }
    }
}
