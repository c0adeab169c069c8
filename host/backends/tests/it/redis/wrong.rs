//! What is wrong with an address or a server, and how it is said.

use super::double::{Proxy, Traffic, always};
use super::own::Own;
use super::{LONG, impatient, until_up};
use crate::caches::{options, rule, server};
use opssight_backends::{RedisCache, RedisOptions};
use opssight_core::cache::Cache;
use opssight_core::limits::{Decision, RateLimiter};
use opssight_core::locks::Locks;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::time::{Duration, Instant};

/// What a start says that refuses.
async fn refused(address: &str) -> String {
    RedisCache::open(options(address)).await.unwrap_err().to_string()
}

/// What a start says that goes on without it.
async fn degraded(address: &str) -> String {
    let redis = RedisCache::open(options(address)).await.unwrap();
    assert_eq!(redis.take("key", rule(1, 1)).await, Decision::Allowed);
    assert!(matches!(redis.take("key", rule(1, 1)).await, Decision::Refused { .. }), "it has limits of its own");
    redis.status().unwrap_err()
}

#[tokio::test]
async fn what_trying_again_does_not_mend_is_refused_with_what_is_wrong() {
    let server = server();
    let (_, place) = server.rsplit_once('@').unwrap();
    let own = Own::start();
    own.command(&["ACL", "SETUSER", "narrow", "on", ">pass", "+@connection", "~*"]).await;
    let (narrow, none) = (own.port(), format!("redis://:wr0ng-wr0ng@127.0.0.1:{}", own.port()));
    let table = [
        (format!("redis://:wr0ng-wr0ng@{place}"), "the user or the password is wrong; correct them in cache.url"),
        (format!("redis://nobody:wr0ng-wr0ng@{place}"), "the user or the password is wrong"),
        (format!("redis://{place}"), "it wants a password"),
        (none, "the password is wrong, or it has none"),
        (format!("{server}/99"), "it has no database 99"),
        (format!("redis://narrow:pass@127.0.0.1:{narrow}"), "this user may not do what is needed"),
        (always("HTTP/1.1 400 Bad Request\r\n\r\n").await, "no Redis"),
        (always("-ERR unknown command 'HELLO'\r\n").await, "OpsSight needs Redis 6 or later"),
        (
            always("*4\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n5.0.14\r\n").await,
            "it is version 5.0.14",
        ),
        ("redis://user:wr0ng-wr0ng@".to_owned(), "it must look like redis://"),
        ("https://user:wr0ng-wr0ng@host".to_owned(), "it must look like redis://"),
    ];
    for (address, says) in table {
        let said = refused(&address).await;
        assert!(said.contains(says), "{said}");
        assert!(!said.contains("wr0ng") && !said.contains("only-for-tests"), "{said}");
    }
}

/// All that is done in this Redis is done with the permissions that the operators' guide gives.
#[tokio::test]
async fn the_user_of_the_guide_may_do_all_that_is_needed() {
    let guide =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guides/operators.md")).unwrap();
    let line =
        guide.lines().find_map(|line| line.strip_prefix("    ACL SETUSER opssight")).expect("it is in the guide");
    let own = Own::start();
    let words: Vec<&str> = ["ACL", "SETUSER", "opssight"].into_iter().chain(line.split_whitespace()).collect();
    own.command(&words).await;
    let address = format!("redis://opssight:a-password@127.0.0.1:{}/3", own.port());
    let redis = RedisCache::open(RedisOptions { prefix: "opssight:1".to_owned(), ..options(&address) }).await.unwrap();
    assert_eq!(redis.take("key", rule(1, 1)).await, Decision::Allowed);
    redis.put("key", b"1", LONG).await.unwrap();
    assert!(!redis.put_if_absent("key", b"2", LONG).await.unwrap());
    assert!(redis.delete_if("key", b"1").await.unwrap() && !redis.delete("key").await.unwrap());
    let lock = redis.lock("sweep", LONG).await.unwrap();
    assert!(redis.renew(&lock, LONG).await && redis.release(&lock).await, "{:?}", redis.status());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_pass_is_gone_on_without() {
    let table = [
        ("redis://user:s3cr3t@127.0.0.1:1".to_owned(), "nobody answers there"),
        ("redis://user:s3cr3t@no-such-host.invalid".to_owned(), "nobody answers there"),
        (always("").await, "it hangs up"),
        (always("-LOADING Redis is loading the dataset in memory\r\n").await, "it is loading its data"),
        (always("-ERR max number of clients reached\r\n").await, "max number of clients reached"),
        (always("-READONLY You can't write against a read only replica.\r\n").await, "it is a replica"),
    ];
    for (address, says) in table {
        let said = degraded(&address).await;
        assert!(said.contains(says) && !said.contains("s3cr3t"), "{said}");
    }
    let proxy = Proxy::to(&server()).await;
    proxy.traffic.send_replace(Traffic::Held);
    let begun = Instant::now();
    let redis = RedisCache::open(impatient(&proxy.address)).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(4), "a start does not hang on it: {:?}", begun.elapsed());
    let status = redis.status().unwrap_err();
    assert!(status.contains("does not answer within 2 s") && !status.contains("only-for-tests"), "{status}");
    proxy.traffic.send_replace(Traffic::Flows);
    until_up(&redis).await;
    redis.put("key", b"1", LONG).await.unwrap();
    assert!(redis.status().unwrap().starts_with("Redis "), "{:?}", redis.status());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_is_spoken_with_whom_an_authority_vouches_for() {
    let _installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let mut authority = CertificateParams::new([]).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    let file = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_string_lossy().into_owned()
    };
    let (cert, key) = (file("cert.pem", leaf.pem()), file("key.pem", key.serialize_pem()));
    let ca = file("ca.pem", authority.pem());
    let own = Own::with(|port| {
        let port = port.to_string();
        let words = ["--port", "0", "--tls-port", &port, "--tls-auth-clients", "no", "--tls-ca-cert-file", &ca];
        let words = words.into_iter().chain(["--tls-cert-file", &cert, "--tls-key-file", &key]);
        words.chain(["--requirepass", "pass"]).map(str::to_owned).collect()
    });
    let address = format!("rediss://:pass@localhost:{}", own.port());
    let vouched = RedisOptions { ca_pem: Some(authority.pem().into_bytes()), ..options(&address) };
    let redis = RedisCache::open(vouched.clone()).await.unwrap();
    redis.put("key", b"1", LONG).await.unwrap();
    assert_eq!(redis.get("key").await.unwrap(), Some(b"1".to_vec()), "{:?}", redis.status());
    let said = refused(&address).await;
    assert!(said.contains("its certificate is not believed"), "{said}");
    let elsewhere = RedisOptions { address: address.replace("localhost", "127.0.0.1"), ..vouched };
    let said = RedisCache::open(elsewhere).await.unwrap_err().to_string();
    assert!(said.contains("its certificate is not believed"), "nor for another name: {said}");
}
