//! The message of remote write 1.0, as its specification numbers it, packed with snappy in one block.

use opssight_core::metrics::{Point, Sample, Series};
use prost::Message;
use std::collections::BTreeMap;

#[derive(Clone, PartialEq, Message)]
pub(super) struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    pub(super) timeseries: Vec<TimeSeries>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct TimeSeries {
    #[prost(message, repeated, tag = "1")]
    pub(super) labels: Vec<WireLabel>,
    #[prost(message, repeated, tag = "2")]
    pub(super) samples: Vec<WireSample>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct WireLabel {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, tag = "2")]
    pub(super) value: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct WireSample {
    #[prost(double, tag = "1")]
    pub(super) value: f64,
    /// Milliseconds.
    #[prost(int64, tag = "2")]
    pub(super) timestamp: i64,
}

/// Each series once, its points by time and each of them once, as the specification wants it.
pub(super) fn message(samples: &[Sample]) -> WriteRequest {
    let mut all: BTreeMap<&Series, BTreeMap<i64, f64>> = BTreeMap::new();
    for Sample { series, point: Point { at, value } } in samples {
        all.entry(series).or_default().insert(at.millis(), *value);
    }
    let timeseries = all.into_iter().map(|(series, points)| TimeSeries {
        labels: labels(series),
        samples: points.into_iter().map(|(timestamp, value)| WireSample { value, timestamp }).collect(),
    });
    WriteRequest { timeseries: timeseries.collect() }
}

fn labels(series: &Series) -> Vec<WireLabel> {
    let label = |name: &str, value: &str| WireLabel { name: name.to_owned(), value: value.to_owned() };
    // "__name__" sorts before every name that a label may have here only if none begins with a capital letter.
    let mut labels = vec![label("__name__", series.metric())];
    labels.extend(series.labels().iter().map(|one| label(&one.name, &one.value)));
    labels.sort_by(|a, b| a.name.cmp(&b.name));
    labels
}

pub(super) fn packed(samples: &[Sample]) -> Result<Vec<u8>, String> {
    let bytes = message(samples).encode_to_vec();
    snap::raw::Encoder::new().compress_vec(&bytes).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use opssight_core::time::Timestamp;

    #[test]
    fn a_message_is_read_back_as_the_specification_wants_it() {
        let series = |label: &str| Series::new("m", [("Z", label), ("a", "1")]).unwrap();
        let sample = |label: &str, micros: i64, value| Sample {
            series: series(label),
            point: Point { at: Timestamp(micros), value },
        };
        let samples = [
            sample("x", 2_000_999, 2.0),
            sample("y", 5_000, 5.0),
            sample("x", 1_000_000, 1.0),
            sample("x", 2_000_000, 3.0),
        ];
        let bytes = snap::raw::Decoder::new().decompress_vec(&packed(&samples).unwrap()).unwrap();
        let read = WriteRequest::decode(bytes.as_slice()).unwrap();
        assert_eq!(read, message(&samples));
        let names: Vec<&str> = read.timeseries[0].labels.iter().map(|label| label.name.as_str()).collect();
        assert_eq!(names, ["Z", "__name__", "a"]);
        let points: Vec<(i64, f64)> = read.timeseries[0].samples.iter().map(|s| (s.timestamp, s.value)).collect();
        assert_eq!(points, [(1000, 1.0), (2000, 3.0)]);
        // The bytes themselves: field 1 of the message, field 1 of the series, name and value of the first label.
        assert_eq!(bytes[0], 0x0a);
        assert_eq!(bytes[2..9], [0x0a, 0x06, 0x0a, 0x01, b'Z', 0x12, 0x01]);
    }
}
