//! Rows 58 to 62: names that change their mind, and answers that point elsewhere.

use crate::arena::{Arena, loopback};
use crate::case::{Case, Ran, case};
use crate::outside::{Manners, Upstream, answer};
use crate::secure::{NAME, Script, Secure, frame};
use crate::wasm::{Fetch, Then};
use anyhow::{Result, ensure};
use opssight_core::plugins::Grants;
use serde_json::{Value, json};

pub(super) const CASES: &[Case] = &[
    case!(Egress "58" "dns-rebinding", "its name leads to a granted address, then to loopback; and the other way" => "judge every answer; dial only what was judged", rebinding),
    case!(Egress "59" "dns-mixed", "its name leads to good and bad addresses at once" => "refuse all of them", mixed),
    case!(Egress "60" "dns-cname", "its name is another name for something inside" => "refuse", cname),
    case!(Egress "61" "dns-ttl-0", "its name leads elsewhere at each look" => "judge each look", ttl),
    case!(Egress "X26" "names-to-nowhere", "its name leads to metadata services, translators, zones and multicast, where an operator granted every network" => "refuse all the same", nowhere),
    case!(Egress "62" "redirects", "its upstream sends it to private addresses, to another host, in circles, from https to plain http" => "hand the answer over, follow nothing; no credential goes elsewhere", redirects),
];

const SECRET: &str = "c4n4ry-redirect-7731-secret";

async fn ask(arena: &Arena, fetch: &Fetch<'_>, base: &str, grants: &Grants, more: Value) -> Result<String> {
    let outcome = arena.fetch(fetch, base, grants, more).await?;
    Ok(outcome.map_or_else(|error| error.code, |called| format!("ok: {}", called.value.summary)))
}

/// Only 127.0.0.1 is granted; 127.0.0.2 is as good as anything inside.
fn one_address() -> Grants {
    Grants { networks: vec!["127.0.0.1/32".into()], insecure_http: true, ..Grants::default() }
}

async fn two_listeners() -> (Upstream, Upstream) {
    let closing = || Manners::Fixed(answer(200, &[("connection", "close")], b"hello"));
    loop {
        let granted = Upstream::start(closing()).await;
        let inside = format!("127.0.0.2:{}", granted.address.port());
        // The same port must be free on the other address.
        if std::net::TcpListener::bind(&inside).is_ok() {
            return (granted, Upstream::at(&inside, closing()).await);
        }
    }
}

async fn rebinding(arena: &Arena) -> Ran {
    let (granted, inside) = two_listeners().await;
    let authority = format!("rebind.test:{}", granted.address.port());
    let base = format!("http://{authority}");
    let fetch = Fetch { authority: &authority, ..Fetch::default() };
    let mut told = Vec::new();
    for answers in [[["127.0.0.1"], ["127.0.0.2"]], [["127.0.0.2"], ["127.0.0.1"]]] {
        arena.names.script("rebind.test", &[&answers[0], &answers[1]]);
        for _ in 0..3 {
            told.push(ask(arena, &fetch, &base, &one_address(), json!({})).await?);
        }
        ensure!(inside.came() == 0, "the address inside was dialled");
    }
    let (good, bad) = told.iter().partition::<Vec<_>, _>(|said| *said == "ok: hello");
    ensure!(bad.iter().all(|said| *said == "egress.address") && !good.is_empty(), "it ended with {told:?}");
    ensure!(granted.came() == good.len(), "{} connections for {} answers", granted.came(), good.len());
    Ok(format!("{} answered, {} refused, 0 inside", good.len(), bad.len()))
}

async fn refused_at_name(arena: &Arena, addresses: &[&str]) -> Ran {
    let (granted, inside) = two_listeners().await;
    let authority = format!("mixed.test:{}", granted.address.port());
    let fetch = Fetch { authority: &authority, ..Fetch::default() };
    arena.names.script("mixed.test", &[addresses]);
    let said = ask(arena, &fetch, &format!("http://{authority}"), &one_address(), json!({})).await?;
    ensure!(said == "egress.address", "{addresses:?} ended with {said}");
    ensure!(granted.came() + inside.came() == 0, "somebody was connected to with {addresses:?}");
    Ok(said)
}

async fn mixed(arena: &Arena) -> Ran {
    let sets: [&[&str]; 5] = [
        &["127.0.0.1", "127.0.0.2"],
        &["127.0.0.2", "127.0.0.1"],
        &["127.0.0.1", "169.254.169.254"],
        &["127.0.0.1", "::1"],
        &["127.0.0.1", "64:ff9b::7f00:2"],
    ];
    for set in sets {
        refused_at_name(arena, set).await?;
    }
    Ok(format!("{} x egress.address", sets.len()))
}

async fn cname(arena: &Arena) -> Ran {
    // To whoever resolves, a CNAME is just the address at its end.
    for inside in ["127.0.0.2", "10.0.0.1", "169.254.169.254", "::ffff:127.0.0.2", "fd00:ec2::254"] {
        refused_at_name(arena, &[inside]).await?;
    }
    Ok("5 x egress.address".to_owned())
}

async fn nowhere(arena: &Arena) -> Ran {
    let everything =
        Grants { networks: vec!["0.0.0.0/0".into(), "::/0".into()], insecure_http: true, ..Grants::default() };
    let addresses = [
        "169.254.169.254",
        "169.254.170.23",
        "168.63.129.16",
        "100.100.100.200",
        "192.0.0.192",
        "fd00:ec2::254",
        "fd00:ec2::23",
        "fd20:ce::254",
        "fd00:c1::a9fe:a9fe",
        "fe80::a9fe:a9fe",
        "::ffff:169.254.169.254",
        "::169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b::127.0.0.1",
        "64:ff9b:1::7f00:1",
        "2002:7f00:1::1",
        "2001:0:7f00:1::",
        "::ffff:0:7f00:1",
        "0.0.0.0",
        "255.255.255.255",
        "ff02::1",
        "100::1",
        "::",
    ];
    for (number, address) in addresses.iter().enumerate() {
        arena.names.script("nowhere.test", &[&[address]]);
        for https in [false, true] {
            let scheme = if https { "https" } else { "http" };
            let fetch = Fetch { https, authority: "nowhere.test:1", ..Fetch::default() };
            let more = json!({ "version": format!("{}.0.{number}", u8::from(https)) });
            let said = ask(arena, &fetch, &format!("{scheme}://nowhere.test:1"), &everything, more).await?;
            // Had it been dialled, nobody would have been reached.
            ensure!(said == "egress.address", "{scheme} to {address} ended with {said}");
        }
    }
    Ok(format!("{} x egress.address", addresses.len() * 2))
}

async fn ttl(arena: &Arena) -> Ran {
    let (granted, inside) = two_listeners().await;
    let authority = format!("flip.test:{}", granted.address.port());
    let fetch = Fetch { authority: &authority, ..Fetch::default() };
    let (good, bad): (&[&str], &[&str]) = (&["127.0.0.1"], &["127.0.0.2"]);
    let flips: Vec<&[&str]> = (0..20).map(|n| if n % 2 == 0 { good } else { bad }).collect();
    arena.names.script("flip.test", &flips);
    let mut refused = 0;
    for _ in 0..20 {
        let said = ask(arena, &fetch, &format!("http://{authority}"), &one_address(), json!({})).await?;
        ensure!(said == "egress.address" || said == "ok: hello", "it ended with {said}");
        refused += u32::from(said == "egress.address");
    }
    ensure!(inside.came() == 0, "the address inside was dialled");
    ensure!(arena.names.asked("flip.test") >= 20, "not every connection was looked up");
    Ok(format!("20 looks, {refused} refused, 0 inside"))
}

/// Requests of this version carry the connection's credential.
fn signed(version: String) -> Value {
    json!({
        "version": version,
        "egress": [{ "url": "{setting:base_url}", "methods": ["GET"], "credential": "api", "reason": "r" }],
        "credentials": [{ "name": "api", "title": "API", "schemes": [
            { "scheme": "bearer", "title": "T", "inputs": [{ "name": "token", "title": "T", "secret": true }] },
        ] }],
    })
}

async fn redirects(arena: &Arena) -> Ran {
    let victim = Upstream::start(Manners::Fixed(answer(200, &[], b"stolen"))).await;
    let targets = [
        victim.url(),
        format!("//{}", victim.address),
        "http://169.254.169.254/latest".to_owned(),
        "http://[::1]/".to_owned(),
        "/again".to_owned(),
        "ftp://127.0.0.1/".to_owned(),
        "javascript:1".to_owned(),
    ];
    let (mut count, mut version) = (0, 0);
    arena.memory.credential(&arena.connection(), "api", "bearer", &[("token", SECRET)]);
    for status in [301, 302, 303, 307, 308] {
        for target in &targets {
            let headers = [("location", target.as_str()), ("refresh", "0; url=/"), ("connection", "close")];
            let first = Upstream::start(Manners::Fixed(answer(status, &headers, b"elsewhere"))).await;
            let authority = first.address.to_string();
            let fetch = Fetch { authority: &authority, then: Then::Say, ..Fetch::default() };
            version += 1;
            let more = signed(format!("1.0.{version}"));
            let said = ask(arena, &fetch, &first.url(), &loopback(), more).await?;
            ensure!(said == "ok: elsewhere", "{status} to {target} ended with {said}");
            ensure!(first.came() == 1, "{status} to {target} was followed in circles");
            ensure!(first.said()[0].contains(SECRET), "the upstream did not get its credential");
            ensure!(victim.came() == 0, "{status} to {target} was followed");
            count += 1;
        }
    }
    downgraded(arena, &victim).await?;
    Ok(format!("{} redirects, 0 followed", count + 1))
}

/// From https to plain http, in a frame of HTTP/2: the status and the location, by the places of their names in its table.
async fn downgraded(arena: &Arena, victim: &Upstream) -> Result<()> {
    let location = victim.url();
    let mut fields = [[0x08, 3].as_slice(), b"302", &[0x0f, 0x1f]].concat();
    fields.push(u8::try_from(location.len())?);
    fields.extend_from_slice(location.as_bytes());
    let (end_stream, end_headers) = (1, 4);
    let script = Script { first: frame(1, end_stream | end_headers, 1, &fields), then: Vec::new() };
    let first = Secure::start(script).await;
    arena.names.script(NAME, &[&["127.0.0.1"]]);
    let authority = format!("{NAME}:{}", first.port);
    let fetch = Fetch { https: true, authority: &authority, ..Fetch::default() };
    let said = ask(arena, &fetch, &format!("https://{authority}"), &loopback(), signed("2.0.0".to_owned())).await?;
    ensure!(said == "ok: " && first.came() == 1, "from https to http ended with {said}");
    ensure!(victim.came() == 0, "from https to http was followed");
    Ok(())
}
