//! Upstreams that speak the protocol against its spirit: folded lines, trailers, endless preludes, tiny chunks, and the
//! floods that HTTP/2 is known for.

use crate::arena::{Arena, loopback};
use crate::case::{Case, Ran, case, code};
use crate::outside::{Manners, Upstream};
use crate::secure::{NAME, Script, Secure, frame};
use crate::wasm::{Fetch, Then};
use anyhow::{Result, bail, ensure};
use serde_json::{Value, json};

pub(super) const CASES: &[Case] = &[
    case!(Http "X20" "folded-headers", "its upstream folds header lines, begins them with blanks, and leaves out names" => "refuse the answer", folded),
    case!(Http "X21" "trailers", "its upstream says more after the body: cookies, credentials, encodings, a megabyte of them" => "hand over none of it", trailers).rss(20),
    case!(Http "X22" "endless-prelude", "its upstream sends informational answers without end, and switches protocols" => "give up in time", prelude).cpu(6_000).rss(20),
    case!(Http "X23" "tiny-chunks", "its upstream sends megabytes in chunks of one byte, with and without a kilobyte of extension each" => "cut it, at little cost", tiny).cpu(1_000).rss(20),
    case!(Http "X24" "h2-floods", "its upstream floods HTTP/2 with continuations, resets, pings, settings, promises, empty frames, packed headers" => "give up in time", floods).cpu(20_000).rss(30),
];

fn limits(version: usize, wall_ms: u32) -> Value {
    json!({ "version": format!("1.0.{version}"), "budgets": { "health": { "cpu_ms": 500, "wall_ms": wall_ms } } })
}

/// One call to an upstream of these manners, and all that the guest got of the answer.
async fn asked(arena: &Arena, version: usize, manners: Manners, wall_ms: u32) -> Result<(String, Vec<u8>)> {
    let upstream = Upstream::start(manners).await;
    let authority = upstream.address.to_string();
    let fetch = Fetch { authority: &authority, then: Then::Keep, ..Fetch::default() };
    let outcome = arena.fetch(&fetch, &upstream.url(), &loopback(), limits(version, wall_ms)).await?;
    ensure!(upstream.came() > 0, "nobody asked the upstream");
    let said = code(&outcome).to_owned();
    let dump = outcome.map(|called| called.state.into_iter().filter_map(|write| write.value).flatten().collect());
    Ok((said, dump.unwrap_or_default()))
}

async fn folded(arena: &Arena) -> Ran {
    let heads = [
        "x-a: 1\r\n folded: yes\r\n",
        "x-a: 1\r\n\tfolded: yes\r\n",
        " x-a: 1\r\n",
        "x-a\r\n",
        ": nameless\r\n",
        "x a: 1\r\n",
        "x-a : 1\r\n",
        "x-a: 1\0\r\n",
    ];
    for (number, head) in heads.iter().enumerate() {
        let whole = format!("HTTP/1.1 200 OK\r\n{head}content-length: 5\r\n\r\nhello").into_bytes();
        let (said, dump) = asked(arena, number, Manners::Fixed(whole), 1_500).await?;
        ensure!(said == "upstream.broken" && dump.is_empty(), "{head:?} ended with {said}");
    }
    Ok(format!("{} x upstream.broken", heads.len()))
}

async fn trailers(arena: &Arena) -> Ran {
    let many: String = (0..20_000).map(|number| format!("x-after-{number}: {number}\r\n")).collect();
    let all = [
        "set-cookie: after=1\r\n".to_owned(),
        "content-encoding: gzip\r\ncontent-length: 5\r\n".to_owned(),
        "x-after: 1\r\nwww-authenticate: after\r\n".to_owned(),
        format!("x-after: {}\r\n", "a".repeat(1 << 20)),
        many,
    ];
    let mut told = Vec::new();
    for (number, after) in all.iter().enumerate() {
        let whole = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n{after}\r\n");
        let (said, dump) = asked(arena, number, Manners::Fixed(whole.into_bytes()), 3_000).await?;
        ensure!(matches!(said.as_str(), "ok" | "upstream.broken"), "variant {number} ended with {said}");
        ensure!(memchr::memmem::find(&dump, b"after").is_none(), "the guest got a trailer of variant {number}");
        told.push(said);
    }
    told.dedup();
    Ok(told.join(", "))
}

async fn prelude(arena: &Arena) -> Ran {
    let hints = b"HTTP/1.1 103 Early Hints\r\nlink: </x>; rel=preload\r\n\r\n".repeat(100);
    let switching = b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n".to_vec();
    let repeat = |first: Vec<u8>, then: Vec<u8>, every_ms| Manners::Repeat { first, then, every_ms, times: 1_000_000 };
    let all = [
        repeat(Vec::new(), hints.clone(), 0),
        repeat(Vec::new(), b"HTTP/1.1 100 Continue\r\n\r\n".to_vec(), 50),
        repeat(switching.clone(), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), 50),
        repeat(switching, hints, 0),
    ];
    let mut told = Vec::new();
    for (number, manners) in all.into_iter().enumerate() {
        let (said, _) = asked(arena, number, manners, 1_500).await?;
        let fine = matches!(said.as_str(), "ok" | "budget.wall" | "upstream.timeout" | "upstream.broken");
        ensure!(fine, "variant {number} ended with {said}");
        told.push(said);
    }
    Ok(told.join(", "))
}

async fn tiny(arena: &Arena) -> Ran {
    let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    let extended = format!("1;{}\r\nx\r\n", "e".repeat(1 << 10)).into_bytes();
    let all = [b"1\r\nx\r\n".repeat(1_000), extended, format!("1;{}", "e".repeat(64 << 10)).into_bytes()];
    let mut told = Vec::new();
    for (number, then) in all.into_iter().enumerate() {
        let manners = Manners::Repeat { first: head.clone(), then, every_ms: 0, times: 20_000 };
        let (said, _) = asked(arena, number, manners, 5_000).await?;
        ensure!(said == "upstream.broken", "variant {number} ended with {said}");
        told.push(said);
    }
    Ok(format!("{} x upstream.broken", told.len()))
}

/// `:status 200` from the static table.
const STATUS_200: u8 = 0x88;

fn scripts() -> Vec<(&'static str, Script)> {
    let (end_stream, end_headers) = (1, 4);
    let open = frame(1, end_headers, 1, &[STATUS_200]);
    // Literal fields that are not put into the table: "x-a: aaa...".
    let mut literal = vec![0, 3];
    literal.extend_from_slice(b"x-a");
    literal.push(100);
    literal.extend([b'a'; 100]);
    let junk = literal.repeat(150);
    // One large entry of the table, and then nothing but references to it.
    let mut packed = vec![STATUS_200, 0x40, 3];
    packed.extend_from_slice(b"x-b");
    packed.extend([0x7f, 0x81, 0x1e]);
    packed.extend([b'b'; 4_000]);
    packed.extend([0xbe; 12_000]);
    let once = |first: Vec<u8>| Script { first, then: Vec::new() };
    let flood = |first: Vec<u8>, then: Vec<u8>| Script { first, then };
    vec![
        ("continuations", flood(frame(1, 0, 1, &[STATUS_200]), frame(9, 0, 1, &junk))),
        ("empty continuations", flood(frame(1, 0, 1, &[STATUS_200]), frame(9, 0, 1, &[]).repeat(1_000))),
        ("resets", flood(Vec::new(), frame(3, 0, 1, &[0, 0, 0, 8]).repeat(1_000))),
        ("answers and resets", flood(Vec::new(), [open.clone(), frame(3, 0, 1, &[0, 0, 0, 8])].concat().repeat(500))),
        ("pings", flood(Vec::new(), frame(6, 0, 0, &[7; 8]).repeat(1_000))),
        ("settings", flood(Vec::new(), frame(4, 0, 0, &[0, 3, 0, 0, 0, 1]).repeat(1_000))),
        ("promises", flood(Vec::new(), frame(5, end_headers, 1, &[0, 0, 0, 2, STATUS_200]).repeat(100))),
        ("windows", flood(open.clone(), frame(8, 0, 0, &[0x7f, 0xff, 0xff, 0xff]).repeat(100))),
        ("empty data", flood(open.clone(), frame(0, 0, 1, &[]).repeat(1_000))),
        ("padded data", flood(open.clone(), frame(0, 8, 1, &[255; 256]).repeat(100))),
        ("more data than asked for", flood(open.clone(), frame(0, 0, 1, &vec![0; 16_384]))),
        ("packed headers", once(frame(1, end_headers | end_stream, 1, &packed))),
        ("unknown frames", flood(Vec::new(), frame(0xfb, 0xff, 1, &[1; 100]).repeat(100))),
        ("a huge frame", once([[0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1].as_slice(), &[0; 1 << 20]].concat())),
        ("text", once(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello".to_vec())),
        ("silence", once(Vec::new())),
    ]
}

async fn floods(arena: &Arena) -> Ran {
    let mut told = std::collections::BTreeMap::new();
    for (number, (what, script)) in scripts().into_iter().enumerate() {
        let upstream = Secure::start(script).await;
        arena.names.script(NAME, &[&["127.0.0.1"]]);
        let authority = format!("{NAME}:{}", upstream.port);
        let fetch = Fetch { https: true, authority: &authority, then: Then::Keep, ..Fetch::default() };
        let base = format!("https://{authority}");
        let outcome = arena.fetch(&fetch, &base, &loopback(), limits(number, 2_000)).await?;
        ensure!(upstream.came() > 0, "{what}: there was no handshake: {}", code(&outcome));
        match code(&outcome) {
            said @ ("upstream.broken"
            | "upstream.unreachable"
            | "upstream.timeout"
            | "budget.wall"
            | "budget.response-bytes") => {
                *told.entry(said.to_owned()).or_insert(0) += 1;
            }
            said => bail!("{what}: it ended with {said}"),
        }
    }
    let told: Vec<String> = told.into_iter().map(|(code, count)| format!("{count} x {code}")).collect();
    Ok(told.join(", "))
}
