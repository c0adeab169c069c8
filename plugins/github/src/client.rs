//! GitHub's REST API: headers, paging, conditional requests, and what its refusals mean.
//!
//! Paths begin with a slash and are relative to the setting `base_url`. The host attaches the credential.

mod refusal;

use opssight_plugin::http::{self, Request, Response};
use opssight_plugin::{Failure, log};
use serde::Serialize;
use std::cell::Cell;

/// A connection to one GitHub, with a count of what it may still ask in this call.
pub(crate) struct Client {
    base_url: String,
    left: Cell<u32>,
}

/// What a conditional request brought.
pub(crate) enum Fetched {
    /// As it was (304), which costs nothing of the rate limit.
    Unchanged,
    /// Something new.
    Changed(Response),
}

impl Client {
    /// `requests` is how many this call may make.
    pub(crate) fn new(base_url: &str, requests: u32) -> Self {
        Self { base_url: base_url.trim_end_matches('/').to_owned(), left: Cell::new(requests) }
    }

    /// How many requests may still be made.
    pub(crate) fn left(&self) -> u32 {
        self.left.get()
    }

    pub(crate) fn get(&self, path: &str) -> Result<Response, Failure> {
        self.send(path, self.request(http::get(self.url(path))))
    }

    /// Ask only for what is not as `etag` says.
    pub(crate) fn get_if_changed(&self, path: &str, etag: Option<&str>) -> Result<Fetched, Failure> {
        let mut request = self.request(http::get(self.url(path)));
        if let Some(etag) = etag {
            request = request.header("if-none-match", etag);
        }
        let response = self.send(path, request)?;
        Ok(if response.status == 304 { Fetched::Unchanged } else { Fetched::Changed(response) })
    }

    /// Ask for something to be done that needs no words. GitHub's description allows no body here.
    pub(crate) fn post_nothing(&self, path: &str) -> Result<Response, Failure> {
        self.send(path, self.request(http::post(self.url(path))))
    }

    pub(crate) fn post<T: Serialize>(&self, path: &str, body: &T) -> Result<Response, Failure> {
        self.send(path, self.request(http::post(self.url(path))).json(body)?)
    }

    /// The path of the page after this one, by its `Link` header. Only the part after the API's own address counts:
    /// behind a proxy GitHub names itself by another host.
    pub(crate) fn next(&self, response: &Response) -> Option<String> {
        let next = response.header("link")?.split(',').find(|link| link.contains("rel=\"next\""))?;
        let url = next.split_once('<')?.1.split_once('>')?.0;
        self.path_of(url)
    }

    fn path_of(&self, url: &str) -> Option<String> {
        let after_host = |url: &str| -> Option<String> {
            let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
            Some(rest.get(rest.find('/')?..)?.to_owned())
        };
        let prefix = after_host(&self.base_url).unwrap_or_default();
        let path = after_host(url)?;
        path.strip_prefix(&prefix).filter(|path| path.starts_with('/')).map(str::to_owned)
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url)
    }

    fn request(&self, request: Request) -> Request {
        request
            .header("accept", "application/vnd.github+json, application/json")
            .header("x-github-api-version", "2022-11-28")
            .header("user-agent", "opssight")
    }

    fn send(&self, path: &str, request: Request) -> Result<Response, Failure> {
        // A repository that was renamed or moved answers with where it is now.
        let again = (request.method() == http::Method::Get).then(|| request.clone());
        let response = self.once(request)?;
        let moved = matches!(response.status, 301 | 302 | 307 | 308);
        let response = match (again, response.header("location").and_then(|url| self.path_of(url))) {
            (Some(again), Some(new)) if moved => {
                log::debug("GitHub has moved what was asked for", &[("from", path), ("to", &new)]);
                self.once(again.to(self.url(&new)))?
            }
            _ => response,
        };
        match response.status {
            200..=299 | 304 => Ok(response),
            _ => Err(refusal::failure(path, &response)),
        }
    }

    fn once(&self, request: Request) -> Result<Response, Failure> {
        self.left.set(self.left.get().saturating_sub(1));
        request.send()
    }
}

/// The answer's body, read without copying what need not be copied.
pub(crate) fn read<'a, T: serde::Deserialize<'a>>(path: &str, response: &'a Response) -> Result<T, Failure> {
    serde_json::from_slice(&response.body).map_err(|error| {
        let path = refusal::without_query(path);
        Failure::upstream("github.bad-answer", format!("GitHub's answer to {path} is not what it documents: {error}"))
    })
}

/// Whether the credential is good but not for this, or this is not there: what a feed over many repositories steps over.
pub(crate) fn is_refused(failure: &Failure) -> bool {
    matches!(failure.code.as_str(), "github.forbidden" | "github.not-found")
}
