//! Buckets of every vendor, empty, and what is said when one cannot be used.

use crate::blobs::{Ground, in_pieces, noise, package, read};
use crate::s3::{BUCKET, KEY, S3, SECRET};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{ETAG, HOST, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::{GcpCredential, GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::{ObjectStore, ObjectStoreExt, StaticCredentialProvider, path::Path};
use opssight_backends::{BlobAccess, BlobAddress, FolderBlobs, Link, open_blobs};
use opssight_core::blobs::{BlobError, BlobStore, body_of};
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use uuid::Uuid;

/// What the vendor's tools would read.
type Variables<'a> = &'a [(&'a str, &'a str)];

fn try_open(url: &str, variables: Variables, link: &Arc<Link>) -> Result<Arc<dyn BlobStore>, BlobError> {
    let variable = |name: &str| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_owned())
    };
    let access = BlobAccess { variable: &variable, ca_pem: None, link: Arc::clone(link) };
    open_blobs(&BlobAddress::read(url).unwrap(), &access)
}

fn open(url: &str, variables: Variables) -> Arc<dyn BlobStore> {
    try_open(url, variables, &Arc::new(Link::new("blobs"))).unwrap()
}

fn ground(
    blobs: Arc<dyn BlobStore>,
    raw: Arc<dyn ObjectStore>,
    prefix: &'static str,
    kept: impl std::any::Any + Send + Sync,
) -> Ground {
    let overwrite = move |name: String, bytes: Vec<u8>| -> futures::future::BoxFuture<'static, ()> {
        let raw = Arc::clone(&raw);
        Box::pin(async move {
            raw.put(&Path::from(format!("{prefix}/{name}")), bytes.into()).await.unwrap();
        })
    };
    Ground { blobs, overwrite: Box::new(overwrite), _kept: Box::new(kept) }
}

pub(crate) async fn folder() -> Ground {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().to_owned();
    let overwrite = move |name: String, bytes: Vec<u8>| -> futures::future::BoxFuture<'static, ()> {
        std::fs::write(root.join(name), bytes).unwrap();
        Box::pin(std::future::ready(()))
    };
    Ground {
        blobs: Arc::new(FolderBlobs::open(dir.path()).unwrap()),
        overwrite: Box::new(overwrite),
        _kept: Box::new(dir),
    }
}

const S3_KEYS: Variables = &[("AWS_ACCESS_KEY_ID", KEY), ("AWS_SECRET_ACCESS_KEY", SECRET)];

fn s3_url(port: u16, bucket: &str) -> String {
    format!("s3://{bucket}/prod/eu?endpoint=http://127.0.0.1:{port}&region=eu-central-1")
}

pub(crate) async fn s3() -> Ground {
    let server = S3::start().await;
    let raw = AmazonS3Builder::new().with_endpoint(format!("http://127.0.0.1:{}", server.port)).with_allow_http(true);
    let raw = raw.with_bucket_name(BUCKET).with_access_key_id(KEY).with_secret_access_key(SECRET).build().unwrap();
    ground(open(&s3_url(server.port, BUCKET), S3_KEYS), Arc::new(raw), "prod/eu", server)
}

/// Of Azure's emulator: the account that it has for everybody, and its key.
const ACCOUNT: &str = "devstoreaccount1";
const ACCOUNT_KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

#[expect(clippy::disallowed_methods, reason = "`cargo xtask test` says where its servers are")]
fn server(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| panic!("`cargo xtask test` starts a server and sets {variable}"))
}

fn azure_url(container: &str) -> String {
    format!("az://{ACCOUNT}/{container}/prod?endpoint={}/{ACCOUNT}", server("OPSSIGHT_TEST_AZURE"))
}

pub(crate) async fn azure() -> Ground {
    let (at, container) = (server("OPSSIGHT_TEST_AZURE"), Uuid::now_v7().to_string());
    make_container(&at, &container).await;
    let raw = MicrosoftAzureBuilder::new().with_account(ACCOUNT).with_access_key(ACCOUNT_KEY).with_allow_http(true);
    let raw = raw.with_container_name(&container).with_endpoint(format!("{at}/{ACCOUNT}")).build().unwrap();
    ground(open(&azure_url(&container), &[("AZURE_STORAGE_ACCOUNT_KEY", ACCOUNT_KEY)]), Arc::new(raw), "prod", ())
}

/// Which the port cannot, because an operator does it: signed as Azure's "Shared Key" asks.
async fn make_container(at: &str, container: &str) {
    let date = "Mon, 30 Nov 2026 06:00:00 GMT";
    let signed = format!(
        "PUT\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:{date}\nx-ms-version:2021-08-06\n/{ACCOUNT}/{ACCOUNT}/{container}\nrestype:container"
    );
    let key = hmac::Key::new(hmac::HMAC_SHA256, &STANDARD.decode(ACCOUNT_KEY).unwrap());
    let signature = STANDARD.encode(hmac::sign(&key, signed.as_bytes()));
    let request = client().put(format!("{at}/{ACCOUNT}/{container}?restype=container"));
    let request = request.header("x-ms-date", date).header("x-ms-version", "2021-08-06");
    let request = request.header("authorization", format!("SharedKey {ACCOUNT}:{signature}"));
    let answer = request.header("content-length", "0").send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
}

#[expect(clippy::disallowed_methods, reason = "a test's own client")]
fn client() -> reqwest::Client {
    reqwest::Client::new()
}

/// The server that stands in for Google's takes a PUT only if it looks signed in its address, which Google does not
/// ask for, and answers it without the ETag that Google gives. Whoever is between adds these two, and nothing else.
async fn google_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = format!("http://{}", listener.local_addr().unwrap());
    let (server, client) = (server("OPSSIGHT_TEST_GCS"), client());
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let (server, client) = (server.clone(), client.clone());
            let forward = service_fn(move |request: Request<Incoming>| {
                let (server, client) = (server.clone(), client.clone());
                async move {
                    let sign = if request.method() == Method::PUT { "?X-Goog-Algorithm=none" } else { "" };
                    let (mut parts, body) = request.into_parts();
                    // It goes by the name under which it was asked, which is its own.
                    parts.headers.remove(HOST);
                    let url = format!("{server}{}{sign}", parts.uri);
                    let body = body.collect().await?.to_bytes();
                    let answer = client.request(parts.method, url).headers(parts.headers).body(body).send().await;
                    let mut answer = http::Response::from(answer.unwrap());
                    answer.headers_mut().entry(ETAG).or_insert(HeaderValue::from_static("none"));
                    Ok::<_, hyper::Error>(answer)
                }
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(socket), forward));
        }
    });
    at
}

pub(crate) async fn google() -> Ground {
    let (at, bucket) = (google_server().await, Uuid::now_v7().to_string());
    let made = client().post(format!("{at}/storage/v1/b")).json(&serde_json::json!({ "name": bucket })).send().await;
    assert!(made.unwrap().status().is_success());
    let raw = GoogleCloudStorageBuilder::new().with_bucket_name(&bucket).with_base_url(&at);
    let options = object_store::ClientOptions::new().with_allow_http(true);
    let raw = raw.with_client_options(options).with_config(GoogleConfigKey::SkipSignature, "true");
    let nobody = StaticCredentialProvider::new(GcpCredential { bearer: String::new() });
    let raw = raw.with_credentials(Arc::new(nobody)).build().unwrap();
    ground(open(&format!("gs://{bucket}/prod?endpoint={at}"), &[]), Arc::new(raw), "prod", ())
}

#[tokio::test]
async fn whoever_may_not_is_told_what_to_look_at_and_no_secret() {
    let s3 = S3::start().await;
    let wrong = [("AWS_ACCESS_KEY_ID", KEY), ("AWS_SECRET_ACCESS_KEY", "hunter2-hunter2")];
    let unknown = [("AWS_ACCESS_KEY_ID", "AKIAHUNTER2"), ("AWS_SECRET_ACCESS_KEY", "hunter2-hunter2")];
    let azure_key = STANDARD.encode("hunter2-hunter2");
    let azure_wrong = [("AZURE_STORAGE_ACCOUNT_KEY", azure_key.as_str())];
    let azure_url = azure_url("nobody");
    for (url, variables, look_at) in [
        (s3_url(s3.port, BUCKET), &wrong[..], "AWS_SECRET_ACCESS_KEY"),
        (s3_url(s3.port, BUCKET), &unknown[..], "AWS_SECRET_ACCESS_KEY"),
        (azure_url, &azure_wrong[..], "AZURE_STORAGE_ACCOUNT_KEY"),
    ] {
        let blobs = open(&url, variables);
        let name = package(b"package");
        for refused in [
            blobs.check().await,
            blobs.put(&name, body_of(&b"package"[..])).await,
            blobs.get(&name).await.map(drop),
            blobs.remove(&name).await,
        ] {
            let refused = refused.unwrap_err();
            assert!(matches!(&refused, BlobError::Denied { .. }), "{refused:?}");
            let told = format!("{refused} {refused:?}").to_lowercase();
            assert!(told.contains(&look_at.to_lowercase()) && !told.contains("hunter2"), "{told}");
            assert!(!told.contains(&azure_key.to_lowercase()), "{told}");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_set_up_is_said_without_its_secret() {
    let link = Arc::new(Link::new("blobs"));
    for (url, variables, says) in [
        ("s3://acme-ops", &[("AWS_ACCESS_KEY_ID", "hunter2")][..], "SecretAccessKey"),
        ("az://acme/ops", &[("AZURE_STORAGE_ACCOUNT_KEY", "hunter2!")][..], "Invalid"),
        ("gs://acme-ops", &[("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere/key.json")][..], "No such file"),
    ] {
        let refused = try_open(url, variables, &link).map(drop).unwrap_err().to_string();
        assert!(refused.contains(says) && !refused.contains("hunter2"), "{refused}");
    }
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_said() {
    let s3 = S3::start().await;
    let gone = Uuid::now_v7().to_string();
    let gcs = google_server().await;
    // The stand-in for Google's looks for the bucket when something is written, that for S3 when it is listed.
    let google = open(&format!("gs://{gone}?endpoint={gcs}"), &[]);
    for refused in [
        open(&s3_url(s3.port, "nobodys"), S3_KEYS).check().await,
        open(&azure_url(&gone), &[("AZURE_STORAGE_ACCOUNT_KEY", ACCOUNT_KEY)]).check().await,
        google.put(&package(b"package"), body_of(&b"package"[..])).await,
    ] {
        let refused = refused.unwrap_err();
        assert!(matches!(&refused, BlobError::NoPlace { why, .. } if why.contains("no such bucket")), "{refused:?}");
    }
}

#[tokio::test]
async fn a_place_that_goes_away_is_said_and_comes_back() {
    let mut server = S3::start().await;
    let link = Arc::new(Link::new("blobs"));
    let blobs = try_open(&s3_url(server.port, BUCKET), S3_KEYS, &link).unwrap();
    let name = package(b"package");
    for round in 0..2 {
        server.stop().await;
        let away = blobs.put(&name, body_of(&b"package"[..])).await.unwrap_err();
        assert!(away.is_away() && !link.is_up(), "{away:?} in round {round}");
        assert!(away.to_string().contains(&format!("http://127.0.0.1:{}", server.port)), "{away}");
        server.go_on().await;
        blobs.put(&name, body_of(&b"package"[..])).await.unwrap();
        assert!(link.is_up());
        assert_eq!(read(&*blobs, &name).await.unwrap().as_deref(), Some(&b"package"[..]));
    }
}

/// Stands between a host and its bucket, and cuts whoever sent so many bytes.
struct Cable {
    port: u16,
    /// How many may pass in all; none: as many as want to.
    limit: watch::Sender<Option<u64>>,
}

impl Cable {
    async fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (limit, limited) = watch::channel(None);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let limited = limited.clone();
                tokio::spawn(async move {
                    let mut limit: Option<u64> = *limited.borrow();
                    let Ok(far) = TcpStream::connect(("127.0.0.1", server)).await else { return };
                    let ((mut near_in, mut near_out), (mut far_in, mut far_out)) =
                        (near.into_split(), far.into_split());
                    let up = async {
                        use tokio::io::AsyncReadExt;
                        match limit.take() {
                            Some(limit) => tokio::io::copy(&mut (&mut near_in).take(limit), &mut far_out).await,
                            None => tokio::io::copy(&mut near_in, &mut far_out).await,
                        }
                    };
                    // Whatever ends first ends both.
                    tokio::select! {
                        _ = up => {}
                        _ = tokio::io::copy(&mut far_in, &mut near_out) => {}
                    }
                });
            }
        });
        Self { port, limit }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_cut_in_the_middle_leaves_nothing() {
    let server = S3::start().await;
    let cable = Cable::to(server.port).await;
    let blobs = open(&s3_url(cable.port, BUCKET), S3_KEYS);
    let bytes = noise(60_000_000);
    let name = package(&bytes);
    // Parts are begun, and no connection lives long enough for one.
    cable.limit.send_replace(Some(5_000_000));
    let cut = blobs.put(&name, in_pieces(&bytes)).await.unwrap_err();
    assert!(cut.is_away(), "{cut:?}");
    assert_eq!(nothing_left(&server).await, Vec::<std::path::PathBuf>::new());
    cable.limit.send_replace(None);
    assert_eq!(read(&*blobs, &name).await.unwrap(), None);
    blobs.put(&name, in_pieces(&bytes)).await.unwrap();
    assert!(read(&*blobs, &name).await.unwrap().unwrap() == bytes);
}

/// An upload is given up in the background when whoever waited for it is gone.
async fn nothing_left(server: &S3) -> Vec<std::path::PathBuf> {
    let mut files = server.files();
    for _ in 0..200 {
        if files.is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        files = server.files();
    }
    files
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_nobody_waits_for_any_more_is_given_up() {
    let server = S3::start().await;
    let blobs = open(&s3_url(server.port, BUCKET), S3_KEYS);
    let bytes = noise(40_000_000);
    let name = package(&bytes);
    // Ends never, after parts of it were sent.
    let endless = futures::StreamExt::chain(in_pieces(&bytes), futures::stream::pending());
    let body: opssight_core::blobs::Body = Box::pin(endless);
    let upload = tokio::spawn(async move { blobs.put(&name, body).await });
    while server.files().is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    // Until the name of the upload was heard here, nobody could give it up; the server has it a moment earlier.
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    upload.abort();
    assert!(upload.await.unwrap_err().is_cancelled());
    assert_eq!(nothing_left(&server).await, Vec::<std::path::PathBuf>::new());
}
