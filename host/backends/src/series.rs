//! Adapters of the metrics' port: an embedded store, and remote ones over HTTP. [`Gate`] stands before each: what holds
//! for all of them is decided there, once.

mod embedded;
mod gate;
mod influx;
mod prometheus;
mod remote;

pub use embedded::{EmbeddedOptions, EmbeddedSeries};
pub use gate::Gate;
pub use influx::InfluxSeries;
pub use prometheus::PrometheusSeries;
pub use remote::RemoteUrlError;

use opssight_core::metrics::{LabelsQuery, Series};
use std::collections::BTreeSet;

/// The names of labels, or the values of one, of series that a store found: sorted, at most as many as are asked for.
fn names(found: impl IntoIterator<Item = Series>, query: &LabelsQuery) -> Vec<String> {
    let mut names = BTreeSet::new();
    for series in found {
        let labels = series.labels().iter();
        match query.values_of.as_deref() {
            None => names.extend(labels.map(|label| label.name.clone())),
            Some("__name__") => names.extend([series.metric().to_owned()]),
            Some(name) => names.extend(labels.filter(|label| label.name == name).map(|label| label.value.clone())),
        }
        while names.len() > query.limit {
            names.pop_last();
        }
    }
    names.into_iter().collect()
}
