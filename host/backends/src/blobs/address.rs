//! Addresses of places of blobs.

use std::fmt;
use std::path::PathBuf;
use url::Url;

/// Where blobs are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BlobAddress {
    /// A folder of this machine, or one that several mount.
    Folder(PathBuf),
    /// A bucket.
    Bucket(Bucket),
}

/// A bucket, and a place in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    pub(super) vendor: Vendor,
    /// The storage account, which only Azure has.
    pub(super) account: Option<String>,
    /// The bucket, or what Azure calls a container.
    pub(super) name: String,
    /// What every key in it begins with, without a slash at either end.
    pub(super) prefix: String,
    /// Where the vendor's API is, if not where the vendor has it.
    pub(super) endpoint: Option<Url>,
    pub(super) region: Option<String>,
}

/// Whose API a bucket speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Vendor {
    S3,
    Azure,
    Google,
}

/// Why an address cannot be used. Nothing of it is quoted: it may hold what should not be in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BlobAddressError(String);

const FORMS: &str = "must be file:///path, s3://bucket/prefix, az://account/container/prefix or gs://bucket/prefix";

fn wrong(why: impl Into<String>) -> BlobAddressError {
    BlobAddressError(why.into())
}

impl BlobAddress {
    /// Read an address.
    pub fn read(text: &str) -> Result<Self, BlobAddressError> {
        let url = Url::parse(text).map_err(|_| wrong(FORMS))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong(
                "holds a name or a password: what proves who asks comes from the environment \
                 (AWS_ACCESS_KEY_ID, AZURE_STORAGE_ACCOUNT_KEY, GOOGLE_APPLICATION_CREDENTIALS, ...)",
            ));
        }
        if url.fragment().is_some() || url.port().is_some() {
            return Err(wrong(FORMS));
        }
        let (vendor, known): (Vendor, &[&str]) = match url.scheme() {
            "file" if url.query().is_some() => return Err(wrong("a file:// address has no parameters")),
            "file" => return url.to_file_path().map(Self::Folder).map_err(|()| wrong(FORMS)),
            "s3" => (Vendor::S3, &["endpoint", "region"]),
            "az" => (Vendor::Azure, &["endpoint"]),
            "gs" => (Vendor::Google, &["endpoint"]),
            _ => return Err(wrong(FORMS)),
        };
        let parameters = Parameters::read(&url, known)?;
        let first = url.host_str().unwrap_or_default().to_owned();
        let mut rest = url.path().split('/').filter(|part| !part.is_empty()).map(str::to_owned);
        let (account, name) = match vendor {
            Vendor::Azure => (Some(first), rest.next().ok_or_else(|| wrong(FORMS))?),
            _ => (None, first),
        };
        let prefix: Vec<String> = rest.collect();
        if !account.iter().chain([&name]).chain(&prefix).all(|part| is_plain(part)) {
            return Err(wrong("names may have letters, digits and `-_.` only"));
        }
        let Parameters { endpoint, region } = parameters;
        Ok(Self::Bucket(Bucket { vendor, account, name, prefix: prefix.join("/"), endpoint, region }))
    }

    /// A folder in it, of a name that is one in every place.
    #[must_use]
    pub fn within(self, folder: &str) -> Self {
        match self {
            Self::Folder(path) => Self::Folder(path.join(folder)),
            Self::Bucket(bucket) => {
                let slash = if bucket.prefix.is_empty() { "" } else { "/" };
                let prefix = format!("{}{slash}{folder}", bucket.prefix);
                Self::Bucket(Bucket { prefix, ..bucket })
            }
        }
    }

    /// Where its API is, if the address says so.
    pub fn endpoint(&self) -> Option<&Url> {
        match self {
            Self::Folder(_) => None,
            Self::Bucket(bucket) => bucket.endpoint.as_ref(),
        }
    }
}

/// The address as it can be shown, without parameters.
impl fmt::Display for BlobAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => write!(f, "{}", path.display()),
            Self::Bucket(bucket) => write!(f, "{bucket}"),
        }
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.vendor {
            Vendor::S3 => "s3",
            Vendor::Azure => "az",
            Vendor::Google => "gs",
        };
        write!(f, "{scheme}:/")?;
        let parts = self.account.iter().chain([&self.name, &self.prefix]).filter(|part| !part.is_empty());
        parts.into_iter().try_for_each(|part| write!(f, "/{part}"))?;
        match &self.endpoint {
            Some(endpoint) => write!(f, " of {}", endpoint.origin().ascii_serialization()),
            None => Ok(()),
        }
    }
}

struct Parameters {
    endpoint: Option<Url>,
    region: Option<String>,
}

impl Parameters {
    fn read(url: &Url, known: &[&str]) -> Result<Self, BlobAddressError> {
        let (mut endpoint, mut region) = (None, None);
        for (name, value) in url.query_pairs() {
            let slot = match name.as_ref() {
                "endpoint" if known.contains(&"endpoint") => &mut endpoint,
                "region" if known.contains(&"region") => &mut region,
                _ => return Err(wrong(format!("has a parameter that is not known: there is {}", known.join(", ")))),
            };
            if slot.replace(value.into_owned()).is_some() {
                return Err(wrong(format!("has a parameter twice: each of {} may be there once", known.join(", "))));
            }
        }
        if region.as_deref().is_some_and(|region| !is_plain(region)) {
            return Err(wrong("has a region that is none"));
        }
        let endpoint = endpoint.as_deref().map(read_endpoint).transpose()?;
        Ok(Self { endpoint, region })
    }
}

fn read_endpoint(text: &str) -> Result<Url, BlobAddressError> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let bare = |url: &Url| {
        url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none()
    };
    url.filter(bare).ok_or_else(|| wrong("has an endpoint that is no bare https:// address of a host"))
}

/// What means the same in every place and needs no escaping.
fn is_plain(part: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    (1..=255).contains(&part.len()) && part.chars().all(allowed) && part != "." && part != ".."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_as_it_was_meant_and_without_parameters() {
        for (address, shown) in [
            ("file:///srv/opssight", "/srv/opssight"),
            ("s3://acme-ops", "s3://acme-ops"),
            ("s3://acme-ops/prod/eu/?region=eu-central-1", "s3://acme-ops/prod/eu"),
            ("s3://b/p?endpoint=https://minio.example:9000", "s3://b/p of https://minio.example:9000"),
            ("az://account/container/prod", "az://account/container/prod"),
            ("gs://acme_ops.example/prod", "gs://acme_ops.example/prod"),
        ] {
            assert_eq!(BlobAddress::read(address).unwrap().to_string(), shown);
        }
    }

    #[test]
    fn a_folder_in_a_place_is_a_place() {
        for (address, shown) in [
            ("file:///srv/opssight", "/srv/opssight/house"),
            ("s3://acme-ops", "s3://acme-ops/house"),
            ("az://account/container/prod", "az://account/container/prod/house"),
        ] {
            assert_eq!(BlobAddress::read(address).unwrap().within("house").to_string(), shown);
        }
    }

    #[test]
    fn what_is_wrong_with_an_address_is_said_without_quoting_it() {
        for (address, says) in [
            ("/srv/hunter2", "must be file:///path"),
            ("ftp://hunter2/x", "must be file:///path"),
            ("file://hunter2/path", "must be file:///path"),
            ("file:///srv?region=hunter2", "no parameters"),
            ("s3://AKIA:hunter2@bucket", "comes from the environment"),
            ("s3://hunter2@bucket", "comes from the environment"),
            ("s3://bucket?secret=hunter2", "not known: there is endpoint, region"),
            ("gs://bucket?region=hunter2", "not known: there is endpoint"),
            ("s3://bucket?region=a&region=hunter2", "twice"),
            ("s3://bucket?region=hunter2%20", "a region that is none"),
            ("s3://bucket?endpoint=hunter2", "no bare https://"),
            ("s3://bucket?endpoint=https://a:hunter2@minio", "no bare https://"),
            ("s3://bucket:80/hunter2", "must be file:///path"),
            ("s3://bucket/hunter2%2F..", "letters, digits"),
            ("s3:///hunter2", "letters, digits"),
            ("az://account", "must be file:///path"),
        ] {
            let error = BlobAddress::read(address).unwrap_err().to_string();
            assert!(error.contains(says) && !error.contains("hunter2"), "{address}: {error}");
        }
    }
}
