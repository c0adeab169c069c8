//! Rows 53 to 70 of the hostile table: what a guest or an upstream tries, and what went over the wire.

use crate::egress::rule;
use crate::harness::{House, loopback, target};
use crate::raw_server::{RawServer, Step, answer};
use crate::requests::Ask;
use async_trait::async_trait;
use flate2::Compression;
use flate2::write::GzEncoder;
use opssight_core::plugins::{CallError, FailureClass, FaultSource, Grants, Plugins};
use opssight_runtime::Resolver;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::io::Write;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Send it with a rule that allows it.
async fn send(house: &House, ask: &Ask) -> Result<String, CallError> {
    let scheme = if ask.https { "https" } else { "http" };
    house.install(&ask.package(rule(&["GET", "POST"])));
    let base_url = json!({ "base_url": format!("{scheme}://{}", ask.authority) });
    house.check(base_url, loopback()).await.map(|called| called.value.summary)
}

/// The header lines of a request, sorted, without those that are the client's own.
fn lines(request: &str) -> Vec<String> {
    let head = request.split("\r\n\r\n").next().unwrap();
    let own = ["user-agent:", "accept:"];
    let mut lines: Vec<String> = head.split("\r\n").skip(1).map(str::to_ascii_lowercase).collect();
    lines.retain(|line| !own.iter().any(|own| line.starts_with(own)));
    lines.sort();
    lines
}

#[tokio::test]
async fn row_63_what_belongs_to_the_connection_is_the_hosts() {
    let server = RawServer::ok().await;
    let ask = Ask::get(server.address, "/a?b=c")
        .post("hello")
        .header("host", "169.254.169.254")
        .header("Content-Length", "5")
        .header("content-length", "5000")
        .header("transfer-encoding", "chunked")
        .header("connection", "x-secret, keep-alive")
        .header("keep-alive", "timeout=9999")
        .header("te", "trailers")
        .header("trailer", "x-late")
        .header("upgrade", "h2c")
        .header("http2-settings", "AAMAAABkAAQCAAAAAAIAAAAA")
        .header("proxy-authorization", "Basic c4n4ry")
        .header("proxy-connection", "keep-alive")
        .header("cookie", "session=1")
        .header("expect", "100-continue")
        .header("accept-encoding", "br")
        .header("x-kept", "yes");
    let house = House::new();
    // The contract's own check refuses a body that is not as long as the guest said; that is as good.
    if send(&house, &ask).await.is_err() {
        assert!(server.requests().is_empty());
    }
    let ask = Ask {
        headers: ask.headers.into_iter().filter(|(name, _)| !name.eq_ignore_ascii_case("content-length")).collect(),
        ..ask
    };
    assert_eq!(send(&house, &ask).await.unwrap(), "ok");
    let requests = server.requests();
    let request = requests.last().unwrap();
    assert!(request.starts_with("POST /a?b=c HTTP/1.1\r\n"), "{request}");
    assert!(request.ends_with("\r\n\r\nhello"), "{request}");
    let expect = [
        "accept-encoding: gzip".to_owned(),
        "content-length: 5".into(),
        format!("host: {}", server.address),
        "x-kept: yes".into(),
    ];
    assert_eq!(lines(request), expect);
}

#[tokio::test]
async fn row_63_one_length_goes_out_whatever_the_guest_says_of_it() {
    let server = RawServer::ok().await;
    let house = House::new();
    for lengths in [vec!["5"], vec!["5", "5"], vec!["5", "4"], vec!["0"], vec!["99999"], vec!["-1"], vec!["5, 5"]] {
        let mut ask = Ask::get(server.address, "/").post("hello");
        for length in &lengths {
            ask = ask.header("content-length", length);
        }
        let before = server.requests().len();
        let outcome = send(&house, &ask).await;
        for request in server.requests().split_off(before) {
            assert_eq!(
                request.to_ascii_lowercase().matches("content-length: 5\r\n").count(),
                1,
                "{lengths:?}: {request}"
            );
            assert_eq!(request.to_ascii_lowercase().matches("content-length").count(), 1, "{lengths:?}: {request}");
        }
        if let Err(error) = outcome {
            assert_ne!(error.fault, FaultSource::Host, "{lengths:?}: {error}");
        }
    }
}

#[tokio::test]
async fn row_63_no_second_request_can_be_written_into_the_first() {
    let server = RawServer::ok().await;
    let house = House::new();
    let inject = "x\r\nHost: evil.test\r\n\r\nGET /admin HTTP/1.1";
    let asks = [
        Ask::get(server.address, "/").header("x-a", inject),
        Ask::get(server.address, "/").header("x-a\r\nx-b", "1"),
        Ask::get(server.address, "/").header("x-a", "nul\0byte"),
        Ask::get(server.address, "/").header("x a", "1"),
        Ask::get(server.address, "/a HTTP/1.1\r\nHost: evil.test\r\n\r\n"),
        Ask::get(server.address, "/a\r\nx-b: 1"),
        Ask::get(server.address, "http://169.254.169.254/latest"),
        Ask::get(server.address, "//169.254.169.254/latest"),
        Ask::get(server.address, "*"),
        Ask::get(server.address, "@169.254.169.254/"),
        Ask { method: "GET / HTTP/1.1\r\nHost: evil.test\r\n\r\nGET", ..Ask::get(server.address, "/") },
    ];
    let host = format!("host: {}", server.address);
    for ask in asks {
        let before = server.requests().len();
        let outcome = send(&house, &ask).await;
        let requests = server.requests().split_off(before);
        assert!(requests.len() <= 1, "{requests:?}");
        for request in requests {
            assert_eq!(request.matches("HTTP/1.1").count(), 1, "{request}");
            let lines = lines(&request);
            assert!(
                lines.contains(&host) && lines.iter().filter(|line| line.starts_with("host:")).count() == 1,
                "{request}"
            );
            assert!(!lines.iter().any(|line| line.starts_with("x-b")), "{request}");
        }
        if let Err(error) = outcome {
            assert_ne!(error.fault, FaultSource::Host, "{error}");
        }
    }
}

#[tokio::test]
async fn row_63_trailers_do_not_reach_the_upstream() {
    let server = RawServer::ok().await;
    let mut ask = Ask::get(server.address, "/").post("hello");
    ask.trailers = ["host", "content-length", "authorization", "transfer-encoding", "x-late"]
        .map(|name| (name.to_owned(), b"evil.test".to_vec()))
        .to_vec();
    let _ = send(&House::new(), &ask).await;
    for request in server.requests() {
        assert!(request.ends_with("\r\n\r\nhello") && !request.contains("evil.test"), "{request}");
    }
}

#[tokio::test]
async fn rows_56_and_57_an_authority_names_one_host_or_none() {
    let server = RawServer::ok().await;
    let port = server.address.port();
    let house = House::with_names(&[("api.test", &["127.0.0.1"])]);
    let base_url = json!({ "base_url": format!("http://api.test:{port}") });
    let authorities = [
        format!("api.test:{port}@169.254.169.254"),
        format!("user:password@api.test:{port}"),
        format!("api.test:{port}\\@169.254.169.254"),
        format!("api.test:{port}\t"),
        format!("api.test\r\n:{port}"),
        format!("api.test.:{port}"),
        format!("api.test:{port}:80"),
        "api.test:99999".to_owned(),
        format!("api.test%00.evil.test:{port}"),
        format!("api.test#@evil.test:{port}"),
        format!("api.test?.evil.test:{port}"),
        "127.0.0.1".to_owned(),
        format!("0x7f000001:{port}"),
    ];
    for authority in authorities {
        house.install(&Ask::get(&authority, "/").package(rule(&["GET"])));
        let outcome = house.check(base_url.clone(), loopback()).await;
        assert!(outcome.is_err(), "{authority:?} got through");
    }
    assert_eq!(server.opened(), 0);
    house.install(&Ask::get(format!("API.test:{port}"), "/").package(rule(&["GET"])));
    assert_eq!(house.check(base_url, loopback()).await.unwrap().value.summary, "ok");
}

/// Answers one after the other; the last one stays.
struct Changing(Mutex<VecDeque<Vec<IpAddr>>>);

impl Changing {
    fn house(answers: &[&[&str]]) -> House {
        let parse = |addresses: &&[&str]| addresses.iter().map(|address| address.parse().unwrap()).collect();
        let answers = Mutex::new(answers.iter().map(parse).collect());
        House::configured(|config| config.resolver = Some(Arc::new(Self(answers))))
    }
}

#[async_trait]
impl Resolver for Changing {
    async fn resolve(&self, _: &str) -> std::io::Result<Vec<IpAddr>> {
        let mut answers = self.0.lock().unwrap();
        Ok(if answers.len() > 1 { answers.pop_front().unwrap() } else { answers[0].clone() })
    }
}

async fn look(house: &House, server: &RawServer, name: &str) -> Result<String, CallError> {
    send(house, &Ask::get(format!("{name}:{}", server.address.port()), "/")).await
}

#[tokio::test]
async fn rows_58_and_61_a_name_is_looked_at_for_each_new_connection() {
    let server = RawServer::ok().await;
    // 127/8 is granted. The name first leads there, as if it lived no longer than one answer, then elsewhere.
    for elsewhere in ["10.0.0.1", "169.254.169.254", "::1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "0.0.0.0"] {
        let house = Changing::house(&[&["127.0.0.1"], &[elsewhere]]);
        assert_eq!(look(&house, &server, "rebinding.test").await.unwrap(), "ok");
        let opened = server.opened();
        let error = look(&house, &server, "rebinding.test").await.unwrap_err();
        assert_eq!((error.code.as_str(), error.fault), ("egress.address", FaultSource::Policy), "{elsewhere}");
        assert_eq!(server.opened(), opened);
    }
}

#[tokio::test]
async fn rows_59_and_60_one_bad_address_spoils_an_answer() {
    let server = RawServer::ok().await;
    // A CNAME to an internal name shows up here as the internal name's addresses.
    let mixed: [&[&str]; 4] =
        [&["127.0.0.1", "10.0.0.1"], &["10.0.0.1", "127.0.0.1"], &["127.0.0.1", "::1"], &["127.0.0.1", "8.8.8.8"]];
    for addresses in mixed {
        let house = Changing::house(&[addresses]);
        let error = look(&house, &server, "mixed.test").await.unwrap_err();
        assert_eq!(error.code, "egress.address", "{addresses:?}");
    }
    assert_eq!(server.opened(), 0);
    let house = Changing::house(&[&["127.0.0.1", "127.0.0.2"]]);
    assert_eq!(look(&house, &server, "granted.test").await.unwrap(), "ok");
}

#[tokio::test]
async fn row_62_a_redirect_takes_no_secret_along() {
    let other = RawServer::ok().await;
    let location = format!("Location: http://{}/steal\r\n", other.address);
    let server = RawServer::start(vec![
        Step::Read,
        Step::Send(
            format!("HTTP/1.1 307 Temporary Redirect\r\nConnection: close\r\nContent-Length: 5\r\n{location}\r\nmoved")
                .into(),
        ),
    ])
    .await;
    let house = House::new();
    assert_eq!(send(&house, &Ask::get(server.address, "/").post("x")).await.unwrap(), "moved");
    assert_eq!(other.opened(), 0);
}

/// Patience of a fraction of a second.
fn hasty() -> House {
    House::configured(|config| {
        config.upstream.connect = Duration::from_millis(300);
        config.upstream.head = Duration::from_millis(300);
        config.upstream.between = Duration::from_millis(300);
        config.upstream.total = Duration::from_millis(900);
    })
}

#[tokio::test]
async fn row_64_slow_upstreams_are_given_up_and_hold_no_place() {
    let slow = Duration::from_secs(60);
    let drip = Duration::from_millis(100);
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n".to_vec();
    let ways = [
        ("says nothing", false, vec![Step::Wait(slow)]),
        ("no TLS hello", true, vec![Step::Wait(slow)]),
        ("a head byte by byte", false, vec![Step::Read, Step::Drip(b"HTTP/1.1 200 OK\r\nX-A: ".repeat(50), drip)]),
        ("no body", false, vec![Step::Read, Step::Send(head.clone()), Step::Wait(slow)]),
        // Never so slow that one pause is too long: only the whole is.
        ("a body byte by byte", false, vec![Step::Read, Step::Send(head), Step::Drip(vec![b'x'; 1_000], drip)]),
    ];
    for (name, https, steps) in ways {
        let server = RawServer::start(steps).await;
        let house = hasty();
        let ask = Ask { https, ..Ask::get(server.address, "/") };
        let start = Instant::now();
        // More than may be under way at once for one connection, one after the other in pairs.
        for _ in 0..5 {
            let both = futures::future::join(send(&house, &ask), send(&house, &ask)).await;
            for outcome in [both.0, both.1] {
                let error = outcome.unwrap_err();
                assert_eq!(error.class, FailureClass::Upstream, "{name}: {error}");
            }
        }
        assert!(start.elapsed() < Duration::from_secs(12), "{name}: {:?}", start.elapsed());
    }
}

fn resident_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Highest resident memory while something runs, beyond what it was before.
async fn grown_mib(run: impl Future<Output = ()>) -> usize {
    let before = resident_kib();
    run.await;
    resident_kib().saturating_sub(before) >> 10
}

#[tokio::test]
async fn row_66_an_endless_answer_is_cut_at_the_cap() {
    let endless =
        |head: &'static str, piece: Vec<u8>| vec![Step::Read, Step::Send(head.into()), Step::Repeat(piece, 1_000_000)];
    let plain = endless("HTTP/1.1 200 OK\r\n\r\n", vec![b'x'; 1 << 16]);
    let sized = endless("HTTP/1.1 200 OK\r\nContent-Length: 10737418240\r\n\r\n", vec![b'x'; 1 << 16]);
    let chunk = [b"10000\r\n".to_vec(), vec![b'x'; 1 << 16], b"\r\n".to_vec()].concat();
    let chunked = endless("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", chunk);
    let house = House::new();
    for steps in [plain, sized, chunked] {
        let server = RawServer::start(steps).await;
        // Once, so that compiling the guest does not count.
        let ask = Ask::get(server.address, "/");
        let error = send(&house, &ask).await.unwrap_err();
        assert_eq!(error.code, "budget.response-bytes", "{error}");
        let grown = grown_mib(async {
            send(&house, &ask).await.map(drop).unwrap_err();
        })
        .await;
        assert!(grown <= 40, "{grown} MiB");
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn row_67_a_compressed_answer_costs_no_more_than_the_cap() {
    let house = House::new();
    let zipped = gzip(br#"{"summary":"packed"}"#);
    let server = RawServer::start(vec![Step::Read, answer("Content-Encoding: gzip\r\n", &zipped)]).await;
    assert_eq!(send(&house, &Ask::get(server.address, "/")).await.unwrap(), r#"{"summary":"packed"}"#);
    // Ten megabytes that unpack to ten gigabytes: a thousand pieces of gzip, one after the other.
    let piece = gzip(&vec![0; 10 << 20]);
    let head = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n";
    let bomb = vec![Step::Read, Step::Send(head.into()), Step::Repeat(piece, 1_000)];
    let server = RawServer::start(bomb).await;
    let ask = Ask::get(server.address, "/");
    let error = send(&house, &ask).await.unwrap_err();
    assert!(error.code == "upstream.broken" && error.message.contains("100 times"), "{error}");
    let grown = grown_mib(async {
        send(&house, &ask).await.map(drop).unwrap_err();
    })
    .await;
    assert!(grown <= 40, "{grown} MiB");
    // One in which nobody could look for secrets.
    let server = RawServer::start(vec![Step::Read, answer("Content-Encoding: br\r\n", b"\x0b\x02\x80hello\x03")]).await;
    let error = send(&house, &Ask::get(server.address, "/")).await.unwrap_err();
    assert_eq!(error.code, "upstream.broken", "{error}");
}

#[tokio::test]
async fn row_68_a_flood_of_headers_is_no_answer() {
    let house = House::new();
    let flood = vec![
        Step::Read,
        Step::Send(b"HTTP/1.1 200 OK\r\n".to_vec()),
        Step::Repeat(b"X-Flood: 1234567890\r\n".to_vec(), 100_000),
        Step::Send(b"Content-Length: 0\r\n\r\n".to_vec()),
    ];
    let one = vec![Step::Read, answer(&format!("X-Long: {}\r\n", "x".repeat(100 << 10)), b"")];
    for steps in [flood, one] {
        let server = RawServer::start(steps).await;
        let ask = Ask::get(server.address, "/");
        let error = send(&house, &ask).await.unwrap_err();
        assert_eq!(error.class, FailureClass::Upstream, "{error}");
        let grown = grown_mib(async {
            send(&house, &ask).await.map(drop).unwrap_err();
        })
        .await;
        assert!(grown <= 20, "{grown} MiB");
    }
}

#[tokio::test]
async fn row_69_an_answer_that_nobody_reads_is_let_go() {
    let server = RawServer::start(vec![Step::Read, answer("", &vec![b'x'; 1 << 20])]).await;
    let house = House::new();
    let ask = Ask { leave_body: true, ..Ask::get(server.address, "/") };
    for _ in 0..20 {
        assert_eq!(send(&house, &ask).await.unwrap(), "");
    }
}

#[tokio::test]
async fn row_70_an_upload_is_cut_before_anything_is_sent() {
    let server = RawServer::ok().await;
    let house = House::new();
    let mut ask = Ask::get(server.address, "/").post(vec![b'x'; 100 << 10]);
    assert_eq!(send(&house, &ask).await.unwrap(), "ok");
    let opened = server.opened();
    // The same piece again and again.
    ask.body = Some(vec![b'x'; 4 << 10]);
    let (scheme, mut manifest) = (format!("http://{}", ask.authority), rule(&["POST"]));
    manifest["budgets"] = json!({ "health": { "wall_ms": 20_000 } });
    let package = crate::requests::flooding(&ask, manifest);
    house.install(&package);
    let error = house.check(json!({ "base_url": scheme }), loopback()).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.class), ("budget.request-bytes", FailureClass::Budget), "{error}");
    assert_eq!(server.opened(), opened);
}

fn withholding(key: &str) -> Grants {
    Grants { withheld: [key.to_owned()].into(), ..loopback() }
}

#[tokio::test]
async fn what_a_connection_withholds_is_refused_per_rule_and_method() {
    let server = RawServer::ok().await;
    let house = House::new();
    let base_url = json!({ "base_url": format!("http://{}", server.address) });
    house.install(&Ask::get(server.address, "/").package(rule(&["GET", "POST"])));
    house.check(base_url.clone(), withholding("send POST {setting:base_url}")).await.unwrap();
    let error = house.check(base_url.clone(), withholding("send GET {setting:base_url}")).await.unwrap_err();
    assert_eq!(
        (error.code.as_str(), error.fault, error.class),
        ("egress.withheld", FaultSource::Policy, FailureClass::Config)
    );
    assert!(error.message.contains("send GET"), "{}", error.message);
    assert_eq!(server.requests().len(), 1);
    house.check(base_url, loopback()).await.unwrap();
    assert_eq!(house.host.find(&"probe".into()).unwrap().stats.egress_denied, 1);
}

#[tokio::test]
async fn what_is_taken_away_is_taken_from_calls_under_way_as_well() {
    // The first answer takes a while, and the guest asks twice.
    let server = RawServer::start(vec![Step::Read, Step::Wait(Duration::from_millis(500)), answer("", b"ok")]).await;
    let house = House::new();
    let ask = Ask::get(server.address, "/");
    house.install(&crate::requests::twice(&ask, rule(&["GET"])));
    let base_url: Value = json!({ "base_url": format!("http://{}", server.address) });
    let call = house.check(base_url.clone(), loopback());
    let cut = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        house.host.regrant(&"c1".into(), &Arc::new(withholding("send GET {setting:base_url}")));
    };
    let (outcome, ()) = futures::future::join(call, cut).await;
    assert_eq!(outcome.unwrap_err().code, "egress.withheld");
    assert_eq!(server.requests().len(), 1);
    // A call that starts later brings its own grants along.
    let later = target(base_url, loopback());
    assert!(house.host.check(&later).await.is_ok());
}
