//! What only Redis promises here: to be away and to come back, and to say what is wrong.

mod double;
mod own;
mod wrong;

use crate::caches::{Kept, most, options, rule, server, takes};
use double::{Proxy, Traffic};
use opssight_backends::{RedisCache, RedisOptions};
use opssight_core::cache::Cache;
use opssight_core::limits::{Decision, RateLimiter};
use opssight_core::locks::Locks;
use own::Own;
use std::sync::Arc;
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(600);

/// As a host uses it.
fn impatient(address: &str) -> RedisOptions {
    RedisOptions { patience: Duration::from_millis(100), ..options(address) }
}

async fn until(what: &str, redis: &RedisCache, is: fn(&RedisCache) -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !is(redis) {
        assert!(Instant::now() < deadline, "not {what}: {:?}", redis.status());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn until_up(redis: &RedisCache) {
    until("up", redis, |redis| redis.status().is_ok()).await;
}

async fn until_down(redis: &RedisCache) {
    until("down", redis, |redis| redis.status().is_err()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_installations_on_one_redis_share_nothing() {
    let (one, other) = (options(&server()), options(&server()));
    let (one, other) = (RedisCache::open(one).await.unwrap(), RedisCache::open(other).await.unwrap());
    one.put("key", b"1", LONG).await.unwrap();
    assert_eq!(other.get("key").await.unwrap(), None);
    assert!(one.lock("key", LONG).await.is_some() && other.lock("key", LONG).await.is_some());
    assert_eq!(takes(&one, "key", rule(1, 5), 5).await, 5);
    assert_eq!(takes(&other, "key", rule(1, 5), 5).await, 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_killed_is_gone_on_without_and_comes_back_by_itself() {
    let mut own = Own::start();
    let options = options(&own.address());
    let (one, other) = (RedisCache::open(options.clone()).await.unwrap(), RedisCache::open(options).await.unwrap());
    let (rule, begun) = (rule(2, 20), Instant::now());
    let mut allowed = [0, 0];
    for round in 1..=3_u32 {
        let shared = Instant::now();
        let before = allowed[0] + allowed[1];
        for _ in 0..40 {
            allowed[0] += takes(&one, "key", rule, 1).await;
            allowed[1] += takes(&other, "key", rule, 1).await;
        }
        let together = allowed[0] + allowed[1] - before;
        assert!(f64::from(together) <= most(rule, shared.elapsed()), "round {round}: {together}");
        own.kill();
        // Both notice by themselves, without being asked anything.
        until_down(&one).await;
        until_down(&other).await;
        assert!(one.get("key").await.is_err() && one.put("key", b"1", LONG).await.is_err());
        assert_eq!(one.lock("key", LONG).await, None, "a lock that nobody can grant is not held");
        // On their own they go on, each within the rule: also counting what was before.
        let (one_went_on, other_went_on) = (takes(&one, "key", rule, 30).await, takes(&other, "key", rule, 30).await);
        assert!(one_went_on + other_went_on > 0, "neither stands still");
        allowed = [allowed[0] + one_went_on, allowed[1] + other_went_on];
        own.restart();
        until_up(&one).await;
        until_up(&other).await;
        one.put("key", b"1", LONG).await.unwrap();
        assert_eq!(other.get("key").await.unwrap(), Some(b"1".to_vec()));
        // The Redis forgot what was taken; the hosts did not.
        for (host, allowed) in allowed.iter().enumerate() {
            assert!(f64::from(*allowed) <= most(rule, begun.elapsed()), "round {round}, host {host}: {allowed}");
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fence_is_higher_after_redis_lost_its_memory() {
    let mut own = Own::start();
    let redis = RedisCache::open(options(&own.address())).await.unwrap();
    let before = redis.lock("sweep", LONG).await.unwrap();
    own.kill();
    until_down(&redis).await;
    assert!(!redis.renew(&before, LONG).await && !redis.release(&before).await, "nobody says that it is held");
    own.restart();
    until_up(&redis).await;
    assert!(!redis.renew(&before, LONG).await, "it was lost");
    let after = redis.lock("sweep", LONG).await.unwrap();
    assert!(after.fence > before.fence, "{} and then {}", before.fence, after.fence);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_redis_hangs_nobody_waits_long_and_later_nobody_waits() {
    let proxy = Proxy::to(&server()).await;
    let redis = Arc::new(RedisCache::open(impatient(&proxy.address)).await.unwrap());
    for _ in 0..3 {
        until_up(&redis).await;
        redis.put("key", b"1", LONG).await.unwrap();
        proxy.traffic.send_replace(Traffic::Held);
        let begun = Instant::now();
        let takes = (0..200).map(|n| {
            let redis = Arc::clone(&redis);
            tokio::spawn(async move { redis.take(&format!("key {n}"), rule(1, 1)).await })
        });
        let decisions = futures::future::join_all(takes).await;
        assert!(decisions.into_iter().all(|decision| decision.unwrap() == Decision::Allowed));
        // A tenth of a second for all of them, and what the machine adds.
        assert!(begun.elapsed() < Duration::from_millis(1_000), "{:?}", begun.elapsed());
        assert!(redis.status().unwrap_err().contains("does not answer within 100 ms"), "{:?}", redis.status());
        let begun = Instant::now();
        for n in 0..1_000 {
            assert_eq!(redis.take(&format!("another {n}"), rule(1, 1)).await, Decision::Allowed);
            assert!(redis.get("key").await.is_err() && redis.lock("key", LONG).await.is_none());
        }
        assert!(begun.elapsed() < Duration::from_millis(1_000), "they wait in turn: {:?}", begun.elapsed());
        assert!(matches!(redis.take("another 1", rule(1, 1)).await, Decision::Refused { .. }), "there is a limit");
        // Connecting again gets as far as a server that accepts and says nothing.
        tokio::time::sleep(Duration::from_millis(700)).await;
        proxy.traffic.send_replace(Traffic::Flows);
        until_up(&redis).await;
        assert_eq!(redis.get("key").await.unwrap(), Some(b"1".to_vec()));
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_is_slow_once_does_not_end_the_connection_after_it() {
    let mut own = Own::start();
    let redis = RedisCache::open(impatient(&own.address())).await.unwrap();
    for _ in 0..3 {
        own.pause();
        assert!(redis.get("key").await.is_err());
        until_down(&redis).await;
        own.go_on();
        until_up(&redis).await;
    }
    // What was said on the earlier connections, and how they ended, is nobody's business any more.
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(redis.status().is_ok(), "{:?}", redis.status());
    assert_eq!(redis.get("key").await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_cannot_write_is_away_until_it_can() {
    let own = Own::start();
    let redis = RedisCache::open(options(&own.address())).await.unwrap();
    let admin: &dyn Kept = &redis;
    assert_eq!(admin.take("key", rule(1, 1)).await, Decision::Allowed);
    own.command(&["CONFIG", "SET", "maxmemory", "1"]).await;
    until_down(&redis).await;
    assert!(redis.status().unwrap_err().contains("its memory is full"), "{:?}", redis.status());
    // It answers pings all the while, and is not believed.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert!(redis.status().is_err());
    own.command(&["CONFIG", "SET", "maxmemory", "0"]).await;
    until_up(&redis).await;
    own.command(&["SCRIPT", "FLUSH"]).await;
    // One that nobody has taken from yet, so that this host's own bucket does not answer for Redis.
    assert_eq!(redis.take("after the flush", rule(1, 1)).await, Decision::Allowed);
    assert!(redis.status().is_ok(), "scripts are told again: {:?}", redis.status());
}
