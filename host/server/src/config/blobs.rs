//! `[blobs]`

use super::SecretUrl;
use anyhow::Context;
use opssight_backends::{BlobAccess, BlobAddress, Link, open_blobs};
use opssight_core::blobs::BlobStore;
use opssight_distribution::is_this_machine;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::Arc;

/// Where hosts that share a database share the packages of their plugins.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BlobsConfig {
    /// `s3://bucket/prefix?region=eu-central-1`, with `&endpoint=https://host:9000` for a store that speaks S3;
    /// `az://account/container/prefix`; `gs://bucket/prefix`; or `file:///path`, a folder that all of them mount. What
    /// proves who asks comes from the environment, as the vendors' tools have it. Without it a folder in the data folder.
    pub url: Option<SecretUrl>,
    /// PEM file of certificate authorities that are believed beside the system's own.
    pub ca_file: Option<PathBuf>,
    /// Also other machines may be spoken to without TLS. Whoever is between can then read all of it, and what is in the
    /// requests for a quarter of an hour can ask for more.
    pub insecure_http: bool,
}

impl BlobsConfig {
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let address = self.url.as_ref().map(|url| self.address(url.expose()));
        if let Some(Err(problem)) = &address {
            problems.push(format!("blobs.url: {problem}"));
        }
        if self.ca_file.is_some() && !matches!(address, Some(Err(_) | Ok(BlobAddress::Bucket(_)))) {
            problems.push("blobs.ca_file: is for a blobs.url that is a bucket".to_owned());
        }
        problems
    }

    /// An address that may be used.
    fn address(&self, text: &str) -> Result<BlobAddress, String> {
        let address = BlobAddress::read(text).map_err(|error| error.to_string())?;
        match address.endpoint() {
            Some(endpoint) if endpoint.scheme() == "http" && !is_this_machine(endpoint) && !self.insecure_http => Err(
                "has an endpoint that speaks plain http, which is for this machine only, because whoever is between can read \
                 and repeat it; use https, or say blobs.insecure_http = true"
                    .to_owned(),
            ),
            _ => Ok(address),
        }
    }

    /// The place of an address, or a folder in it, set up as these settings say. Nothing is asked of it yet.
    pub(crate) fn open(&self, url: &str, within: Option<&str>, link: &Arc<Link>) -> anyhow::Result<Arc<dyn BlobStore>> {
        let address =
            self.address(url).map_err(|problem| anyhow::anyhow!("use the place of blobs: its address {problem}"))?;
        let address = within.into_iter().fold(address, BlobAddress::within);
        let ca_pem = match &self.ca_file {
            Some(path) => {
                Some(std::fs::read(path).with_context(|| format!("read the certificates in {}", path.display()))?)
            }
            None => None,
        };
        let access = BlobAccess { variable: &variable, ca_pem, link: Arc::clone(link) };
        Ok(open_blobs(&address, &access)?)
    }
}

/// A variable by which a vendor's tools are told who asks.
#[expect(clippy::disallowed_methods, reason = "the vendors' own variables are part of the configuration")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[cfg(test)]
mod tests {
    use super::BlobsConfig;

    #[test]
    fn an_address_without_tls_is_for_this_machine_unless_the_operator_says_otherwise() {
        for (url, insecure_http, good) in [
            ("s3://bucket/prefix?region=eu-central-1", false, true),
            ("file:///srv/opssight", false, true),
            ("s3://bucket?endpoint=https://minio.example:9000", false, true),
            ("s3://bucket?endpoint=http://127.0.0.1:9000", false, true),
            ("gs://bucket?endpoint=http://[::1]:4443", false, true),
            ("s3://bucket?endpoint=http://minio.example:9000", false, false),
            ("s3://bucket?endpoint=http://minio.example:9000", true, true),
            ("s3://bucket?secret=hunter2", true, false),
        ] {
            let config = BlobsConfig { url: Some(url.to_owned().into()), insecure_http, ..BlobsConfig::default() };
            let problems = config.problems();
            assert_eq!(problems.is_empty(), good, "{url}: {problems:?}");
            assert!(problems.iter().all(|problem| problem.starts_with("blobs.url: ") && !problem.contains("hunter2")));
        }
    }
}
