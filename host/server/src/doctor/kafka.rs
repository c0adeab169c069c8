//! Kafka and the topics that are used, if it is configured.

use super::Finding;
use crate::config::Config;

#[cfg(not(feature = "kafka"))]
pub(super) async fn look(_: &Config) -> Vec<Finding> {
    // A configuration that asks for it was refused.
    Vec::new()
}

#[cfg(feature = "kafka")]
pub(super) async fn look(config: &Config) -> Vec<Finding> {
    use super::failed;
    use crate::edge;
    use opssight_backends::kafka::{TopicCheckup, check_up};
    use std::time::Duration;

    /// There is more to look at than this.
    const LONGEST: Duration = Duration::from_secs(10);

    let mut options = match edge::cluster(&config.bus) {
        Ok(Some(options)) => options,
        Ok(None) => return Vec::new(),
        Err(error) => return vec![Finding::failing("kafka", failed(error.as_ref()))],
    };
    options.patience = options.patience.min(LONGEST);
    let topics = edge::topics(&config.bus);
    let seen = match check_up(&options, &topics).await {
        Ok(seen) => seen,
        Err(error) => {
            let found = Finding::failing("kafka", failed(&error));
            return vec![found.mend("a host starts all the same, and hands on what waits once it is there")];
        }
    };
    let mut found = vec![Finding::ok("kafka", format!("answers at {}", options.brokers))];
    for (topic, seen) in topics.iter().zip(seen) {
        let check = format!("kafka {}", topic.name);
        found.push(match seen {
            TopicCheckup::Found(1) => Finding::ok(&check, "1 partition"),
            TopicCheckup::Found(partitions) => Finding::ok(&check, format!("{partitions} partitions")),
            TopicCheckup::IsMade => Finding::ok(&check, "not there yet; the host makes it"),
            TopicCheckup::Missing(how) => Finding::failing(&check, format!("failed to {how}")),
        });
    }
    found
}
