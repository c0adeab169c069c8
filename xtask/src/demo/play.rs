//! Playing deliveries as GitHub makes them: signed with the connection's secret, through the public hook endpoint.

use super::Delivery;
use crate::host::{Answer, Api, text};
use crate::interrupt;
use crate::process::say;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::time::{Duration, Instant};

/// A connection to play to.
pub(super) struct Stage {
    /// Its id.
    pub(super) connection: String,
    hook: String,
    secret: String,
}

/// How deliveries were answered.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Answers {
    /// Taken, and new.
    pub(super) accepted: u64,
    /// Anything else.
    pub(super) rejected: u64,
}

/// Make a GitHub connection that takes deliveries, and asks nobody but `upstream` on this machine: which is private and
/// plain http, so that both must be granted.
pub(super) fn connect(api: &Api, upstream: &str) -> Result<Stage> {
    let connection = api.post(
        "/api/v1/connections",
        &json!({
            "name": "GitHub (demo)",
            "plugin": "github",
            "settings": { "base_url": upstream },
            "grants": { "networks": ["127.0.0.1/32"], "insecure_http": true },
            "credentials": { "api": { "scheme": "bearer", "inputs": { "token": "demo" } } },
        }),
    )?;
    let need =
        |pointer: &str| text(&connection, pointer).with_context(|| format!("the new connection has no {pointer}"));
    Ok(Stage { connection: need("/id")?, hook: need("/hook_path")?, secret: need("/webhook_secret")? })
}

impl Stage {
    /// Play all, and say how far it is.
    pub(super) fn play(&self, api: &Api, what: &str, deliveries: &[Delivery]) -> Result<Answers> {
        let begun = Instant::now();
        let mut told = begun;
        let mut answers = Answers::default();
        for (done, delivery) in deliveries.iter().enumerate() {
            interrupt::check()?;
            let answer = self.deliver(api, delivery)?;
            let duplicate = answer.body.get("duplicate").and_then(Value::as_bool).unwrap_or(false);
            if (200..300).contains(&answer.status) && !duplicate {
                answers.accepted += 1;
            } else {
                answers.rejected += 1;
                say(&format!("    {} {} was answered {}: {}", delivery.event, delivery.id, answer.status, answer.body));
            }
            if told.elapsed() > Duration::from_secs(2) {
                told = Instant::now();
                say(&format!("    {}/{} {what}", done + 1, deliveries.len()));
            }
        }
        let seconds = begun.elapsed().as_secs_f64();
        let rate = deliveries.len() as f64 / seconds.max(0.001);
        say(&format!("    {} {what} in {seconds:.1} s ({rate:.0}/s)", deliveries.len()));
        Ok(answers)
    }

    /// Make one delivery. A host that asks for patience gets it.
    pub(super) fn deliver(&self, api: &Api, delivery: &Delivery) -> Result<Answer> {
        let body = delivery.body.as_bytes();
        let signature = sign(&self.secret, body);
        let headers = [
            ("content-type", "application/json"),
            ("user-agent", "GitHub-Hookshot/demo"),
            ("x-github-event", delivery.event.as_str()),
            ("x-github-delivery", delivery.id.as_str()),
            ("x-hub-signature-256", signature.as_str()),
        ];
        for _ in 0..60 {
            let answer = api.deliver(&self.hook, &headers, body)?;
            match (answer.status, answer.retry_after) {
                (429 | 503, seconds) => std::thread::sleep(Duration::from_secs(seconds.unwrap_or(1).clamp(1, 5))),
                _ => return Ok(answer),
            }
        }
        bail!("the host asked for patience for minutes: is its worker alive?")
    }

    /// Wait until nothing waits any more. The deliveries that failed for good.
    pub(super) fn settle(&self, api: &Api) -> Result<u64> {
        let patience = Duration::from_secs(180);
        let begun = Instant::now();
        loop {
            let connection = api.get(&format!("/api/v1/connections/{}", self.connection))?;
            let count = |name: &str| connection.pointer(&format!("/status/{name}")).and_then(Value::as_u64);
            let (pending, failed) = (count("pending"), count("failed"));
            let pending = pending.context("the connection does not say what is pending")?;
            if pending == 0 {
                return failed.context("the connection does not say what failed");
            }
            if begun.elapsed() > patience {
                bail!("{pending} deliveries still wait after {} s", patience.as_secs());
            }
            interrupt::check()?;
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

/// `x-hub-signature-256` over exactly these bytes.
fn sign(secret: &str, body: &[u8]) -> String {
    format!("sha256={}", hex::encode(hmac(secret.as_bytes(), body)))
}

/// HMAC-SHA256 (RFC 2104). Written out, because the crate for it turns on a feature of `digest` that no other crate of
/// the workspace uses, and half of the dependencies would be compiled twice. The host verifies with another library.
fn hmac(key: &[u8], message: &[u8]) -> impl AsRef<[u8]> {
    const BLOCK: usize = 64;
    let key = if key.len() > BLOCK { Sha256::digest(key).to_vec() } else { key.to_vec() };
    let pad = |with: u8| (0..BLOCK).map(|place| key.get(place).copied().unwrap_or(0) ^ with).collect::<Vec<u8>>();
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize()
}

#[cfg(test)]
mod tests {
    use super::{hmac, sign};

    #[test]
    fn signatures_are_those_of_rfc_4231_and_of_github() {
        let table: [(&[u8], &[u8], &str); 3] = [
            (&[0x0b; 20], b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
            (
                b"Jefe",
                b"what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                &[0xaa; 131],
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
        ];
        for (key, message, expected) in table {
            assert_eq!(hex::encode(hmac(key, message)), expected);
        }
        // The example of GitHub's own documentation.
        assert_eq!(
            sign("It's a Secret to Everybody", b"Hello, World!"),
            "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
        );
    }
}
