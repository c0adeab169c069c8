//! Row 75, where the house keeps something and tries again: deliveries. They wait in the real inbox, and are worked
//! through as the host's worker does it, by versions of a plugin that hang, die, lie and say nothing.

use crate::arena::Arena;
use crate::case::{Case, Ran, case};
use crate::desk::Desk;
use crate::rows::items::{FIRST, Thing, giving_after};
use crate::rows::packages::key;
use crate::wasm::{FOR_AN_HOUR, SLEEP};
use anyhow::{Context, Result, bail, ensure};
use opssight_core::hooks::{DeliveryQuery, DeliveryState, Inbox, LeasedDelivery, Leasing, NewDelivery};
use opssight_core::id::ConnectionId;
use opssight_core::page::PageOf;
use opssight_core::pipelines::{RunQuery, RunStore};
use opssight_core::plugins::installs::Approval;
use opssight_core::time::Clock;
use opssight_package::{SigningKey, sign};
use serde_json::json;
use std::collections::BTreeMap;

pub(super) const CASES: &[Case] = &[
    case!(Notifier "75e" "deliveries-survive", "versions that hang, spin, die, answer nonsense, lie and say nothing get deliveries, and the host crashes with one in its hand" => "keep each delivery with what went wrong; give it to the version before; each has its effect once", survive).cpu(30_000),
    case!(Notifier "75f" "deliveries-and-leases", "a worker stalls with a delivery in its hand until the lease is somebody else's, and then goes on" => "the one that came late changes nothing", late),
];

/// Deliveries that each bad version gets: fewer than open a breaker.
const EACH: usize = 2;

/// Understands its deliveries: each is a run whose id stands in it.
fn good(arena: &Arena) -> Vec<u8> {
    let word = |at: usize, value: &str| format!("(i32.store (i32.const {}) {value})", FIRST + at);
    let own = [
        word(0, "(i32.add (local.get 2) (i32.const 7))"),
        word(4, "(i32.const 4)"),
        word(52, "(local.get 2)"),
        word(56, "(local.get 3)"),
    ];
    let thing = Thing { payload: Vec::new(), ..Thing::default() };
    giving_after(arena, &[thing], "", &own.concat(), json!({ "publisher": "acme", "version": "1.0.0" }))
}

fn body(number: usize) -> Vec<u8> {
    format!(r#"{{"id":"{number:04}","attempt":1,"service":"o/r"}}"#).into_bytes()
}

/// What a bad version does first, and what its deliveries are found as.
const BAD: [(&str, &str, &str); 6] = [
    ("dies", "(unreachable)", "trap"),
    ("hangs", FOR_AN_HOUR, "budget.wall"),
    ("spins", "(loop $l (br $l))", "budget.cpu"),
    ("answers nonsense", "(return (i32.const -8))", "trap"),
    ("lies", "", "bad-item"),
    ("says nothing", "(return (i32.const 1024))", ""),
];

fn bad(arena: &Arena, number: usize) -> Vec<u8> {
    let lie = Thing { payload: br#"{"attempt":-1}"#.to_vec(), ..Thing::default() };
    let more = json!({ "publisher": "acme", "version": format!("2.{number}.0") });
    giving_after(arena, &[lie], SLEEP, BAD[number].1, more)
}

/// A connection with its inbox.
struct Post<'a> {
    arena: &'a Arena,
    desk: Desk,
    connection: ConnectionId,
    sent: usize,
}

impl<'a> Post<'a> {
    async fn open(arena: &'a Arena, key: &SigningKey) -> Result<Self> {
        let desk = Desk::new(arena).await?;
        ensure!(desk.install(&sign(&good(arena), "acme", key)?).await? == Approval::Active, "the good version waits");
        desk.connect(arena).await?;
        Ok(Self { arena, desk, connection: arena.connection(), sent: 0 })
    }

    async fn deliver(&mut self, count: usize) -> Result<()> {
        for _ in 0..count {
            let delivery = NewDelivery {
                connection: self.connection.clone(),
                upstream_id: self.sent.to_string(),
                event: None,
                headers: Vec::new(),
                body: body(self.sent),
                received_at: self.arena.clock.now(),
            };
            ensure!(
                !self.desk.store.accept(delivery).await?.duplicate,
                "a delivery that is new is taken for an old one"
            );
            self.sent += 1;
        }
        Ok(())
    }

    async fn lease(&self, secs: i64) -> Result<Vec<LeasedDelivery>> {
        let now = self.arena.clock.now();
        Ok(self.desk.store.lease(&Leasing::up_to(10, now, now.plus_secs(secs))).await?)
    }

    async fn lease_one(&self, secs: i64) -> Result<LeasedDelivery> {
        let mut leased = self.lease(secs).await?;
        match leased.pop() {
            Some(one) if leased.is_empty() => Ok(one),
            other => bail!("{} deliveries are due", leased.len() + usize::from(other.is_some())),
        }
    }

    /// Until nothing is due.
    async fn work(&self) -> Result<()> {
        loop {
            let leased = self.lease(60).await?;
            if leased.is_empty() {
                return Ok(());
            }
            for one in leased {
                ensure!(self.desk.processor(self.arena).process(one).await?, "a lease was lost that nobody else had");
            }
            self.arena.clock.advance_secs(1);
        }
    }

    /// How many deliveries are in which state, with which code.
    async fn states(&self) -> Result<BTreeMap<(&'static str, String), usize>> {
        let query = DeliveryQuery { page: PageOf { after: None, limit: 200 }, ..DeliveryQuery::default() };
        let mut states = BTreeMap::new();
        for row in self.desk.store.deliveries(&query).await?.items {
            let code = row.fault.map(|fault| fault.code).unwrap_or_default();
            *states.entry((row.state.as_str(), code)).or_insert(0) += 1;
        }
        Ok(states)
    }

    async fn runs(&self) -> Result<usize> {
        let query = RunQuery { page: PageOf { after: None, limit: 200 }, ..RunQuery::default() };
        Ok(self.desk.store.runs(&query).await?.items.len())
    }

    /// Every delivery is done with, and each has its effect once.
    async fn all_done(&self) -> Result<()> {
        let (states, runs) = (self.states().await?, self.runs().await?);
        let done = BTreeMap::from([((DeliveryState::Done.as_str(), String::new()), self.sent)]);
        ensure!(states == done, "of {} deliveries: {states:?}", self.sent);
        ensure!(runs == self.sent, "{} deliveries made {runs} runs", self.sent);
        Ok(())
    }
}

async fn survive(arena: &Arena) -> Ran {
    let key = key();
    let mut post = Post::open(arena, &key).await?;
    post.deliver(EACH).await?;
    post.work().await?;
    post.all_done().await.context("with the good version")?;
    let good = opssight_core::plugins::digest_of(&sign(&good(arena), "acme", &key)?);
    for (number, (what, _, code)) in BAD.iter().enumerate() {
        arena.clock.advance_secs(1);
        let update = sign(&bad(arena, number), "acme", &key)?;
        ensure!(post.desk.update(&update).await? == Approval::Active, "the version that {what} waits");
        post.deliver(EACH).await?;
        post.work().await?;
        let states = post.states().await?;
        let state = if code.is_empty() { DeliveryState::Ignored } else { DeliveryState::Failed };
        let found = states.get(&(state.as_str(), (*code).to_owned())).copied().unwrap_or_default();
        ensure!(found == EACH, "the version that {what} left {states:?}");
        // One more is on its way when the host crashes: nothing has been said about it.
        post.deliver(1).await?;
        ensure!(post.lease(3_600).await?.len() == 1, "the last delivery is not due");
        post.desk = post.desk.after_a_crash(arena).await?;
        let plugin = arena.plugin();
        post.desk.installs.rollback(&plugin, Some(&good), "case", "it failed").await.context("roll back")?;
        if code.is_empty() {
            // Nobody can see that a plugin did not understand what it says it did: a person puts these back in line.
            let query = DeliveryQuery { state: Some(DeliveryState::Ignored), ..DeliveryQuery::default() };
            for row in post.desk.store.deliveries(&query).await?.items {
                ensure!(post.desk.store.replay(&row.id, arena.clock.now()).await?, "its body is gone");
            }
        }
        post.work().await?;
        post.all_done().await.with_context(|| format!("after the version that {what}"))?;
    }
    // What was done can be done again, and changes nothing.
    let query = DeliveryQuery { page: PageOf { after: None, limit: 200 }, ..DeliveryQuery::default() };
    for row in post.desk.store.deliveries(&query).await?.items {
        ensure!(post.desk.store.replay(&row.id, arena.clock.now()).await?, "its body is gone");
    }
    post.work().await?;
    post.all_done().await.context("after all were replayed")?;
    post.desk.uninstall(arena).await?;
    Ok(format!("{} deliveries, {} crashes, 0 lost, 0 twice", post.sent, BAD.len()))
}

async fn late(arena: &Arena) -> Ran {
    let key = key();
    let mut post = Post::open(arena, &key).await?;
    post.deliver(1).await?;
    let first = post.lease_one(2).await.context("lease it")?;
    // The worker stalls with it in its hand; its lease runs out meanwhile.
    let processor = post.desk.processor(arena);
    arena.clock.advance_secs(3);
    let second = post.lease_one(60).await.context("lease it again")?;
    ensure!(second.attempts == 2 && second.fence > first.fence, "the second lease is {second:?}");
    ensure!(processor.process(second).await?, "the second worker lost its lease");
    post.all_done().await?;
    if processor.process(first).await? {
        bail!("the worker that came late settled the delivery again");
    }
    post.all_done().await?;
    post.desk.uninstall(arena).await?;
    Ok("settled once; the late one was refused".to_owned())
}
