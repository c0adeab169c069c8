//! Metrics: series of points in time, the rules that hold for them wherever they are kept, and what OpsSight itself
//! says as points.
//!
//! A series is a name and labels; a point is a time in microseconds and a number. Names, units and labels follow
//! Prometheus and OpenTelemetry. The rules that every adapter of [`SeriesStore`] keeps:
//!
//! - **Order.** Points may come in any order. The same point again changes nothing. Whoever writes another value for
//!   the same series and time leaves exactly one of the two to be seen, and does not choose which; so nobody does that
//!   unless it has learnt better since. (A remote store has to be set up for both, as the operators' guide says.)
//! - **Numbers.** A point is a finite number: NaN, the infinities and Prometheus' marker of staleness are refused. A
//!   series ends by silence: five minutes after its last point an instant selector finds nothing.
//! - **Time.** Not before 1970, not more than [`AHEAD`] in the future. Queries see whole milliseconds at least.
//! - **All or none.** A write that returns is durable as a whole; one that fails may be tried again as a whole.

mod census;
mod error;
mod limits;
mod pipelines;
mod producer;
pub mod rollups;
mod series;
mod store;

pub use census::Census;
pub use error::MetricsError;
pub use limits::{AHEAD, Limits, MOST_POINTS, MOST_SERIES, MOST_STEPS};
pub use pipelines::samples_of_run;
pub use producer::{LeftOut, Producer};
pub use series::{Label, MAX_LABELS, Point, Sample, Series, SeriesProblem};
pub use store::{Answer, InstantQuery, LabelsQuery, RangeQuery, Row, SeriesQuery, SeriesStore, Window};
