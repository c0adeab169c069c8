//! Rows 63 to 70: what requests and answers look like, how slow and how large they are.

use crate::arena::{Arena, loopback};
use crate::case::{Case, Ran, case, code};
use crate::outside::{Manners, Meeting, Upstream, answer};
use crate::wasm::{Fetch, Then, rule};
use anyhow::{Context, Result, bail, ensure};
use opssight_core::plugins::{CallError, CallTarget, Called, HealthReport, Plugins};
use serde_json::json;
use std::io::Write;
use std::time::{Duration, Instant};

pub(super) const CASES: &[Case] = &[
    case!(Http "63" "header-injection", "sets Host, Content-Length, Transfer-Encoding, line breaks in values, an absolute URI as path, trailers with such names" => "the wire carries exactly one well-formed request", injection),
    case!(Http "64" "slow-loris", "its upstream accepts and says nothing, or a byte now and then" => "give up in time; every place is free again", loris).cpu(3_000),
    case!(Http "64b" "slow-TLS", "its upstream accepts and says no TLS hello" => "give up in time", slow_tls),
    case!(Http "65" "timeouts", "asks for timeouts of 0, 1 and u64::MAX" => "no panic; the host's own limits hold", timeouts),
    case!(Http "66" "response-10-GB", "its upstream sends without end, with and without chunks" => "cut at the cap", endless).rss(20),
    case!(Http "67" "gzip-bomb", "its upstream sends 11 MB that unpack to 10 GiB, as 10,240 members and as one, called gzip, gzip twice, deflate, br, zstd (a packed megabyte is sent again and again, as long as the host takes more)" => "cut at the cap, packed or unpacked", bomb).rss(20),
    case!(Http "68" "headers-1e5", "its upstream sends 100,000 headers, and one of 4 MiB" => "refuse the answer", headers).rss(20),
    case!(Http "69" "never-read", "asks for 200 answers of 3 MiB and looks at none" => "hold at most two full answers for it; let go of them with the call", never_read).rss(30),
    case!(Http "70" "upload-10-GB", "sends a body without end" => "cut at the cap", upload).rss(20),
    case!(Http "X17" "request-flood", "sends 100 requests in one call" => "stop at the budget of requests", flood),
    case!(Http "X18" "smuggled-answer", "its upstream answers with two lengths, two answers and bare line feeds" => "no second answer is believed", smuggled),
];

async fn injection(arena: &Arena) -> Ran {
    let upstream = Upstream::start(Manners::Fixed(answer(200, &[("connection", "close")], b"hello"))).await;
    let authority = upstream.address.to_string();
    let many: &[(&str, &[u8])] = &[
        ("host", b"evil.example"),
        ("Host", b"evil.example"),
        (":authority", b"evil.example"),
        ("content-length", b"100"),
        ("content-length", b"5"),
        ("transfer-encoding", b"chunked"),
        ("connection", b"keep-alive, x-drop"),
        ("keep-alive", b"timeout=9"),
        ("upgrade", b"h2c"),
        ("http2-settings", b"AAMAAABkAAQAoAAAAAIAAAAA"),
        ("te", b"trailers"),
        ("trailer", b"host"),
        ("proxy-authorization", b"Basic eA=="),
        ("proxy-connection", b"x"),
        ("cookie", b"session=stolen"),
        ("x-a", b"1\r\nx-injected: yes"),
        ("x-b", b"1\nx-injected: yes"),
        ("x-c", b"1\rx-injected: yes"),
        ("x-d", b"1\0"),
        ("x-e\r\nx-injected", b"1"),
        ("x f", b"1"),
        ("", b"1"),
        ("expect", b"100-continue"),
    ];
    // Each header alone beside a good one, then paths, then all headers at once.
    let good = ("x-good", b"kept".as_slice());
    let paths = ["http://evil.example/x", "/x HTTP/1.1\r\nx-injected: yes\r\n\r\nGET /y", "x", "*", "/x#frag"];
    let mut told = Vec::new();
    let pairs: Vec<Vec<(&str, &[u8])>> = many.iter().map(|header| vec![*header, good]).chain([many.to_vec()]).collect();
    let with_headers = pairs.iter().map(|headers| ("/x", headers.as_slice()));
    for (number, (path, headers)) in with_headers.chain(paths.map(|path| (path, &[] as &[_]))).enumerate() {
        let fetch = Fetch { authority: &authority, path, headers, ..Fetch::default() };
        arena.fetch(&fetch, &upstream.url(), &loopback(), json!({ "version": format!("1.0.{number}") })).await?.ok();
    }
    // After the body, where the sender of a chunked one may say more.
    let trailers: &[(&str, &[u8])] =
        &[("host", b"evil.example"), ("content-length", b"5"), ("x-trailing", b"1\r\nx: y")];
    for trailers in [&trailers[..1], &trailers[1..2], trailers] {
        let fetch = Fetch { authority: &authority, path: "/x", method: 2, trailers, ..Fetch::default() };
        told.push(
            code(
                &arena
                    .fetch(&fetch, &upstream.url(), &loopback(), json!({ "version": format!("2.0.{}", told.len()) }))
                    .await?,
            )
            .to_owned(),
        );
    }
    let said = upstream.said();
    ensure!(said.len() > 10, "only {} requests went out", said.len());
    for head in &said {
        let lines: Vec<&str> = head.trim_end().split("\r\n").collect();
        let fine = ["GET /x HTTP/1.1", "GET / HTTP/1.1", "POST /x HTTP/1.1"];
        ensure!(fine.contains(&lines[0]), "the request line is {:?}", lines[0]);
        let mut names: Vec<String> = Vec::new();
        for line in &lines[1..] {
            let (name, value) = line.split_once(": ").with_context(|| format!("{line:?} is no header"))?;
            let name = name.to_ascii_lowercase();
            let fine = match name.as_str() {
                "host" => value == authority,
                "accept" | "user-agent" => true,
                "x-good" => value == "kept",
                "content-length" => value == "0",
                // The host's own offer: it unpacks what comes, within the cap.
                "accept-encoding" => value == "gzip",
                _ => false,
            };
            ensure!(fine && !names.contains(&name), "the wire carries {line:?} in {head:?}");
            names.push(name);
        }
    }
    told.dedup();
    Ok(format!("{} clean requests on the wire; with trailers: {}", said.len(), told.join(", ")))
}

/// Requests of one connection that may be under way at once.
const PLACES: usize = 8;
/// Calls that are given up in each round: one more would open the connection's breaker, which is another case.
const GIVEN_UP: usize = 4;

async fn all_at_once(
    arena: &Arena,
    targets: &[CallTarget],
    times: usize,
) -> Vec<Result<Called<HealthReport>, CallError>> {
    let calls = targets.iter().flat_map(|target| (0..times).map(move |_| arena.host.check(target)));
    futures::future::join_all(calls).await
}

/// One upstream, two connections that share its places, and nothing of them is ever forgotten: a place that a request
/// does not give back stays taken.
async fn loris(arena: &Arena) -> Ran {
    let hello = || answer(200, &[("connection", "close")], b"hello");
    let upstream = Upstream::start(Manners::Fixed(hello())).await;
    let authority = upstream.address.to_string();
    // As many requests as a call may make.
    let fetch = Fetch { authority: &authority, at_once: 10, ..Fetch::default() };
    arena.install(&fetch.package(arena.asks(json!({ "egress": rule("{setting:base_url}") })))).await?;
    let targets = ["one", "other"].map(|which| {
        let target = arena.target(json!({ "base_url": upstream.url() }), loopback());
        CallTarget { connection: format!("{}-{which}", target.connection).into(), ..target }
    });
    // What the upstream's calls are like is known from here on, so that none waits to see how the first one goes.
    ensure!(all_at_once(arena, &targets, 1).await.iter().all(Result::is_ok), "a good upstream is not asked");
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n".to_vec();
    let slow = |first: Vec<u8>| Manners::Repeat { first, then: b"a".to_vec(), every_ms: 100, times: 10_000 };
    for manners in [Manners::Silence, slow(b"HTTP/1.1 200 OK\r\nx-".to_vec()), slow(head)] {
        upstream.behave(manners);
        let begun = Instant::now();
        let outcomes = all_at_once(arena, &targets, GIVEN_UP).await;
        ensure!(begun.elapsed() < Duration::from_secs(8), "it took {:?}", begun.elapsed());
        let fine = |code: &str| matches!(code, "budget.wall" | "upstream.timeout");
        let odd = outcomes.iter().map(code).find(|code| !fine(code));
        ensure!(odd.is_none(), "a call ended with {odd:?}");
        // The next ones are no failures within the same five minutes.
        arena.clock.advance_secs(301);
    }
    // Nobody is answered before every place of both connections has a request in it.
    upstream.behave(Manners::Together(Meeting::of(targets.len() * PLACES, hello())));
    let begun = Instant::now();
    for outcome in all_at_once(arena, &targets, 1).await {
        ensure!(code(&outcome) == "ok", "not every place is free: a call ended with {}", code(&outcome));
    }
    let given_up = 3 * GIVEN_UP * targets.len();
    Ok(format!("{given_up} given up in time; then {PLACES} requests at once for each, in {:?}", begun.elapsed()))
}

async fn slow_tls(arena: &Arena) -> Ran {
    let slow = Upstream::start(Manners::Silence).await;
    let authority = slow.address.to_string();
    let fetch = Fetch { authority: &authority, https: true, ..Fetch::default() };
    let begun = Instant::now();
    let outcome = arena.fetch(&fetch, &format!("https://{authority}"), &loopback(), json!({})).await?;
    ensure!(begun.elapsed() < Duration::from_secs(6), "it took {:?}", begun.elapsed());
    match code(&outcome) {
        said @ ("budget.wall" | "upstream.timeout" | "upstream.unreachable") => Ok(said.to_owned()),
        said => bail!("it ended with {said}"),
    }
}

async fn timeouts(arena: &Arena) -> Ran {
    let good = Upstream::start(Manners::Fixed(answer(200, &[], b"hello"))).await;
    let slow = Upstream::start(Manners::Silence).await;
    let mut told = Vec::new();
    let mut number = 0;
    for upstream in [&good, &slow] {
        for timeout in [0, 1, 999, u64::MAX, u64::MAX / 2, i64::MAX.unsigned_abs()] {
            let authority = upstream.address.to_string();
            number += 1;
            let fetch = Fetch { authority: &authority, timeout: Some(timeout), ..Fetch::default() };
            let begun = Instant::now();
            let outcome = arena
                .fetch(&fetch, &upstream.url(), &loopback(), json!({ "version": format!("1.0.{number}") }))
                .await?;
            ensure!(begun.elapsed() < Duration::from_secs(6), "a timeout of {timeout} ns took {:?}", begun.elapsed());
            let said = code(&outcome);
            let fine = matches!(said, "ok" | "upstream.timeout" | "budget.wall" | "case.failed" | "trap");
            ensure!(fine, "a timeout of {timeout} ns ended with {said}");
            told.push(said.to_owned());
        }
    }
    told.dedup();
    Ok(told.join(", "))
}

async fn endless(arena: &Arena) -> Ran {
    let megabyte = vec![b'x'; 1 << 20];
    let chunk = [b"100000\r\n".as_slice(), &megabyte, b"\r\n"].concat();
    let heads: [(&str, Vec<u8>); 3] = [
        ("HTTP/1.1 200 OK\r\n\r\n", megabyte.clone()),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", chunk),
        ("HTTP/1.1 200 OK\r\ncontent-length: 10000000000\r\n\r\n", megabyte),
    ];
    for (number, (head, then)) in heads.into_iter().enumerate() {
        let manners = Manners::Repeat { first: head.as_bytes().to_vec(), then, every_ms: 0, times: 10_000 };
        let upstream = Upstream::start(manners).await;
        let authority = upstream.address.to_string();
        let fetch = Fetch { authority: &authority, ..Fetch::default() };
        let more = json!({ "version": format!("1.0.{number}"), "budgets": { "health": { "wall_ms": 10_000 } } });
        let outcome = arena.fetch(&fetch, &upstream.url(), &loopback(), more).await?;
        ensure!(code(&outcome) == "budget.response-bytes", "{head:?} ended with {}", code(&outcome));
    }
    Ok("3 x budget.response-bytes".to_owned())
}

/// A megabyte of zeros, packed as a gzip member of its own (about a kilobyte): 10,240 of them are 10 GiB.
fn packed_member() -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(&vec![0; 1 << 20]).unwrap();
    gzip.finish().unwrap()
}

/// The same as a piece of one endless member: blocks that end at a byte and refer to nothing before them.
fn packed_piece() -> Vec<u8> {
    let mut deflate = flate2::Compress::new(flate2::Compression::best(), false);
    let (zeros, mut piece) = (vec![0; 1 << 20], Vec::with_capacity(1 << 16));
    deflate.compress_vec(&zeros, &mut piece, flate2::FlushCompress::Full).unwrap();
    assert_eq!(deflate.total_in(), 1 << 20, "the piece is not a whole megabyte");
    piece
}

/// As many megabytes as the row says.
const UNPACKED_MIB: u64 = 10 << 10;

async fn bomb(arena: &Arena) -> Ran {
    const MEMBER_HEAD: &[u8] = &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
    let (members, piece) = ((&[] as &[u8], packed_member()), (MEMBER_HEAD, packed_piece()));
    let bombs = [
        ("gzip", &members),
        ("gzip", &piece),
        ("gzip, gzip", &members),
        ("deflate", &piece),
        ("br", &members),
        ("zstd", &members),
    ];
    let mut told = Vec::new();
    for (number, (encoding, (begin, megabyte))) in bombs.into_iter().enumerate() {
        let length = begin.len() as u64 + megabyte.len() as u64 * UNPACKED_MIB;
        ensure!(length < 12 << 20, "it is packed into {length} bytes only");
        let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: {encoding}\r\ncontent-length: {length}\r\n\r\n");
        let upstream = Upstream::start(Manners::Repeat {
            first: [head.as_bytes(), begin].concat(),
            then: megabyte.clone(),
            every_ms: 0,
            times: UNPACKED_MIB,
        })
        .await;
        let authority = upstream.address.to_string();
        let fetch = Fetch { authority: &authority, then: Then::Ignore, ..Fetch::default() };
        let more = json!({ "version": format!("1.0.{number}"), "budgets": { "health": { "wall_ms": 10_000 } } });
        let outcome = arena.fetch(&fetch, &upstream.url(), &loopback(), more).await?;
        match code(&outcome) {
            said @ ("budget.response-bytes" | "upstream.broken") => told.push(said.to_owned()),
            said => bail!("{encoding}: it ended with {said}"),
        }
    }
    told.dedup();
    Ok(told.join(", "))
}

async fn headers(arena: &Arena) -> Ran {
    let many: String = (0..100_000).map(|n| format!("x-{n}: {n}\r\n")).collect();
    let long = format!("x-long: {}\r\n", "a".repeat(4 << 20));
    let mut told = Vec::new();
    for (number, lines) in [many, long].into_iter().enumerate() {
        let whole = format!("HTTP/1.1 200 OK\r\n{lines}content-length: 5\r\n\r\nhello");
        let upstream = Upstream::start(Manners::Fixed(whole.into_bytes())).await;
        let authority = upstream.address.to_string();
        let fetch = Fetch { authority: &authority, ..Fetch::default() };
        let outcome =
            arena.fetch(&fetch, &upstream.url(), &loopback(), json!({ "version": format!("1.0.{number}") })).await?;
        ensure!(code(&outcome) != "ok", "variant {number} was taken");
        told.push(code(&outcome).to_owned());
    }
    Ok(told.join(", "))
}

async fn never_read(arena: &Arena) -> Ran {
    let upstream = Upstream::start(Manners::Fixed(answer(200, &[], &vec![b'x'; 3 << 20]))).await;
    let authority = upstream.address.to_string();
    let fetch = Fetch { authority: &authority, then: Then::Ignore, times: 200, ..Fetch::default() };
    let outcome = arena
        .fetch(&fetch, &upstream.url(), &loopback(), json!({ "budgets": { "health": { "wall_ms": 10_000 } } }))
        .await?;
    let said = code(&outcome).to_owned();
    ensure!(said == "budget.response-bytes", "it ended with {said}, {} requests", upstream.said().len());
    Ok(format!("{said} after {} requests", upstream.said().len()))
}

async fn upload(arena: &Arena) -> Ran {
    let upstream = Upstream::start(Manners::Fixed(answer(200, &[], b"hello"))).await;
    let authority = upstream.address.to_string();
    let fetch = Fetch { authority: &authority, method: 2, flood: true, ..Fetch::default() };
    let more = json!({ "budgets": { "health": { "wall_ms": 10_000, "cpu_ms": 1000 } } });
    let outcome = arena.fetch(&fetch, &upstream.url(), &loopback(), more).await?;
    ensure!(code(&outcome) == "budget.request-bytes", "it ended with {}", code(&outcome));
    ensure!(upstream.came() == 0, "a part of it was sent");
    Ok("budget.request-bytes".to_owned())
}

async fn flood(arena: &Arena) -> Ran {
    let upstream = Upstream::start(Manners::Fixed(answer(200, &[], b"hello"))).await;
    let authority = upstream.address.to_string();
    let fetch = Fetch { authority: &authority, times: 100, ..Fetch::default() };
    let more = json!({ "budgets": { "health": { "wall_ms": 10_000 } } });
    let outcome = arena.fetch(&fetch, &upstream.url(), &loopback(), more).await?;
    ensure!(code(&outcome) == "budget.requests", "it ended with {}", code(&outcome));
    ensure!(upstream.said().len() == 10, "{} requests went out", upstream.said().len());
    Ok("budget.requests after 10".to_owned())
}

async fn smuggled(arena: &Arena) -> Ran {
    let answers = [
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 50\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged",
        "HTTP/1.1 200 OK\ncontent-length: 5\n\nhello",
        "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\nhello",
        "HTTP/1.1 99999 OK\r\n\r\n",
        "HTTP/9.9 200 OK\r\n\r\n",
        "\0\0\0\0",
    ];
    let mut told = Vec::new();
    for (number, bytes) in answers.iter().enumerate() {
        let upstream = Upstream::start(Manners::Fixed(bytes.as_bytes().to_vec())).await;
        let authority = upstream.address.to_string();
        // Twice in one call, so that what is left over of the first answer would be the second.
        let fetch = Fetch { authority: &authority, times: 2, ..Fetch::default() };
        let outcome =
            arena.fetch(&fetch, &upstream.url(), &loopback(), json!({ "version": format!("1.0.{number}") })).await?;
        if let Ok(called) = &outcome {
            ensure!(!called.value.summary.contains("forged"), "a forged answer was believed ({number})");
        }
        told.push(code(&outcome).to_owned());
    }
    told.dedup();
    Ok(told.join(", "))
}
