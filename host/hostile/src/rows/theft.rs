//! Row 45: credentials. A guest gets an answer from an upstream that repeats what it was sent, and looks everywhere.

use crate::arena::{Arena, loopback};
use crate::case::{Case, Ran, case};
use crate::outside::{Manners, Upstream, answer};
use crate::secrets::found;
use crate::wasm::{Fetch, Then};
use anyhow::{Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use opssight_core::plugins::Plugins;
use serde_json::{Value, json};

pub(super) const CASES: &[Case] = &[
    case!(Secrets "45" "secret-echo", "its upstream repeats the credential in body and headers" => "no byte of it in guest memory, log, state, answer or error", plain),
    case!(Secrets "45b" "secret-echo-base64", "the same in base64, at every offset" => "no byte of it in any of these", base64),
    case!(Secrets "45c" "secret-echo-encoded", "the same in percent and hexadecimal" => "no byte of it in any of these", encoded),
    case!(Secrets "45d" "secret-echo-lines", "the same over many lines, and cut by chunks" => "no byte of it in any of these", lines),
    case!(Secrets "45e" "secret-in-errors", "the upstream repeats it in a broken answer, a status line, a redirect" => "no byte of it in errors or logs", errors),
    case!(Secrets "45f" "secret-to-others", "asks another host and another port, with the credential's rule in its manifest" => "nothing is sent there", others),
];

const SECRET: &str = "c4n4ry+4417/Zx.9-secret~value";

fn authorization(head: &str) -> String {
    let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with("authorization:")).unwrap_or_default();
    line.split_once(": ").map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
}

fn bearer() -> Value {
    json!({
        "egress": [{ "url": "{setting:base_url}", "methods": ["GET"], "credential": "api", "reason": "r" }],
        "credentials": [{ "name": "api", "title": "API", "schemes": [
            { "scheme": "bearer", "title": "T", "inputs": [{ "name": "token", "title": "T", "secret": true }] },
        ] }],
    })
}

/// Ask an upstream of these manners, and look through all that the guest got and all that it left.
async fn stolen(arena: &Arena, echo: fn(&str) -> Vec<u8>) -> Ran {
    let upstream = Upstream::start(Manners::Answer(echo)).await;
    let authority = upstream.address.to_string();
    let asks = arena.asks(bearer());
    arena.install(&Fetch { authority: &authority, then: Then::Keep, ..Fetch::default() }.package(asks)).await?;
    arena.memory.credential(&arena.connection(), "api", "bearer", &[("token", SECRET)]);
    let before = crate::paper::log_bytes();
    let outcome = arena.host.check(&arena.target(json!({ "base_url": upstream.url() }), loopback())).await;
    ensure!(authorization(&upstream.said()[0]) == format!("Bearer {SECRET}"), "the upstream was not signed in to");
    let mut places: Vec<(&str, Vec<u8>)> = Vec::new();
    let said = match outcome {
        Ok(called) => {
            places.push(("guest memory", called.state.into_iter().filter_map(|write| write.value).flatten().collect()));
            places.push(("the answer", called.value.summary.into_bytes()));
            "ok".to_owned()
        }
        Err(error) => {
            places.push(("the error", error.to_string().into_bytes()));
            error.code
        }
    };
    let log: String = arena.host.log(&arena.plugin()).into_iter().map(|line| line.message + "\n").collect();
    places.push(("the plugin's log", log.into_bytes()));
    places.push(("the host's log", crate::paper::log_since(before).into_bytes()));
    places.push(("the statistics", format!("{:?}", arena.stats()).into_bytes()));
    for (place, bytes) in places {
        let spelling = found(SECRET, &bytes);
        ensure!(spelling.is_none(), "it stands in {place}, {}", spelling.unwrap_or_default());
    }
    Ok(format!("{said}, 0 found"))
}

async fn plain(arena: &Arena) -> Ran {
    stolen(arena, |head| {
        let sent = authorization(head);
        answer(
            200,
            &[("x-echo", &sent), ("set-cookie", &sent), ("www-authenticate", &sent)],
            format!("{{\"you\":\"{sent}\"}}").as_bytes(),
        )
    })
    .await
}

async fn base64(arena: &Arena) -> Ran {
    stolen(arena, |head| {
        let sent = authorization(head);
        let token = sent.trim_start_matches("Bearer ");
        let all: Vec<String> = ["", "x", "xy", "xyz", "user:"]
            .iter()
            .flat_map(|before| {
                let text = format!("{before}{token}tail");
                [STANDARD.encode(&text), URL_SAFE_NO_PAD.encode(&text)]
            })
            .collect();
        answer(200, &[("x-echo", &STANDARD.encode(&sent))], all.join(" ").as_bytes())
    })
    .await
}

async fn encoded(arena: &Arena) -> Ran {
    stolen(arena, |head| {
        let sent = authorization(head);
        let percent: String = sent.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let some: String = sent
            .bytes()
            .map(|byte| if byte.is_ascii_alphanumeric() { (byte as char).to_string() } else { format!("%{byte:02x}") })
            .collect();
        let body = format!("{percent} {some} {} {}", hex::encode(&sent), hex::encode_upper(&sent));
        answer(200, &[("x-echo", &percent), ("x-hex", &hex::encode(&sent))], body.as_bytes())
    })
    .await
}

async fn lines(arena: &Arena) -> Ran {
    stolen(arena, |head| {
        let sent = authorization(head);
        // Four characters a line, and a chunk of the transfer for each three.
        let text: String =
            sent.as_bytes().chunks(4).map(|part| String::from_utf8_lossy(part).into_owned() + "\n").collect();
        let mut body = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
        for part in format!("{text}{sent}").as_bytes().chunks(3) {
            body.extend(format!("{:x}\r\n", part.len()).into_bytes());
            body.extend_from_slice(part);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"0\r\n\r\n");
        body
    })
    .await
}

async fn errors(arena: &Arena) -> Ran {
    let mut told = Vec::new();
    let broken: [fn(&str) -> Vec<u8>; 4] = [
        |head| format!("HTTP/1.1 200 {}\r\ncontent-length: 0\r\n\r\n", authorization(head)).into_bytes(),
        |head| format!("{}\r\n\r\n", authorization(head)).into_bytes(),
        |head| {
            format!(
                "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/?t={}\r\ncontent-length: 0\r\n\r\n",
                authorization(head)
            )
            .into_bytes()
        },
        |head| {
            format!("HTTP/1.1 200 OK\r\ncontent-length: 9999\r\nx: {0}\r\n\r\n{0}", authorization(head)).into_bytes()
        },
    ];
    for (number, echo) in broken.into_iter().enumerate() {
        told.push(stolen(arena, echo).await.map_err(|error| error.context(format!("variant {number}")))?);
        arena.host.forget(&arena.connection());
    }
    Ok(told.join("; "))
}

async fn others(arena: &Arena) -> Ran {
    let allowed = Upstream::start(Manners::Fixed(answer(200, &[], b"hello"))).await;
    let thief = Upstream::start(Manners::Fixed(answer(200, &[], b"thanks"))).await;
    let (there, elsewhere) = (allowed.address.to_string(), thief.address.to_string());
    arena.memory.credential(&arena.connection(), "api", "bearer", &[("token", SECRET)]);
    // A second rule, without a credential, leads to the thief: he may be asked, but not with it.
    let mut asks = bearer();
    asks["egress"].as_array_mut().unwrap().push(json!({ "url": thief.url(), "methods": ["GET"], "reason": "r" }));
    let settings = json!({ "base_url": allowed.url() });
    for authority in [&there, &elsewhere] {
        let fetch = Fetch {
            authority,
            path: "/?api={{secret:api}}&t={api}",
            headers: &[("x", b"{{secret:api}}")],
            ..Fetch::default()
        };
        arena.install(&fetch.package(arena.asks(asks.clone()))).await?;
        arena.host.check(&arena.target(settings.clone(), loopback())).await?;
    }
    let seen =
        |upstream: &Upstream| -> Result<bool> { Ok(found(SECRET, upstream.said().join("\n").as_bytes()).is_some()) };
    ensure!(seen(&allowed)?, "the allowed upstream did not get the credential");
    ensure!(!seen(&thief)?, "the other upstream got it");
    Ok("sent to one, not to the other".to_owned())
}
