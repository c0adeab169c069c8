//! An OCI registry, spoken to by the distribution specification 1.1.
//!
//! Everything is read up to a limit, because a registry may be anybody's; see docs/decisions/0012-registry-client.md.

mod challenge;
mod http;
mod layout;

use crate::credentials::Login;
use crate::digest::Digest;
use crate::open::{Published, not_found};
use crate::package::{Package, matches, tidy};
use crate::place::Place;
use crate::reference::{Reference, Wanted};
use crate::{MAX_LISTED, MAX_PACKAGE};
use bytes::Bytes;
use futures::{StreamExt, stream};
use http::{Ask, Http};
use layout::{Descriptor, Manifest};
use opssight_core::plugins::catalogue::{CatalogueEntry, CatalogueError, Found};
use opssight_core::plugins::manifest::is_plain_name;
use reqwest::header::{LINK, LOCATION};
use reqwest::{Method, StatusCode, Url};
use semver::Version;
use serde::Deserialize;
use std::time::Duration;

/// How long a registry may be silent.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// Entries that are asked for at once.
const AT_ONCE: usize = 8;

#[derive(Debug, Clone)]
pub(crate) struct Registry {
    http: Http,
    place: Place,
    prefix: String,
}

#[derive(Deserialize)]
struct Tags {
    #[serde(default)]
    tags: Option<Vec<String>>,
}

/// A manifest, and the bytes that it was.
struct Stored {
    manifest: Manifest,
    digest: Digest,
}

impl Registry {
    pub(crate) fn open(
        place: &Place,
        host: &str,
        prefix: &str,
        plain: bool,
        login: Option<Login>,
        patience: Duration,
    ) -> Result<Self, CatalogueError> {
        let http = Http::open(place, host, plain, login, patience)?;
        Ok(Self { http, place: place.clone(), prefix: prefix.to_owned() })
    }

    pub(crate) async fn fetch(&self, reference: &Reference) -> Result<Vec<u8>, CatalogueError> {
        let repository = self.repository(&reference.id);
        if let Wanted::Digest(digest) = &reference.wanted {
            let blob = self.blob(&repository, digest, MAX_PACKAGE).await?;
            return blob.ok_or_else(|| not_found(&self.place, reference, &[]));
        }
        let versions = self.versions(&reference.id).await?;
        let version = reference.wanted.choose(&versions).ok_or_else(|| not_found(&self.place, reference, &versions))?;
        let stored = self.manifest(&repository, &layout::tag(version)).await?;
        let stored = stored.ok_or_else(|| not_found(&self.place, reference, &versions))?;
        let (wanted, place) = (reference.to_string(), self.place.to_string());
        let not_it = |why: String| CatalogueError::NotThePlugin { wanted: wanted.clone(), place: place.clone(), why };
        let layer = stored.manifest.package().map_err(not_it)?;
        if layer.size > MAX_PACKAGE {
            return Err(CatalogueError::TooLarge { what: wanted, place, limit: MAX_PACKAGE });
        }
        let digest = Digest::parse(&layer.digest).ok_or_else(|| not_it("its layer has no digest".to_owned()))?;
        let blob = self.blob(&repository, &digest, layer.size).await?;
        let bytes = blob.ok_or_else(|| not_found(&self.place, reference, &versions))?;
        let given = Digest::of(&bytes);
        if given == digest {
            return Ok(bytes);
        }
        Err(CatalogueError::OtherDigest { wanted, place, expected: digest.to_string(), given: given.to_string() })
    }

    pub(crate) async fn versions(&self, id: &str) -> Result<Vec<Version>, CatalogueError> {
        let tags = self.tags(&self.repository(id)).await?;
        let mut versions: Vec<Version> = tags.iter().filter_map(|tag| layout::version(tag)).collect();
        versions.sort();
        versions.reverse();
        Ok(versions)
    }

    pub(crate) async fn search(&self, query: &str, limit: usize) -> Result<Found, CatalogueError> {
        let index = self.repository(layout::INDEX);
        let ids = self.tags(&index).await?.into_iter().filter(|tag| is_plain_name(tag));
        let answers = stream::iter(ids).map(|id| async { (self.entry(&index, &id).await, id) });
        let answers: Vec<_> = answers.buffered(AT_ONCE).collect().await;
        let mut found = Found::default();
        for (answer, id) in answers {
            match answer? {
                Some(entry) if matches(&entry, query) => found.entries.push(entry),
                Some(_) => {}
                None => found.problems.push(format!("{}: the index's entry of {id} makes no sense", self.place)),
            }
        }
        found.entries.sort_by(|a, b| a.id.cmp(&b.id));
        found.entries.truncate(limit);
        Ok(found)
    }

    pub(crate) async fn publish(&self, package: &Package) -> Result<Published, CatalogueError> {
        let (id, version) = (&package.manifest.id, &package.manifest.version);
        let (repository, tag) = (self.repository(id), layout::tag(version));
        let there = self.manifest(&repository, &tag).await?;
        let published = match &there {
            Some(there) => self.same(package, there)?,
            None => {
                let config = layout::config(package);
                let manifest = Manifest::of(package, &config);
                self.upload(&repository, Bytes::from(config)).await?;
                self.upload(&repository, Bytes::from_owner(std::sync::Arc::clone(&package.bytes))).await?;
                self.put(&repository, &tag, &manifest).await?;
                // Somebody may have published the same version meanwhile, and the last one wins: see who that was.
                if let Some(there) = self.manifest(&repository, &tag).await? {
                    self.same(package, &there)?;
                }
                Published::New
            }
        };
        // Also after an earlier try that ended between the package and its entry.
        let versions = self.versions(id).await?;
        if Wanted::Newest.choose(&versions) == Some(version) {
            let entry = package.entry(&self.place);
            let manifest = Manifest::of_entry(&entry).map_err(|error| self.http.strange(error.to_string()))?;
            let index = self.repository(layout::INDEX);
            self.upload(&index, Bytes::from_static(layout::NOTHING)).await?;
            self.put(&index, id, &manifest).await?;
        }
        Ok(published)
    }

    fn same(&self, package: &Package, there: &Stored) -> Result<Published, CatalogueError> {
        let layer = there.manifest.package().map(|layer: &Descriptor| layer.digest.clone());
        if layer.as_deref() == Ok(package.digest.as_str()) {
            return Ok(Published::Unchanged);
        }
        let there = layer.unwrap_or_else(|_| there.digest.to_string());
        Err(CatalogueError::Changed { wanted: package.title(), place: self.place.to_string(), there })
    }

    async fn entry(&self, index: &str, id: &str) -> Result<Option<CatalogueEntry>, CatalogueError> {
        let Some(stored) = self.manifest(index, id).await? else { return Ok(None) };
        Ok(stored.manifest.entry().and_then(|entry| tidy(entry, &self.place)).filter(|entry| entry.id == id))
    }

    fn repository(&self, name: &str) -> String {
        if self.prefix.is_empty() { name.to_owned() } else { format!("{}/{name}", self.prefix) }
    }

    fn ask(&self, doing: &'static str, method: Method, url: Url, repository: &str) -> Ask {
        let reads = matches!(method, Method::GET | Method::HEAD);
        let may = if reads { "pull" } else { "pull,push" };
        Ask { doing, method, url, scope: format!("repository:{repository}:{may}"), body: None }
    }

    /// All tags, over as many pages as it takes.
    async fn tags(&self, repository: &str) -> Result<Vec<String>, CatalogueError> {
        let mut url = self.http.url(&format!("v2/{repository}/tags/list?n=1000"))?;
        let mut all = Vec::new();
        loop {
            let response = self.http.send(&self.ask("list versions", Method::GET, url.clone(), repository)).await?;
            match response.status() {
                StatusCode::OK => {}
                StatusCode::NOT_FOUND => return Ok(all),
                _ => return Err(self.http.unexpected("list versions", response).await),
            }
            let next = response.headers().get(LINK).and_then(|link| link.to_str().ok()).and_then(next_page);
            let next = next.map(|next| self.http.named(next)).transpose()?;
            let body = self.http.answer("a list of versions", response).await?;
            let page: Tags = serde_json::from_slice(&body)
                .map_err(|_| self.http.strange("its list of versions is not readable".to_owned()))?;
            let page = page.tags.unwrap_or_default();
            let is_empty = page.is_empty();
            all.extend(page);
            all.truncate(MAX_LISTED);
            match next {
                Some(next) if next == url => return Err(self.http.strange("it pages in a circle".to_owned())),
                Some(next) if !is_empty && all.len() < MAX_LISTED => url = next,
                _ => return Ok(all),
            }
        }
    }

    async fn manifest(&self, repository: &str, tag: &str) -> Result<Option<Stored>, CatalogueError> {
        let url = self.http.url(&format!("v2/{repository}/manifests/{tag}"))?;
        let response = self.http.send(&self.ask("read a manifest", Method::GET, url, repository)).await?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(None),
            _ => return Err(self.http.unexpected("read a manifest", response).await),
        }
        let body = self.http.answer("a manifest", response).await?;
        let manifest = serde_json::from_slice(&body)
            .map_err(|_| self.http.strange(format!("its manifest of {repository}:{tag} is not one of an OCI image")))?;
        Ok(Some(Stored { manifest, digest: Digest::of(&body) }))
    }

    async fn blob(&self, repository: &str, digest: &Digest, limit: u64) -> Result<Option<Vec<u8>>, CatalogueError> {
        let url = self.http.url(&format!("v2/{repository}/blobs/{digest}"))?;
        let response = self.http.send(&self.ask("read a package", Method::GET, url, repository)).await?;
        match response.status() {
            StatusCode::OK => self.http.body("a package", response, limit).await.map(Some),
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(self.http.unexpected("read a package", response).await),
        }
    }

    /// Upload a blob in one piece, unless it is there.
    async fn upload(&self, repository: &str, bytes: Bytes) -> Result<(), CatalogueError> {
        const DOING: &str = "upload";
        let digest = Digest::of(&bytes);
        let url = self.http.url(&format!("v2/{repository}/blobs/{digest}"))?;
        if self.http.send(&self.ask(DOING, Method::HEAD, url, repository)).await?.status() == StatusCode::OK {
            return Ok(());
        }
        let url = self.http.url(&format!("v2/{repository}/blobs/uploads/"))?;
        let mut begin = self.ask(DOING, Method::POST, url, repository);
        begin.body = Some(("application/octet-stream", Bytes::new()));
        let response = self.http.send(&begin).await?;
        if response.status() != StatusCode::ACCEPTED {
            return Err(self.http.unexpected(DOING, response).await);
        }
        let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
        let location = location.ok_or_else(|| self.http.strange("it does not say where to upload to".to_owned()))?;
        let mut url = self.http.named(location)?;
        url.query_pairs_mut().append_pair("digest", digest.as_str());
        let mut upload = self.ask(DOING, Method::PUT, url, repository);
        upload.body = Some(("application/octet-stream", bytes));
        let response = self.http.send(&upload).await?;
        if response.status() == StatusCode::CREATED { Ok(()) } else { Err(self.http.unexpected(DOING, response).await) }
    }

    async fn put(&self, repository: &str, tag: &str, manifest: &Manifest) -> Result<(), CatalogueError> {
        let body = serde_json::to_vec(manifest).map_err(|error| self.http.strange(error.to_string()))?;
        let url = self.http.url(&format!("v2/{repository}/manifests/{tag}"))?;
        let mut put = self.ask("publish", Method::PUT, url, repository);
        put.body = Some((layout::MANIFEST, Bytes::from(body)));
        let response = self.http.send(&put).await?;
        match response.status() {
            StatusCode::CREATED | StatusCode::OK => Ok(()),
            _ => Err(self.http.unexpected("publish", response).await),
        }
    }
}

/// The address of `Link: </v2/...>; rel="next"`.
fn next_page(link: &str) -> Option<&str> {
    let (address, rest) = link.trim().strip_prefix('<')?.split_once('>')?;
    rest.contains("next").then_some(address)
}
