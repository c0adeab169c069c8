//! One client for each vendor, set up from an address and the environment.

use super::BlobAccess;
use super::address::{Bucket, Vendor};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, Checksum};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GcpCredential, GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::{
    BackoffConfig, Certificate, ClientOptions, HeaderValue, ObjectStore, RetryConfig, StaticCredentialProvider,
};
use std::sync::Arc;
use std::time::Duration;

const CONNECT: Duration = Duration::from_secs(5);
/// The longest silence: a part of an upload must be through by then.
const SILENCE: Duration = Duration::from_secs(60);
/// Nothing is tried again after that.
const TRYING: Duration = Duration::from_secs(20);

/// What S3's credentials are read from, as AWS' own tools do. A region of the address wins over the environment's.
const S3: &[(&str, AmazonS3ConfigKey)] = &[
    ("AWS_ACCESS_KEY_ID", AmazonS3ConfigKey::AccessKeyId),
    ("AWS_SECRET_ACCESS_KEY", AmazonS3ConfigKey::SecretAccessKey),
    ("AWS_SESSION_TOKEN", AmazonS3ConfigKey::Token),
    ("AWS_DEFAULT_REGION", AmazonS3ConfigKey::Region),
    ("AWS_REGION", AmazonS3ConfigKey::Region),
    ("AWS_WEB_IDENTITY_TOKEN_FILE", AmazonS3ConfigKey::WebIdentityTokenFile),
    ("AWS_ROLE_ARN", AmazonS3ConfigKey::RoleArn),
    ("AWS_ROLE_SESSION_NAME", AmazonS3ConfigKey::RoleSessionName),
    ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", AmazonS3ConfigKey::ContainerCredentialsRelativeUri),
    ("AWS_CONTAINER_CREDENTIALS_FULL_URI", AmazonS3ConfigKey::ContainerCredentialsFullUri),
    ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", AmazonS3ConfigKey::ContainerAuthorizationTokenFile),
];

const AZURE: &[(&str, AzureConfigKey)] = &[
    ("AZURE_STORAGE_KEY", AzureConfigKey::AccessKey),
    ("AZURE_STORAGE_ACCOUNT_KEY", AzureConfigKey::AccessKey),
    ("AZURE_STORAGE_SAS_TOKEN", AzureConfigKey::SasKey),
    ("AZURE_CLIENT_ID", AzureConfigKey::ClientId),
    ("AZURE_TENANT_ID", AzureConfigKey::AuthorityId),
    ("AZURE_CLIENT_SECRET", AzureConfigKey::ClientSecret),
    ("AZURE_FEDERATED_TOKEN_FILE", AzureConfigKey::FederatedTokenFile),
    ("AZURE_AUTHORITY_HOST", AzureConfigKey::AuthorityHost),
];

/// Where a service account's key is; without it the machine's own account is used.
const GOOGLE: &str = "GOOGLE_APPLICATION_CREDENTIALS";

impl Vendor {
    /// What to look at when access is denied.
    pub(super) fn mend(self) -> &'static str {
        match self {
            Self::S3 => {
                "look at AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or at the machine's role: it must be allowed \
                 s3:PutObject, s3:GetObject, s3:DeleteObject, s3:AbortMultipartUpload and s3:ListBucket"
            }
            Self::Azure => {
                "look at AZURE_STORAGE_ACCOUNT_KEY, AZURE_STORAGE_SAS_TOKEN or AZURE_CLIENT_ID and its secret, or at \
                 the machine's identity: it must be a Storage Blob Data Contributor of the container"
            }
            Self::Google => {
                "look at GOOGLE_APPLICATION_CREDENTIALS, or at the machine's account: it must be a Storage Object User \
                 of the bucket"
            }
        }
    }
}

/// The client of a bucket, or why there can be none.
pub(super) fn client(bucket: &Bucket, access: &BlobAccess<'_>) -> Result<Arc<dyn ObjectStore>, object_store::Error> {
    let options = options(bucket, access)?;
    let retry = RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(2),
            base: 2.,
        },
        max_retries: 3,
        retry_timeout: TRYING,
    };
    let endpoint = bucket.endpoint.as_ref().map(|url| url.as_str().trim_end_matches('/').to_owned());
    let set = |name: &str| (access.variable)(name).filter(|value| !value.is_empty());
    Ok(match bucket.vendor {
        Vendor::S3 => {
            let builder = AmazonS3Builder::new().with_bucket_name(&bucket.name).with_client_options(options);
            // The place computes it as well, and refuses what was damaged on the way.
            let mut builder = builder.with_retry(retry).with_checksum_algorithm(Checksum::SHA256);
            for (name, key) in S3 {
                builder = set(name).into_iter().fold(builder, |builder, value| builder.with_config(*key, value));
            }
            builder = builder.with_config(AmazonS3ConfigKey::DisableBulkDelete, "true");
            builder = bucket.region.iter().fold(builder, |builder, region| builder.with_region(region));
            Arc::new(endpoint.into_iter().fold(builder, AmazonS3Builder::with_endpoint).build()?)
        }
        Vendor::Azure => {
            let account = bucket.account.clone().unwrap_or_default();
            let builder = MicrosoftAzureBuilder::new().with_account(account).with_container_name(&bucket.name);
            let mut builder = builder.with_client_options(options).with_retry(retry);
            for (name, key) in AZURE {
                builder = set(name).into_iter().fold(builder, |builder, value| builder.with_config(*key, value));
            }
            Arc::new(endpoint.into_iter().fold(builder, MicrosoftAzureBuilder::with_endpoint).build()?)
        }
        Vendor::Google => {
            let builder = GoogleCloudStorageBuilder::new().with_bucket_name(&bucket.name);
            let builder = builder.with_client_options(options).with_retry(retry);
            let builder = match (set(GOOGLE), &bucket.endpoint) {
                (Some(path), _) => builder.with_application_credentials(path),
                // An emulator, which asks nobody who they are.
                (None, Some(_)) => {
                    let nobody = GcpCredential { bearer: String::new() };
                    let builder = builder.with_config(GoogleConfigKey::SkipSignature, "true");
                    // Without it some requests would still ask Google's machines who this one is.
                    builder.with_credentials(Arc::new(StaticCredentialProvider::new(nobody)))
                }
                (None, None) => builder,
            };
            Arc::new(endpoint.iter().fold(builder, |builder, at| builder.with_base_url(at)).build()?)
        }
    })
}

fn options(bucket: &Bucket, access: &BlobAccess<'_>) -> Result<ClientOptions, object_store::Error> {
    let is_plain = bucket.endpoint.as_ref().is_some_and(|url| url.scheme() == "http");
    let options = ClientOptions::new()
        .with_user_agent(HeaderValue::from_static(concat!("opssight/", env!("CARGO_PKG_VERSION"))))
        .with_allow_http(is_plain)
        .with_connect_timeout(CONNECT)
        // A body may take as long as it takes, as long as it moves.
        .with_timeout_disabled()
        .with_read_timeout(SILENCE);
    match &access.ca_pem {
        None => Ok(options),
        Some(pem) => {
            Ok(Certificate::from_pem_bundle(pem)?.into_iter().fold(options, ClientOptions::with_root_certificate))
        }
    }
}
