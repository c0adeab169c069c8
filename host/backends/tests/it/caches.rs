//! Rates, values and locks, as two hosts see them that share them. In one process both are the same.

use opssight_backends::{LocalCache, RedisCache, RedisOptions, SystemClock, SystemRandomness};
use opssight_core::cache::Cache;
use opssight_core::limits::{Decision, RateLimiter, Rule};
use opssight_core::locks::Locks;
use opssight_core::time::Clock;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

pub(crate) trait Kept: RateLimiter + Cache + Locks {}

impl<T: RateLimiter + Cache + Locks> Kept for T {}

pub(crate) struct Pair {
    one: Arc<dyn Kept>,
    other: Arc<dyn Kept>,
}

pub(crate) async fn local() -> Pair {
    let one = Arc::new(LocalCache::new(Arc::new(SystemClock), Arc::new(SystemRandomness)));
    Pair { one: one.clone(), other: one }
}

/// Two clients of one Redis, under a prefix that nobody else has.
pub(crate) async fn redis() -> Pair {
    let options = options(&server());
    let open = async || Arc::new(RedisCache::open(options.clone()).await.unwrap());
    Pair { one: open().await, other: open().await }
}

#[expect(clippy::disallowed_methods, reason = "`cargo xtask test` says where its server is")]
pub(crate) fn server() -> String {
    std::env::var("OPSSIGHT_TEST_REDIS").expect(
        "OPSSIGHT_TEST_REDIS is not set: `cargo xtask test` starts a Redis and sets it; for one test, run \
         `cargo xtask services` beside it and set what that prints",
    )
}

/// Patient, because what is counted here must not depend on how busy the machine is.
pub(crate) fn options(address: &str) -> RedisOptions {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let (now, count) = (SystemClock.now().0, COUNT.fetch_add(1, Ordering::Relaxed));
    RedisOptions {
        address: address.to_owned(),
        prefix: format!("test:{now}:{}:{count}", std::process::id()),
        patience: Duration::from_secs(10),
        ca_pem: None,
        random: Arc::new(SystemRandomness),
    }
}

pub(crate) fn rule(per_second: u32, burst: u32) -> Rule {
    Rule { per_second: NonZeroU32::new(per_second).unwrap(), burst: NonZeroU32::new(burst).unwrap() }
}

/// The most that a rule lets happen in some time. One more, because clocks count in whole microseconds.
pub(crate) fn most(rule: Rule, passed: Duration) -> f64 {
    f64::from(rule.burst.get()) + f64::from(rule.per_second.get()) * (passed.as_secs_f64() + 0.000_01)
}

pub(crate) async fn takes(limiter: &dyn Kept, key: &str, rule: Rule, times: u32) -> u32 {
    let mut allowed = 0;
    for _ in 0..times {
        allowed += u32::from(limiter.take(key, rule).await == Decision::Allowed);
    }
    allowed
}

pub(crate) async fn a_burst_is_shared_and_then_the_rate(pair: Pair) {
    let (rule, begun) = (rule(20, 10), Instant::now());
    let mut allowed = 0;
    for _ in 0..10 {
        allowed += takes(&*pair.one, "key", rule, 1).await + takes(&*pair.other, "key", rule, 2).await;
    }
    assert!(allowed >= 10 && f64::from(allowed) <= most(rule, begun.elapsed()), "{allowed} in {:?}", begun.elapsed());
    assert_eq!(takes(&*pair.other, "another key", rule, 10).await, 10, "each key has a bucket of its own");
    // Whoever waits as long as told is let in, if nobody else comes.
    let retry_after = loop {
        if let Decision::Refused { retry_after } = pair.one.take("key", rule).await {
            break retry_after;
        }
    };
    assert!(retry_after <= Duration::from_millis(50), "{retry_after:?}");
    tokio::time::sleep(retry_after + Duration::from_millis(2)).await;
    assert_eq!(pair.other.take("key", rule).await, Decision::Allowed);
    // And who never stops trying gets all of the rate.
    let (begun, mut allowed) = (Instant::now(), 0);
    while begun.elapsed() < Duration::from_millis(500) {
        allowed += takes(&*pair.one, "key", rule, 1).await + takes(&*pair.other, "key", rule, 1).await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!((7..=13).contains(&allowed), "{allowed} of about ten in half a second");
}

/// However hosts come together, all of them together are never allowed more than the burst and the rate.
pub(crate) async fn no_interleaving_is_allowed_more(pair: Pair) {
    let pair = Arc::new(pair);
    let handle = tokio::runtime::Handle::current();
    let property = move || {
        let config = Config { cases: 24, max_shrink_iters: 0, ..Config::default() };
        let pauses = prop::collection::vec(prop::collection::vec(0_u64..6_000, 1..40), 1..6);
        let strategy = (1_u32..2_000, 1_u32..30, pauses);
        let cases = AtomicU32::new(0);
        TestRunner::new(config)
            .run(&strategy, |(per_second, burst, hosts)| {
                let (rule, key) = (rule(per_second, burst), cases.fetch_add(1, Ordering::Relaxed).to_string());
                let (allowed, passed) = handle.block_on(together(&pair, &key, rule, hosts));
                prop_assert!(f64::from(allowed) <= most(rule, passed), "{} in {:?} by {:?}", allowed, passed, rule);
                Ok(())
            })
            .unwrap();
    };
    tokio::task::spawn_blocking(property).await.unwrap();
}

async fn together(pair: &Arc<Pair>, key: &str, rule: Rule, hosts: Vec<Vec<u64>>) -> (u32, Duration) {
    let begun = Instant::now();
    let hosts = hosts.into_iter().enumerate().map(|(at, pauses)| {
        let (pair, key) = (Arc::clone(pair), key.to_owned());
        tokio::spawn(async move {
            let mut allowed = 0;
            for micros in pauses {
                tokio::time::sleep(Duration::from_micros(micros)).await;
                let limiter = if at % 2 == 0 { &pair.one } else { &pair.other };
                allowed += takes(&**limiter, &key, rule, 3).await;
            }
            allowed
        })
    });
    let allowed = futures::future::join_all(hosts).await.into_iter().map(Result::unwrap).sum();
    (allowed, begun.elapsed())
}

const LONG: Duration = Duration::from_secs(600);
const SHORT: Duration = Duration::from_millis(150);

pub(crate) async fn a_value_comes_back_until_its_time_is_over(pair: Pair) {
    let odd = "sessions:ä b\n*\u{0}";
    let bytes: Vec<u8> = (0..=255).collect();
    assert_eq!(pair.one.get(odd).await.unwrap(), None);
    pair.one.put(odd, &bytes, LONG).await.unwrap();
    assert_eq!(pair.other.get(odd).await.unwrap(), Some(bytes));
    pair.other.put(odd, b"", LONG).await.unwrap();
    assert_eq!(pair.one.get(odd).await.unwrap(), Some(Vec::new()), "the later one replaces it");
    pair.one.put(odd, b"short", SHORT).await.unwrap();
    assert_eq!(pair.one.get(odd).await.unwrap(), Some(b"short".to_vec()));
    tokio::time::sleep(SHORT * 2).await;
    assert_eq!(pair.other.get(odd).await.unwrap(), None, "with the shorter life of the later one");
    assert!(!pair.one.delete(odd).await.unwrap());
    pair.one.put("never", b"again", Duration::MAX).await.unwrap();
    assert_eq!(pair.other.get("never").await.unwrap(), Some(b"again".to_vec()), "time without end is a long time");
}

pub(crate) async fn of_those_who_put_at_once_one_succeeds(pair: Pair) {
    for round in 0..10 {
        let key = format!("nonce {round}");
        let tries = (0..40_u8).map(|n| {
            let who = if n % 2 == 0 { Arc::clone(&pair.one) } else { Arc::clone(&pair.other) };
            let key = key.clone();
            tokio::spawn(async move { who.put_if_absent(&key, &[n], LONG).await.unwrap().then_some(n) })
        });
        let won: Vec<u8> = futures::future::join_all(tries).await.into_iter().filter_map(Result::unwrap).collect();
        assert_eq!(won.len(), 1, "{won:?}");
        assert_eq!(pair.one.get(&key).await.unwrap(), Some(won));
    }
    assert!(pair.one.put_if_absent("again", b"1", SHORT).await.unwrap());
    assert!(!pair.other.put_if_absent("again", b"2", SHORT).await.unwrap());
    tokio::time::sleep(SHORT * 2).await;
    assert!(pair.other.put_if_absent("again", b"3", SHORT).await.unwrap(), "what is over is not there");
}

pub(crate) async fn a_value_is_deleted_only_if_it_is_the_one_that_was_meant(pair: Pair) {
    pair.one.put("key", b"mine", LONG).await.unwrap();
    assert!(!pair.other.delete_if("key", b"another").await.unwrap());
    assert_eq!(pair.one.get("key").await.unwrap(), Some(b"mine".to_vec()));
    assert!(pair.other.delete_if("key", b"mine").await.unwrap());
    assert!(!pair.one.delete_if("key", b"mine").await.unwrap());
    pair.one.put("key", b"mine", LONG).await.unwrap();
    assert!(pair.other.delete("key").await.unwrap());
    assert_eq!(pair.one.get("key").await.unwrap(), None);
}

pub(crate) async fn a_lock_has_one_holder_and_each_a_higher_fence(pair: Pair) {
    let held = pair.one.lock("sweep", LONG).await.unwrap();
    assert_eq!(pair.other.lock("sweep", LONG).await, None);
    assert_eq!(pair.one.lock("sweep", LONG).await, None, "not even by the same host");
    assert!(pair.other.lock("another", LONG).await.is_some());
    assert!(pair.one.renew(&held, LONG).await && pair.one.release(&held).await);
    assert!(!pair.one.renew(&held, LONG).await && !pair.one.release(&held).await, "let go of once");
    let mut fence = held.fence;
    for round in 0..10 {
        let tries = (0..20).map(|n| {
            let who = if n % 2 == 0 { Arc::clone(&pair.one) } else { Arc::clone(&pair.other) };
            tokio::spawn(async move { who.lock("sweep", LONG).await })
        });
        let mut held: Vec<_> = futures::future::join_all(tries).await.into_iter().filter_map(Result::unwrap).collect();
        let lock = held.pop().unwrap();
        assert!(held.is_empty() && lock.fence > fence, "round {round}");
        fence = lock.fence;
        assert!(pair.other.release(&lock).await, "whoever has the lock can let go of it");
    }
}

pub(crate) async fn a_lock_that_ran_out_is_no_longer_its_holders(pair: Pair) {
    let late = pair.one.lock("sweep", SHORT).await.unwrap();
    assert!(pair.one.renew(&late, SHORT * 4).await);
    tokio::time::sleep(SHORT * 2).await;
    assert_eq!(pair.other.lock("sweep", LONG).await, None, "it was held for longer");
    tokio::time::sleep(SHORT * 4).await;
    let next = pair.other.lock("sweep", LONG).await.unwrap();
    assert!(next.fence > late.fence);
    assert!(!pair.one.renew(&late, LONG).await && !pair.one.release(&late).await);
    assert_eq!(pair.one.lock("sweep", LONG).await, None, "the late one changed nothing");
    assert!(pair.other.release(&next).await);
}
