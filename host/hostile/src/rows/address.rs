//! Rows 53 to 57: where a request may go, in every spelling.

use crate::arena::{Arena, loopback};
use crate::case::{Case, Ran, case, code};
use crate::outside::{Manners, Upstream, answer};
use crate::wasm::Fetch;
use anyhow::{Context, Result, ensure};
use opssight_core::plugins::Grants;
use serde_json::json;
use std::collections::BTreeMap;

pub(super) const CASES: &[Case] = &[
    case!(Egress "53" "special-addresses", "asks metadata services, loopback and private networks by address" => "refuse; nobody is connected to", special),
    case!(Egress "54" "spelled-IPv4", "spells 127.0.0.1 and 169.254.169.254 in 36 ways" => "refuse; nobody is connected to", spelled),
    case!(Egress "55" "IPv4-in-IPv6", "wraps them in IPv6: mapped, compatible, NAT64, 6to4, Teredo" => "refuse; nobody is connected to", wrapped),
    case!(Egress "56" "userinfo", "puts the allowed host before an @" => "refuse; nobody is connected to", userinfo),
    case!(Egress "57" "odd-authorities", "uses backslashes, tabs, line breaks, trailing dots, two ports" => "refuse; nobody is connected to", odd),
    case!(Egress "53b" "granted-networks", "asks metadata services where an operator granted every network" => "refuse all the same", granted),
    case!(Egress "X15" "path-tricks", "climbs out of an allowed path prefix by dots, encodings and slashes" => "refuse; the upstream sees no such path", paths),
    case!(Egress "X16" "other-port-scheme-method", "asks an allowed host on another port, by another scheme and method" => "refuse; nobody is connected to", neighbours_of_rule),
];

/// One request with whatever the case's rule is. What the gate refuses is on record as refused.
async fn asked(arena: &Arena, number: usize, fetch: &Fetch<'_>, base: &str, grants: &Grants) -> Result<String> {
    let outcome = arena.fetch(fetch, base, grants, json!({ "version": format!("1.0.{number}") })).await?;
    let (code, stats) = (code(&outcome), arena.stats());
    let denied = u64::from(code == "egress.denied" || code == "egress.address");
    ensure!(stats.egress_denied == denied, "{code}, with {} refusals on record", stats.egress_denied);
    Ok(code.to_owned())
}

/// Refused by rule, before anybody was asked: by the gate, or by the interface that takes a request's parts. A
/// connection that came to nothing is none of these, because it was tried; nor is a guest that died.
fn is_refusal(code: &str) -> bool {
    matches!(code, "egress.denied" | "egress.address" | "case.failed")
}

fn summary(codes: &BTreeMap<String, usize>) -> String {
    let all: Vec<String> = codes.iter().map(|(code, count)| format!("{count} x {code}")).collect();
    all.join(", ")
}

/// Ask each of these authorities, with a rule that names it as the operator might have been talked into, and with a
/// rule for another host; nobody may be reached, on any address of this machine.
async fn nobody_reached(arena: &Arena, hosts: &[&str], grants: &Grants) -> Ran {
    let inside = Upstream::start(Manners::Fixed(answer(200, &[], b"inside"))).await;
    let port = inside.address.port();
    let sixth = match std::net::TcpListener::bind(("::1", port)) {
        Ok(listener) => {
            drop(listener);
            Some(Upstream::at(&format!("[::1]:{port}"), Manners::Fixed(answer(200, &[], b"inside"))).await)
        }
        Err(_) => None,
    };
    for name in ["localhost", "localhost.", "metadata.google.internal", "LOCALHOST"] {
        let address = if name.starts_with("meta") { "169.254.169.254" } else { "127.0.0.1" };
        arena.names.script(name, &[&[address]]);
    }
    // A spelling that is taken for a name leads inside as well: it must be refused for where it leads.
    arena.names.otherwise(&["127.0.0.1"]);
    let mut codes = BTreeMap::new();
    let mut number = 0;
    for host in hosts {
        for https in [false, true] {
            for base_is_host in [true, false] {
                let scheme = if https { "https" } else { "http" };
                let authority = format!("{host}:{port}");
                let base =
                    if base_is_host { format!("{scheme}://{authority}") } else { "https://api.github.test".into() };
                let fetch = Fetch { https, authority: &authority, path: "/latest/meta-data", ..Fetch::default() };
                let code =
                    asked(arena, number, &fetch, &base, grants).await.with_context(|| format!("{scheme}://{host}"))?;
                ensure!(is_refusal(&code), "{scheme}://{authority} (rule: {base}) ended with {code}");
                *codes.entry(code).or_insert(0) += 1;
                number += 1;
                let came = inside.came() + sixth.as_ref().map_or(0, Upstream::came);
                ensure!(came == 0, "{scheme}://{authority} (rule: {base}) reached a listener on this machine");
            }
        }
    }
    // What refuses everything refuses these as well.
    let authority = inside.address.to_string();
    let good = Fetch { authority: &authority, ..Fetch::default() };
    let code = asked(arena, number, &good, &inside.url(), &loopback()).await?;
    ensure!(code == "ok" && inside.came() == 1, "a good request ended with {code}");
    Ok(format!("0 connections; {}; a good one ok", summary(&codes)))
}

fn http_allowed() -> Grants {
    Grants { insecure_http: true, ..Grants::default() }
}

const SPECIAL: [&str; 16] = [
    "169.254.169.254",
    "169.254.170.2",
    "168.63.129.16",
    "100.100.100.200",
    "192.0.0.192",
    "[fd00:ec2::254]",
    "127.0.0.1",
    "[::1]",
    "0.0.0.0",
    "[::]",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "metadata.google.internal",
    "localhost",
];

async fn special(arena: &Arena) -> Ran {
    nobody_reached(arena, &SPECIAL, &http_allowed()).await
}

async fn granted(arena: &Arena) -> Ran {
    let everything =
        Grants { networks: vec!["0.0.0.0/0".into(), "::/0".into()], insecure_http: true, ..Grants::default() };
    let never = [
        "169.254.169.254",
        "169.254.170.2",
        "168.63.129.16",
        "100.100.100.200",
        "192.0.0.192",
        "169.254.42.42",
        "[fd00:ec2::254]",
        "[fd00:ec2::23]",
        "[fd20:ce::254]",
        "[fd00:c1::a9fe:a9fe]",
        "[fd00:42::42]",
        "[fe80::a9fe:a9fe]",
        "0.0.0.0",
        "[::]",
        "224.0.0.1",
        "255.255.255.255",
        "[ff02::1]",
        "[64:ff9b::a9fe:a9fe]",
        "[64:ff9b:1::a9fe:a9fe]",
        "[2002:a9fe:a9fe::]",
        "[2001:0:a9fe:a9fe::]",
        "[::169.254.169.254]",
        "[::ffff:169.254.169.254]",
        "0xa9fea9fe",
        "2852039166",
        "metadata.google.internal",
    ];
    nobody_reached(arena, &never, &everything).await
}

const SPELLED: [&str; 36] = [
    "127.1",
    "127.0.1",
    "0x7f.0.0.1",
    "0x7f.1",
    "0x7f000001",
    "0X7F000001",
    "2130706433",
    "017700000001",
    "0177.0.0.1",
    "0177.1",
    "127.0.0.1.",
    "0",
    "0x0",
    "00000000177.0.0.1",
    "127.0x0.0.01",
    "0x7F.0.0.0x1",
    "1.0.0.127.in-addr.arpa",
    "127.0.0.1%20",
    "%31%32%37.0.0.1",
    "%31%36%39.254.169.254",
    "127%2e0%2e0%2e1",
    "\u{2460}\u{2461}\u{2466}.0.0.1",
    "\u{ff11}\u{ff12}\u{ff17}.0.0.1",
    "127\u{3002}0\u{3002}0\u{3002}1",
    "127\u{ff0e}0\u{ff0e}0\u{ff0e}1",
    "169.254.43518",
    "169.16689662",
    "0xa9fea9fe",
    "0xa9.0xfe.0xa9.0xfe",
    "0251.0376.0251.0376",
    "0251.254.169.254",
    "2852039166",
    "0xA9FEA9FE.",
    "169.254.169.254.",
    "LOCALHOST",
    "localhost.",
];

async fn spelled(arena: &Arena) -> Ran {
    nobody_reached(arena, &SPELLED, &http_allowed()).await
}

async fn wrapped(arena: &Arena) -> Ran {
    let hosts = [
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[0:0:0:0:0:ffff:7f00:0001]",
        "[::127.0.0.1]",
        "[::7f00:1]",
        "[64:ff9b::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b:1::7f00:1]",
        "[2002:7f00:1::]",
        "[2002:7f00:0001::1]",
        "[2001:0:7f00:1::]",
        "[2001::80ff:fffe]",
        "[0:0:0:0:0:0:0:1]",
        "[::0001]",
        "[fe80::1]",
        "[fe80::1%25lo]",
        "[fec0::1]",
        "[fc00::1]",
        "[::ffff:0:7f00:1]",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:a9fe:a9fe::]",
        "[v1.127]",
        "[::1]x",
    ];
    nobody_reached(arena, &hosts, &http_allowed()).await
}

async fn userinfo(arena: &Arena) -> Ran {
    let hosts = [
        "api.github.test@127.0.0.1",
        "api.github.test:x@127.0.0.1",
        "api.github.test%40127.0.0.1",
        "127.0.0.1@api.github.test",
        "@127.0.0.1",
        ":@127.0.0.1",
        "a@b@127.0.0.1",
    ];
    nobody_reached(arena, &hosts, &http_allowed()).await
}

async fn odd(arena: &Arena) -> Ran {
    let hosts = [
        "127.0.0.1\\@api.github.test",
        "api.github.test\\.127.0.0.1",
        "127.0.0.1\t",
        "127.0.0.1\r\nhost: api.github.test",
        "127.0.0.1\n",
        "127.0.0.1 api.github.test",
        "127.0.0.1#api.github.test",
        "127.0.0.1?api.github.test",
        "127.0.0.1/api.github.test",
        "127.0.0.1:1",
        "api.github.test:443:127.0.0.1",
        "127.0.0.1..",
        "\u{0}127.0.0.1",
        "[::1",
        "::1",
        "//127.0.0.1",
        "*.127.0.0.1",
        "",
    ];
    nobody_reached(arena, &hosts, &http_allowed()).await
}

async fn paths(arena: &Arena) -> Ran {
    let upstream = Upstream::start(Manners::Fixed(answer(200, &[("connection", "close")], b"hello"))).await;
    let authority = upstream.address.to_string();
    let base = format!("{}/repos/acme", upstream.url());
    let climbing = [
        "/repos/acme/../../admin",
        "/repos/acme/..%2f..%2fadmin",
        "/repos/acme/%2e%2e/%2e%2e/admin",
        "/repos/acme/.%2e/admin",
        "/repos/acme%2f..%2fadmin",
        "/repos/acme\\..\\admin",
        "/repos/acme/..\\admin",
        "/repos/acme/..;/admin",
        "/repos/acmes",
        "/repos/acme-secret",
        "/REPOS/ACME",
        "//repos/acme/../admin",
        "/admin",
        "/repos/acme/%5c..%5cadmin",
        "/repos/acme/%252e%252e/admin",
        "/repos/acme/\u{ff0e}\u{ff0e}/admin",
    ];
    let mut refused = 0;
    for (number, path) in climbing.iter().enumerate() {
        let fetch = Fetch { authority: &authority, path, ..Fetch::default() };
        let code = asked(arena, number, &fetch, &base, &loopback()).await?;
        ensure!(code == "ok" || is_refusal(&code), "{path} ended with {code}");
        refused += usize::from(is_refusal(&code));
    }
    let good = Fetch { authority: &authority, path: "/repos/acme/good", ..Fetch::default() };
    let code = asked(arena, climbing.len(), &good, &base, &loopback()).await?;
    ensure!(code == "ok", "a good request ended with {code}");
    for head in upstream.said() {
        let path = head.split_whitespace().nth(1).unwrap_or_default();
        let inside = path == "/repos/acme" || path.starts_with("/repos/acme/");
        // A doubly encoded dot stays what it is: no server may decode twice.
        let climbs = path.contains("..") && !path.contains("..;") || path.contains("%2f") || path.contains("%5c");
        ensure!(inside && !climbs, "the upstream was asked for {path}");
    }
    Ok(format!("{refused} of {} refused, the rest stayed inside", climbing.len()))
}

async fn neighbours_of_rule(arena: &Arena) -> Ran {
    let allowed = Upstream::start(Manners::Fixed(answer(200, &[], b"hello"))).await;
    let other = Upstream::start(Manners::Fixed(answer(200, &[], b"other"))).await;
    let (there, elsewhere) = (allowed.address.to_string(), other.address.to_string());
    let tries = [
        Fetch { authority: &elsewhere, ..Fetch::default() },
        Fetch { authority: &there, https: true, ..Fetch::default() },
        Fetch { authority: &there, method: 4, ..Fetch::default() },
        Fetch { authority: &there, method: 5, ..Fetch::default() },
        Fetch { authority: &there, method: 6, ..Fetch::default() },
        Fetch { authority: &there, method: 7, ..Fetch::default() },
    ];
    for (number, fetch) in tries.iter().enumerate() {
        let code = asked(arena, number, fetch, &allowed.url(), &loopback()).await?;
        ensure!(code == "egress.denied" || code == "case.failed", "request {number} ended with {code}");
    }
    ensure!(allowed.came() + other.came() == 0, "somebody was connected to");
    let good = Fetch { authority: &there, ..Fetch::default() };
    let code = asked(arena, tries.len(), &good, &allowed.url(), &loopback()).await?;
    ensure!(code == "ok" && allowed.came() == 1, "a good request ended with {code}");
    Ok(format!("{} refused, a good one ok", tries.len()))
}
