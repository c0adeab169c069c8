//! What was read of a series to answer for windows: raw points here, records there, by time.

use opssight_core::metrics::Point;
use opssight_core::metrics::rollups::Rollup;
use opssight_core::time::Timestamp;
use tsink::DataPoint;

/// What a record takes, in points: an expression may read so many.
const RECORD: usize = 4;

#[derive(Default)]
pub(super) struct Pieces(Vec<Part>);

enum Part {
    Points(Vec<(i64, f64)>),
    Records(Vec<Rollup>),
}

impl Pieces {
    /// Points that come after all that is there.
    pub(super) fn push_points(&mut self, points: &[DataPoint]) {
        let points = points.iter().filter_map(|point| Some((point.timestamp, point.value.as_f64()?)));
        self.0.push(Part::Points(points.collect()));
    }

    /// Records that come after all that is there.
    pub(super) fn push_records(&mut self, records: Vec<Rollup>) {
        self.0.push(Part::Records(records));
    }

    /// How many points they weigh.
    pub(super) fn weight(&self) -> usize {
        let of = |part: &Part| match part {
            Part::Points(points) => points.len(),
            Part::Records(records) => records.len() * RECORD,
        };
        self.0.iter().map(of).sum()
    }

    /// All that lies after `from`, up to `to`; a record lies where its last point does.
    pub(super) fn window(&self, from: i64, to: i64) -> Option<Rollup> {
        let of = |part: &Part| match part {
            Part::Points(points) => {
                let inside = between(points, |(at, _)| *at, from, to).iter();
                Rollup::all(inside.map(|(at, value)| Rollup::of(Point { at: Timestamp(*at), value: *value })))
            }
            Part::Records(records) => {
                Rollup::all(between(records, |record| record.last.at.0, from, to).iter().copied())
            }
        };
        Rollup::all(self.0.iter().filter_map(of))
    }
}

fn between<T>(sorted: &[T], at: impl Fn(&T) -> i64, from: i64, to: i64) -> &[T] {
    let begin = sorted.partition_point(|one| at(one) <= from);
    let end = sorted.partition_point(|one| at(one) <= to);
    sorted.get(begin..end).unwrap_or_default()
}
