//! The server's address and the addresses below it.

use crate::error::CliError;
use serde::Serialize;
use std::fmt;
use url::{Host, Url};

const DEFAULT: &str = "http://127.0.0.1:8080";

/// An address that is known to be one of a server: http or https, a host, no user, no query.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    url: Url,
    key: String,
}

impl Server {
    /// The one that was named, else the one signed in to last, else this machine's.
    pub(crate) fn choose(named: Option<&str>, current: Option<&str>) -> Result<Self, CliError> {
        let named = named.map(str::trim).filter(|named| !named.is_empty());
        Self::parse(named.or(current).unwrap_or(DEFAULT))
    }

    fn parse(text: &str) -> Result<Self, CliError> {
        let wrong =
            |what: &str| CliError::Usage(format!("the server address `{text}` is wrong: {what} (example: {DEFAULT})"));
        let mut url = Url::parse(text).map_err(|e| wrong(&e.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(wrong("it must start with http:// or https://"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("it must not hold a user or password"));
        }
        url.set_query(None);
        url.set_fragment(None);
        let key = url.as_str().trim_end_matches('/').to_owned();
        Ok(Self { url, key })
    }

    /// The name under which its session is remembered.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    pub(crate) fn is_loopback(&self) -> bool {
        match self.url.host() {
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        }
    }

    /// Whether what is sent can be read on the way.
    pub(crate) fn is_readable_on_the_way(&self) -> bool {
        self.url.scheme() == "http" && !self.is_loopback()
    }

    /// An address of the API, with the fields of `query` that are set.
    pub(crate) fn api(&self, path: &[&str], query: &impl Serialize) -> Result<Url, CliError> {
        let mut url = self.below(["api", "v1"].iter().chain(path))?;
        let query = serde_json::to_value(query).map_err(|e| CliError::Render(e.to_string()))?;
        for (name, value) in query.as_object().into_iter().flatten() {
            match value {
                serde_json::Value::Null => {}
                serde_json::Value::String(text) => drop(url.query_pairs_mut().append_pair(name, text)),
                other => drop(url.query_pairs_mut().append_pair(name, &other.to_string())),
            }
        }
        Ok(url)
    }

    /// An address outside the API, such as "readyz".
    pub(crate) fn root(&self, path: &str) -> Result<Url, CliError> {
        self.below(&[path])
    }

    /// Where upstreams deliver.
    pub(crate) fn hook(&self, path: &str) -> String {
        format!("{}/{}", self.key, path.trim_start_matches('/'))
    }

    fn below<'a>(&self, path: impl IntoIterator<Item = &'a &'a str>) -> Result<Url, CliError> {
        let mut url = self.url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty();
            for segment in path {
                // The URL would swallow dots, and an empty id would turn one thing into the list of all.
                if matches!(*segment, "" | "." | "..") {
                    return Err(CliError::Usage(format!("`{segment}` is not an id")));
                }
                segments.push(segment);
            }
        }
        Ok(url)
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_keep_their_prefix_and_escape_what_is_put_in() {
        for (server, path, expected) in [
            ("http://127.0.0.1:8080", &["runs", "run_1"][..], "http://127.0.0.1:8080/api/v1/runs/run_1"),
            ("https://ops.example.com/opssight/", &["runs"], "https://ops.example.com/opssight/api/v1/runs"),
            ("http://h", &["runs", "a/../b?c"], "http://h/api/v1/runs/a%2F..%2Fb%3Fc"),
        ] {
            assert_eq!(Server::parse(server).unwrap().api(path, &()).unwrap().as_str(), expected);
        }
        assert!(Server::parse("http://h").unwrap().api(&["runs", ".."], &()).is_err());
        assert!(Server::parse("http://h").unwrap().api(&["runs", ""], &()).is_err());
    }

    #[test]
    fn only_set_fields_are_asked_for() {
        let query = opssight_api_types::pipelines::RunQuery {
            service: Some("acme/web & co".to_owned()),
            limit: Some(7),
            since: Some("2026-11-01T00:00:00Z".parse().unwrap()),
            ..Default::default()
        };
        let url = Server::parse("http://h").unwrap().api(&["runs"], &query).unwrap();
        let mut pairs: Vec<_> = url.query_pairs().into_owned().collect();
        pairs.sort();
        let expected = [("limit", "7"), ("service", "acme/web & co"), ("since", "2026-11-01T00:00:00Z")];
        assert_eq!(pairs, expected.map(|(k, v)| (k.to_owned(), v.to_owned())));
    }

    #[test]
    fn addresses_that_are_none_are_refused() {
        for text in ["", "127.0.0.1:8080", "ftp://h", "http://", "http://user:pw@h", "localhost:8080"] {
            assert!(Server::parse(text).is_err(), "{text}");
        }
    }
}
