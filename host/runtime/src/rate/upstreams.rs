//! Who has which account with whom: the same secret at the same origin is the same account, whichever plugin or
//! connection uses it.

use super::Upstream;
use crate::credentials::Inputs;
use crate::sync::lock;
use aws_lc_rs::{hmac, rand};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use url::Url;

/// Accounts beyond this are forgotten while nobody uses them.
const MANY: usize = 4_096;

/// All accounts of this host.
pub(crate) struct Upstreams {
    /// Secrets are known by a keyed hash. The key lives as long as the process and is nowhere else.
    key: hmac::Key,
    known: Mutex<HashMap<(String, String), Arc<Upstream>>>,
}

impl Upstreams {
    /// None when the system has no randomness.
    pub(crate) fn new() -> Option<Self> {
        let mut key = [0_u8; 32];
        rand::fill(&mut key).ok()?;
        Some(Self { key: hmac::Key::new(hmac::HMAC_SHA256, &key), known: Mutex::default() })
    }

    /// The account that a request to this URL is counted on. Requests without a credential share one per origin: such
    /// upstreams count by the host's address.
    pub(crate) fn of(&self, url: &Url, inputs: Option<&Inputs>) -> Arc<Upstream> {
        let origin = url.origin().ascii_serialization();
        let account = inputs.map_or_else(|| "anonymous".to_owned(), |inputs| self.fingerprint(inputs));
        let mut known = lock(&self.known);
        if known.len() >= MANY {
            known.retain(|_, upstream| Arc::strong_count(upstream) > 1);
        }
        let upstream = known
            .entry((origin, account))
            .or_insert_with_key(|(origin, account)| Arc::new(Upstream::new(origin, account)));
        Arc::clone(upstream)
    }

    /// Plugins call the same input by different names, so that only what was filled in counts.
    fn fingerprint(&self, inputs: &Inputs) -> String {
        let mut values: Vec<&str> = inputs.values().map(String::as_str).filter(|value| !value.is_empty()).collect();
        values.sort_unstable();
        let mut context = hmac::Context::with_key(&self.key);
        for value in values {
            context.update(&value.len().to_be_bytes());
            context.update(value.as_bytes());
        }
        hex::encode(context.sign().as_ref().get(..8).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::{Inputs, Upstreams};
    use std::sync::Arc;
    use url::Url;

    fn inputs(pairs: &[(&str, &str)]) -> Inputs {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn an_account_is_an_origin_and_a_secret() {
        let upstreams = Upstreams::new().unwrap();
        let of = |url: &str, pairs: &[(&str, &str)]| upstreams.of(&Url::parse(url).unwrap(), Some(&inputs(pairs)));
        let mine = of("https://api.example.test/a", &[("token", "t1")]);
        let same = |other| Arc::ptr_eq(&mine, &other);
        assert!(same(of("https://API.example.test:443/b?c", &[("token", "t1")])));
        assert!(
            same(of("https://api.example.test/", &[("key", "t1"), ("session", "")])),
            "another plugin's name for it"
        );
        assert!(!same(of("https://api.example.test/", &[("token", "t2")])));
        assert!(!same(of("https://api.example.test:8443/", &[("token", "t1")])));
        assert!(!same(of("http://api.example.test/", &[("token", "t1")])));
        assert!(!same(of("https://api.example.test/", &[("user", "t1"), ("password", "x")])));
        assert!(!same(upstreams.of(&Url::parse("https://api.example.test/").unwrap(), None)));
        assert!(!upstreams.fingerprint(&inputs(&[("token", "t1")])).contains("t1"));
    }

    #[test]
    fn accounts_that_nobody_uses_are_forgotten_when_there_are_many() {
        let upstreams = Upstreams::new().unwrap();
        let url = Url::parse("https://api.example.test/").unwrap();
        let kept = upstreams.of(&url, Some(&inputs(&[("token", "kept")])));
        for number in 0..super::MANY + 10 {
            upstreams.of(&url, Some(&inputs(&[("token", &number.to_string())])));
        }
        assert!(super::lock(&upstreams.known).len() < 100);
        assert!(Arc::ptr_eq(&kept, &upstreams.of(&url, Some(&inputs(&[("token", "kept")])))));
    }
}
