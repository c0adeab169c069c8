//! The store of the metrics: whether it takes what a host writes, and answers what it asks. No point is written.

use super::{Finding, failed};
use crate::config::{Config, connect};
use crate::series;
use opssight_backends::SystemClock;
use opssight_core::metrics::{LabelsQuery, MetricsError, SeriesStore, Window};
use opssight_core::time::Clock;

/// How far back is asked for.
const BACK_SECS: i64 = 3_600;

pub(super) async fn look(config: &Config) -> Vec<Finding> {
    let Some(url) = &config.metrics.url else {
        return vec![if series::are_kept(config) {
            Finding::ok("metrics", "in the data folder")
        } else {
            Finding::warning("metrics", series::NOT_KEPT).mend("set metrics.url")
        }];
    };
    let store = match connect(url) {
        Ok(store) => store,
        Err(error) => return vec![Finding::failing("metrics", failed(error.as_ref()))],
    };
    let found = match ask(&*store).await {
        Ok(()) => Finding::ok("metrics", format!("{url:?} takes points and answers")),
        Err(error) => Finding::failing("metrics", failed(&error)),
    };
    store.close().await;
    vec![found]
}

async fn ask(store: &dyn SeriesStore) -> Result<(), MetricsError> {
    match store.write(Vec::new()).await {
        // InfluxDB wants points in what is written, and says so to those that it lets in.
        Ok(()) | Err(MetricsError::Refused { .. }) => {}
        Err(error) => return Err(error),
    }
    let now = SystemClock.now();
    let window = Window { start: now.plus_secs(-BACK_SECS), end: now };
    store.labels(&LabelsQuery { values_of: None, selector: None, window, limit: 1 }).await.map(drop)
}
