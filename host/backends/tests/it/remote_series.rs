//! Remote stores of series: the VictoriaMetrics that `cargo xtask test` starts, written to in both of its languages; and
//! doubles where a store must misbehave, or where none can be had.
//!
//! No InfluxDB 2 could be had for these tests. What is written to it is proved by VictoriaMetrics, which takes the same
//! requests; what is read from it is proved against a double, made by hand from the documentation.

use crate::series::Stores;
use async_trait::async_trait;
use opssight_backends::{InfluxSeries, PrometheusSeries};
use opssight_core::metrics::{
    Answer, InstantQuery, LabelsQuery, MetricsError, Point, RangeQuery, Sample, Series, SeriesQuery, SeriesStore,
    Window,
};
use opssight_core::time::Timestamp;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use url::Url;

#[expect(clippy::disallowed_methods, reason = "`cargo xtask test` says where its server is")]
fn victoria() -> Url {
    let address = std::env::var("OPSSIGHT_TEST_VICTORIA").expect(
        "OPSSIGHT_TEST_VICTORIA is not set: `cargo xtask test` starts a VictoriaMetrics and sets it; for one test, run \
         `cargo xtask services` beside it and set what that prints",
    );
    Url::parse(&address).unwrap()
}

/// Remote write and PromQL.
pub(crate) async fn open() -> Stores {
    Stores::new(Arc::new(PrometheusSeries::new(&victoria()).unwrap()), None)
}

/// Written by line protocol, read by PromQL.
struct ByLines {
    write: InfluxSeries,
    read: PrometheusSeries,
}

#[async_trait]
impl SeriesStore for ByLines {
    async fn write(&self, samples: Vec<Sample>) -> Result<(), MetricsError> {
        self.write.write(samples).await
    }

    async fn query(&self, query: &InstantQuery) -> Result<Answer, MetricsError> {
        self.read.query(query).await
    }

    async fn query_range(&self, query: &RangeQuery) -> Result<Answer, MetricsError> {
        self.read.query_range(query).await
    }

    async fn series(&self, query: &SeriesQuery) -> Result<Vec<Series>, MetricsError> {
        self.read.series(query).await
    }

    async fn labels(&self, query: &LabelsQuery) -> Result<Vec<String>, MetricsError> {
        self.read.labels(query).await
    }

    async fn close(&self) {}
}

fn influx(address: &Url, token: &str) -> InfluxSeries {
    let (host, port) = (address.host_str().unwrap(), address.port().unwrap());
    InfluxSeries::new(&Url::parse(&format!("influxdb+http://{token}@{host}:{port}/acme/ops%20bucket")).unwrap())
        .unwrap()
}

pub(crate) async fn open_by_lines() -> Stores {
    let address = victoria();
    let read = PrometheusSeries::new(&address).unwrap();
    Stores::new(Arc::new(ByLines { write: influx(&address, "token"), read }), None)
}

/// A server that answers every request with the next of these answers, and remembers what it was asked.
struct Double {
    address: Url,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Double {
    async fn start(answers: Vec<(&'static str, String)>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = Arc::clone(&asked);
        tokio::spawn(async move {
            for (status, body) in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = Vec::new();
                let mut buffer = [0; 65536];
                while !is_whole(&request) {
                    let read = stream.read(&mut buffer).await.unwrap();
                    request.extend_from_slice(&buffer[..read]);
                }
                seen.lock().unwrap().push(String::from_utf8_lossy(&request).into_owned());
                let answer =
                    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        Self { address, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
    body.len() >= length.unwrap_or(0)
}

const AT: Timestamp = Timestamp(1_767_225_600_000_000);

fn sample() -> Sample {
    let series = Series::new("m", [("l", "a b")]).unwrap();
    Sample { series, point: Point { at: AT, value: 1.5 } }
}

#[tokio::test]
async fn what_a_store_refuses_for_good_is_told_from_what_may_pass() {
    let answers = [("400 Bad Request", false), ("429 Too Many Requests", true), ("500 Oops", true), ("401 No", true)];
    let said = answers.iter().map(|(status, _)| (*status, "out of bounds".to_owned())).collect();
    let double = Double::start(said).await;
    let mut url = double.address.clone();
    url.set_username("ops").unwrap();
    url.set_password(Some("hunter2")).unwrap();
    let store = PrometheusSeries::new(&url).unwrap();
    for (status, may_pass) in answers {
        let error = store.write(vec![sample()]).await.unwrap_err();
        assert_eq!(error.may_pass(), may_pass, "{status}: {error}");
        let text = format!("{error} {error:?}");
        assert!(text.contains("out of bounds") && text.contains("127.0.0.1"), "{text}");
        assert!(!text.contains("hunter2") && !text.contains("ops@"), "{text}");
    }
    let asked = double.asked();
    assert!(asked[0].starts_with("POST /api/v1/write HTTP/1.1"), "{}", asked[0]);
    for header in
        ["content-encoding: snappy", "content-type: application/x-protobuf", "authorization: Basic b3BzOmh1bnRlcjI="]
    {
        assert!(asked[0].contains(header), "{header} in {}", asked[0]);
    }
    // Nobody answers at all.
    let error = store.write(vec![sample()]).await.unwrap_err();
    assert!(error.may_pass() && !error.to_string().contains("hunter2"), "{error}");
}

#[tokio::test]
async fn one_bad_point_takes_no_other_writers_with_it_and_a_full_queue_says_so() {
    use opssight_backends::{Gate, SystemClock};
    use opssight_core::metrics::Limits;

    /// Refuses the metric "bad" for good, and is slow until it is let go.
    #[derive(Default)]
    struct Slow {
        go: tokio::sync::Notify,
        kept: Mutex<Vec<String>>,
    }

    #[async_trait]
    impl SeriesStore for Slow {
        async fn write(&self, samples: Vec<Sample>) -> Result<(), MetricsError> {
            self.go.notified().await;
            self.go.notify_one();
            if samples.iter().any(|sample| sample.series.metric() == "bad") {
                return Err(MetricsError::Refused { place: "x".into(), said: "no".into() });
            }
            self.kept.lock().unwrap().extend(samples.iter().map(|sample| sample.series.to_string()));
            Ok(())
        }

        async fn query(&self, _: &InstantQuery) -> Result<Answer, MetricsError> {
            Ok(Answer::default())
        }

        async fn query_range(&self, _: &RangeQuery) -> Result<Answer, MetricsError> {
            Ok(Answer::default())
        }

        async fn series(&self, _: &SeriesQuery) -> Result<Vec<Series>, MetricsError> {
            Ok(Vec::new())
        }

        async fn labels(&self, _: &LabelsQuery) -> Result<Vec<String>, MetricsError> {
            Ok(Vec::new())
        }

        async fn close(&self) {}
    }

    let slow = Arc::new(Slow::default());
    let limits = Limits { queue_points: 4, ..Limits::default() };
    let gate = Arc::new(Gate::new(slow.clone(), Arc::new(SystemClock), limits, 36_500 * 86_400));
    let write = |metric: &'static str| {
        let gate = Arc::clone(&gate);
        let series = Series::new(metric, [("l", "1")]).unwrap();
        let sample = Sample { series, point: Point { at: AT, value: 1.0 } };
        tokio::spawn(async move { gate.write(vec![sample]).await })
    };
    let mut waiting = Vec::new();
    for metric in ["first", "good", "bad", "fine"] {
        waiting.push(write(metric));
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let full = write("late").await.unwrap().unwrap_err();
    assert!(full.may_pass(), "{full}");
    assert_eq!(
        full.to_string(),
        "keep 1 more points: overloaded, 4 points wait to be written. Write again later, or raise `metrics.queue_points`"
    );
    slow.go.notify_one();
    let mut ended = Vec::new();
    for write in waiting {
        ended.push(write.await.unwrap().is_ok());
    }
    assert_eq!(ended, [true, true, false, true]);
    assert_eq!(*slow.kept.lock().unwrap(), [r#"first{l="1"}"#, r#"good{l="1"}"#, r#"fine{l="1"}"#]);
    assert!(write("late").await.unwrap().is_ok());
}

#[tokio::test]
async fn lines_go_to_the_bucket_with_the_token() {
    let double = Double::start(vec![("204 No Content", String::new())]).await;
    influx(&double.address, "tok%2Fen").write(vec![sample()]).await.unwrap();
    let asked = double.asked().remove(0);
    assert!(asked.starts_with("POST /api/v2/write?org=acme&bucket=ops+bucket&precision=us HTTP/1.1"), "{asked}");
    assert!(asked.contains("authorization: Token tok/en"), "{asked}");
    assert!(asked.ends_with("\r\n\r\nm,l=a\\ b value=1.5 1767225600000000\n"), "{asked}");
}

const CSV: &str = "#datatype,string,long,dateTime:RFC3339,double,string,string,string\r\n\
    #group,false,false,false,false,true,true,true\r\n#default,_result,,,,,,\r\n\
    ,result,table,_time,_value,_field,_measurement,l\r\n\
    ,,0,2026-01-01T00:00:00Z,1.5,value,m,a b\r\n,,0,2026-01-01T00:00:30Z,2.5,value,m,a b\r\n\r\n";

#[tokio::test]
async fn flux_is_asked_with_its_range_and_its_tables_are_read() {
    let bad = r#"{"code":"invalid","message":"error @1:8-1:9: undefined identifier x"}"#;
    let answers =
        [("200 OK", CSV), ("200 OK", CSV), ("400 Bad Request", bad), ("200 OK", CSV), ("401 Unauthorized", "{}")];
    let double = Double::start(answers.map(|(status, body)| (status, body.to_owned())).to_vec()).await;
    let store = influx(&double.address, "token");
    let query = "from(bucket: \"ops\") |> range(start: v.timeRangeStart, stop: v.timeRangeStop)".to_owned();
    let told = |answer: Answer| -> Vec<(i64, f64)> {
        answer[0].points.iter().map(|(at, value)| (at.since(AT) / 1_000_000, *value)).collect()
    };
    let answer = store.query(&InstantQuery { query: query.clone(), at: AT.plus_secs(60) }).await.unwrap();
    assert_eq!(answer[0].metric.as_deref(), Some("m"));
    assert_eq!(told(answer), [(0, 1.5), (30, 2.5)]);
    let range = RangeQuery { query: query.clone(), start: AT, end: AT.plus_secs(120), step: 60_000_000 };
    assert_eq!(told(store.query_range(&range).await.unwrap()), [(0, 1.5), (60, 2.5)]);
    let error = store.query(&InstantQuery { query: "x".into(), at: AT }).await.unwrap_err();
    assert!(
        matches!(&error, MetricsError::Query { problem, .. } if problem.contains("undefined identifier x")),
        "{error:?}"
    );
    let window = Window { start: AT, end: AT.plus_secs(60) };
    let selector = r#"m{l=~"a/b|a b",x!="$"}"#.to_owned();
    let series = store.series(&SeriesQuery { selector, window, limit: 10 }).await.unwrap();
    assert_eq!(series.iter().map(ToString::to_string).collect::<Vec<_>>(), [r#"m{l="a b"}"#]);
    let error = store.query(&InstantQuery { query, at: AT }).await.unwrap_err();
    assert!(error.may_pass() && error.to_string().contains("401"), "{error}");
    let asked = double.asked();
    assert!(asked[0].starts_with("POST /api/v2/query?org=acme HTTP/1.1"), "{}", asked[0]);
    assert!(asked[1].contains("timeRangeStart: 2026-01-01T00:00:00.000000Z"), "{}", asked[1]);
    assert!(asked[1].contains("windowPeriod: 60000000us"), "{}", asked[1]);
    let flux: serde_json::Value = serde_json::from_str(asked[3].split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(
        flux["query"],
        "from(bucket: \"ops bucket\") |> range(start: 2026-01-01T00:00:00.000000Z, stop: 2026-01-01T00:01:00.000001Z) \
         |> filter(fn: (r) => r._field == \"value\" and (if exists r[\"_measurement\"] then r[\"_measurement\"] else \
         \"\") == \"m\" and (if exists r[\"l\"] then r[\"l\"] else \"\") =~ /^(?:a\\/b|a b)$/ and (if exists r[\"x\"] \
         then r[\"x\"] else \"\") != \"\\x24\") |> last()"
    );
}
