//! The ports of installed plugins and of their packages.

use crate::hooks::{delivery, fault};
use crate::ports::{Ports, at, connection};
use opssight_core::connections::Inserted;
use opssight_core::hooks::{DeliveryQuery, DeliveryState, Leasing, Settled, Settlement};
use opssight_core::id::PluginId;
use opssight_core::plugins::Credentials;
use opssight_core::plugins::installs::{Install, PluginEvent, PublisherPin, RevocationTarget, Revoked, Saved};
use opssight_core::plugins::trust::PublisherKey;
use opssight_core::time::Timestamp;
use serde_json::json;

fn plugin() -> PluginId {
    "github".into()
}

fn install(revision: i64) -> Install {
    serde_json::from_value(json!({
        "plugin": "github", "publisher": "opssight", "enabled": true, "previous": null, "highest": "1.2.0",
        "shadow": null, "revision": revision,
        "versions": [{
            "digest": "sha256:1", "signature": { "publisher": "opssight", "key": "ed25519:1" }, "imports": ["a"],
            "exports": ["webhook"], "size": 7, "source": { "from": "folder", "path": "x" }, "installed_at": 5,
            "activated_at": 6, "state": "withdrawn", "reason": "r", "revoked": true,
            "manifest": {
                "id": "github", "version": "1.2.0", "contract": "1.0", "name": "GitHub", "publisher": "opssight",
                "description": "d", "licence": "MIT",
            },
        }],
    }))
    .unwrap()
}

fn event(what: &str) -> PluginEvent {
    PluginEvent {
        seq: 0,
        at: at(1),
        plugin: plugin(),
        digest: Some("sha256:1".to_owned()),
        what: what.to_owned(),
        actor: "admin".to_owned(),
        detail: "a sentence".to_owned(),
    }
}

fn saved(revision: i64) -> Saved {
    Saved { install: install(revision), event: Some(event("installed")), pin: None, repin: None, unpin: Vec::new() }
}

fn pin(key: &str) -> PublisherPin {
    PublisherPin { publisher: "opssight".to_owned(), key: PublisherKey(key.to_owned()), at: at(3) }
}

async fn whats(ports: &Ports) -> Vec<String> {
    let events = ports.installs.events(Some(&plugin()), None, 100).await.unwrap();
    events.into_iter().map(|event| event.what).collect()
}

async fn digest_of(ports: &Ports, id: &str) -> Option<String> {
    let connection = ports.connections.connection(&id.into()).await.unwrap().unwrap();
    connection.digest.map(|digest| digest.to_string())
}

pub(crate) async fn an_install_comes_back_as_it_was_kept(ports: Ports) {
    assert!(ports.installs.save(saved(1)).await.unwrap());
    assert_eq!(ports.installs.install(&plugin()).await.unwrap(), Some(install(1)));
    assert_eq!(ports.installs.installs().await.unwrap(), [install(1)]);
    assert_eq!(ports.installs.install(&"other".into()).await.unwrap(), None);
    let told = ports.installs.events(None, None, 1).await.unwrap().remove(0);
    assert_eq!(PluginEvent { seq: 0, ..told }, event("installed"));
}

pub(crate) async fn a_change_of_what_was_not_seen_is_refused(ports: Ports) {
    assert!(ports.installs.save(saved(1)).await.unwrap());
    let refused = Saved { pin: Some(pin("ed25519:1")), repin: Some("sha256:2".to_owned()), ..saved(1) };
    ports.connect("c", &[]).await;
    for revision in [1, 3] {
        let change = Saved { install: install(revision), ..refused.clone() };
        assert!(!ports.installs.save(change).await.unwrap());
    }
    // Nothing of it happened.
    assert_eq!((whats(&ports).await.len(), digest_of(&ports, "c").await), (1, None));
    assert!(ports.installs.pins().await.unwrap().is_empty());
    assert!(ports.installs.save(Saved { install: install(2), ..refused }).await.unwrap());
    assert_eq!(digest_of(&ports, "c").await.as_deref(), Some("sha256:2"));
    assert_eq!(ports.installs.pin("opssight").await.unwrap(), Some(pin("ed25519:1")));
}

pub(crate) async fn the_first_key_of_a_publisher_stays_until_somebody_changes_it(ports: Ports) {
    assert!(ports.installs.save(Saved { pin: Some(pin("ed25519:1")), ..saved(1) }).await.unwrap());
    assert!(!ports.installs.save(Saved { pin: Some(pin("ed25519:2")), ..saved(2) }).await.unwrap());
    assert!(ports.installs.save(Saved { pin: Some(pin("ed25519:1")), ..saved(2) }).await.unwrap());
    ports.installs.repin("opssight", Some(pin("ed25519:2")), event("trusted")).await.unwrap();
    assert_eq!(ports.installs.pins().await.unwrap(), [pin("ed25519:2")]);
    ports.installs.repin("opssight", None, event("trusted")).await.unwrap();
    assert_eq!(ports.installs.pin("opssight").await.unwrap(), None);
}

pub(crate) async fn connections_follow_what_runs_and_are_let_go_of(ports: Ports) {
    ports.connect("a", &[]).await;
    ports.connect("b", &[]).await;
    let mut other = connection("other");
    other.plugin = "jenkins".into();
    ports.connections.insert(&other, &Credentials::new(), &[]).await.unwrap();
    // In memory from now on.
    assert_eq!(digest_of(&ports, "a").await, None);
    assert_eq!(ports.installs.adopt(&plugin(), "sha256:1").await.unwrap(), 2);
    assert_eq!(ports.installs.adopt(&plugin(), "sha256:2").await.unwrap(), 0);
    assert_eq!(digest_of(&ports, "a").await.as_deref(), Some("sha256:1"));
    let ids = ports.installs.connections_of(&plugin()).await.unwrap();
    assert_eq!(ids, ["a".into(), "b".into()]);
    assert!(ports.installs.save(Saved { repin: Some("sha256:2".to_owned()), ..saved(1) }).await.unwrap());
    assert_eq!(ports.installs.pinned_digests(&plugin()).await.unwrap(), ["sha256:2"]);
    assert!(ports.installs.save(Saved { unpin: vec!["sha256:1".to_owned()], ..saved(2) }).await.unwrap());
    assert_eq!(digest_of(&ports, "b").await.as_deref(), Some("sha256:2"));
    assert!(ports.installs.save(Saved { unpin: vec!["sha256:2".to_owned()], ..saved(3) }).await.unwrap());
    assert_eq!((digest_of(&ports, "a").await, digest_of(&ports, "b").await), (None, None));
    assert!(ports.installs.pinned_digests(&plugin()).await.unwrap().is_empty());
    assert_eq!(digest_of(&ports, "other").await, None);
}

/// A version of the plugin that runs, or none.
fn running(revision: i64, digest: Option<&str>) -> Saved {
    let mut document = serde_json::to_value(install(revision)).unwrap();
    if let Some(digest) = digest {
        let version = &mut document["versions"][0];
        version["digest"] = json!(digest);
        version["state"] = json!("active");
        version.as_object_mut().unwrap().retain(|name, _| name != "reason" && name != "revoked");
    }
    let repin = digest.map(str::to_owned);
    Saved { install: serde_json::from_value(document).unwrap(), repin, ..saved(revision) }
}

/// A connection that is made while its plugin is updated would else run what the update replaced.
pub(crate) async fn a_connection_is_kept_for_the_version_that_runs_then(ports: Ports) {
    let insert = async |id: &str, digest: Option<&str>| {
        let mut new = connection(id);
        new.digest = digest.map(Into::into);
        ports.connections.insert(&new, &Credentials::new(), &["runs".to_owned()]).await.unwrap()
    };
    // Nobody installed it here: there is nothing to compare with.
    assert_eq!(insert("a", Some("sha256:0")).await, Inserted::Kept);
    assert!(ports.installs.save(running(1, Some("sha256:1"))).await.unwrap());
    assert_eq!(insert("b", Some("sha256:1")).await, Inserted::Kept);
    assert!(ports.installs.save(running(2, Some("sha256:2"))).await.unwrap());
    assert_eq!(insert("d", Some("sha256:1")).await, Inserted::OtherVersion(Some("sha256:2".to_owned())));
    assert_eq!(ports.connections.connection(&"d".into()).await.unwrap(), None);
    assert_eq!(insert("d", None).await, Inserted::OtherVersion(Some("sha256:2".to_owned())));
    assert_eq!(ports.connections.connection(&"d".into()).await.unwrap(), None);
    assert_eq!(insert("d", Some("sha256:2")).await, Inserted::Kept);
    assert!(ports.installs.save(running(3, None)).await.unwrap());
    assert_eq!(insert("e", Some("sha256:2")).await, Inserted::OtherVersion(None));
    assert_eq!(insert("e", None).await, Inserted::Kept);
}

/// What was decided by what one version can do is not kept for another.
pub(crate) async fn a_change_is_kept_for_the_version_that_it_was_judged_by(ports: Ports) {
    assert!(ports.installs.save(running(1, Some("sha256:1"))).await.unwrap());
    let mut kept = connection("c");
    kept.digest = Some("sha256:1".into());
    ports.connections.insert(&kept, &Credentials::new(), &[]).await.unwrap();
    assert!(ports.installs.save(running(2, Some("sha256:2"))).await.unwrap());
    kept.enabled = false;
    kept.updated_at = at(1);
    assert!(!ports.connections.update(&kept, None, at(0)).await.unwrap());
    assert!(ports.connections.connection(&kept.id).await.unwrap().unwrap().enabled);
    kept.digest = Some("sha256:2".into());
    assert!(ports.connections.update(&kept, None, at(0)).await.unwrap());
    assert_eq!(ports.connections.connection(&kept.id).await.unwrap(), Some(kept));
}

pub(crate) async fn forgetting_keeps_or_removes_the_connections_and_keeps_the_record(ports: Ports) {
    for with_connections in [false, true] {
        ports.connect("a", &["runs"]).await;
        assert!(ports.installs.save(Saved { repin: Some("sha256:1".to_owned()), ..saved(1) }).await.unwrap());
        assert!(ports.installs.forget(&plugin(), with_connections, event("uninstalled")).await.unwrap());
        assert!(!ports.installs.forget(&plugin(), with_connections, event("uninstalled")).await.unwrap());
        assert_eq!(ports.installs.install(&plugin()).await.unwrap(), None);
        let left = ports.connections.connection(&"a".into()).await.unwrap();
        assert_eq!(left.is_some(), !with_connections);
        assert!(left.is_none_or(|connection| connection.digest.is_none()));
        ports.connections.remove(&"a".into()).await.unwrap();
    }
    assert_eq!(whats(&ports).await, ["uninstalled", "installed", "uninstalled", "installed"]);
    assert!(ports.installs.happened(&plugin(), "uninstalled").await.unwrap());
    assert!(!ports.installs.happened(&"other".into(), "uninstalled").await.unwrap());
    assert!(!ports.installs.happened(&plugin(), "revoked").await.unwrap());
}

pub(crate) async fn revocations_of_every_kind_stay_until_they_are_lifted(ports: Ports) {
    let targets = [
        RevocationTarget::Digest("sha256:1".to_owned()),
        RevocationTarget::Key(PublisherKey("ed25519:1".to_owned())),
        RevocationTarget::Plugin(plugin()),
    ];
    for target in &targets {
        let revoked = |reason: &str| Revoked {
            target: target.clone(),
            reason: reason.to_owned(),
            at: at(4),
            actor: "admin".to_owned(),
        };
        ports.installs.revoke(&revoked("first"), event("revoked")).await.unwrap();
        // The reason that it was revoked for stays.
        ports.installs.revoke(&revoked("second"), event("revoked")).await.unwrap();
    }
    let known = ports.installs.revocations().await.unwrap();
    assert_eq!(known.iter().map(|revoked| revoked.target.clone()).collect::<Vec<_>>(), targets);
    assert!(known.iter().all(|revoked| revoked.reason == "first" && revoked.at == at(4)));
    for target in &targets {
        assert!(ports.installs.pardon(target, event("pardoned")).await.unwrap());
        assert!(!ports.installs.pardon(target, event("pardoned")).await.unwrap());
    }
    assert!(ports.installs.revocations().await.unwrap().is_empty());
    assert_eq!(whats(&ports).await.len(), 9);
}

pub(crate) async fn what_happened_is_read_newest_first_in_pages(ports: Ports) {
    for what in ["a", "b", "c", "d"] {
        ports.installs.note(event(what)).await.unwrap();
    }
    ports.installs.note(PluginEvent { plugin: "other".into(), ..event("e") }).await.unwrap();
    let first = ports.installs.events(Some(&plugin()), None, 3).await.unwrap();
    assert_eq!(first.iter().map(|event| event.what.as_str()).collect::<Vec<_>>(), ["d", "c", "b"]);
    let rest = ports.installs.events(Some(&plugin()), Some(first[2].seq), 3).await.unwrap();
    assert_eq!(rest.iter().map(|event| event.what.as_str()).collect::<Vec<_>>(), ["a"]);
    assert_eq!(ports.installs.events(None, None, 100).await.unwrap().len(), 5);
}

pub(crate) async fn what_a_bad_version_failed_is_processed_again(ports: Ports) {
    ports.connect("c", &[]).await;
    // (id, settled at, whose fault)
    for (id, settled, whose) in [("before", 50, "plugin"), ("hit", 100, "plugin"), ("upstream", 100, "upstream")] {
        ports.inbox.accept(delivery(id)).await.unwrap();
        let leased = ports.inbox.lease(&Leasing::up_to(1, at(40), at(200))).await.unwrap().remove(0);
        let how = Settled::Failed { fault: fault(whose) };
        ports.inbox.settle(Settlement { id: leased.id, fence: leased.fence, now: at(settled), how }).await.unwrap();
    }
    assert_eq!(ports.inbox.replay_faults(&"other".into(), at(90), at(110)).await.unwrap(), 0);
    assert_eq!(ports.inbox.replay_faults(&"c".into(), at(90), at(110)).await.unwrap(), 1);
    assert_eq!(ports.inbox.replay_faults(&"c".into(), at(90), at(110)).await.unwrap(), 0);
    let query = DeliveryQuery { state: Some(DeliveryState::Pending), ..DeliveryQuery::default() };
    let waiting = ports.inbox.deliveries(&query).await.unwrap().items;
    assert_eq!(waiting.iter().map(|delivery| delivery.upstream_id.as_str()).collect::<Vec<_>>(), ["hit"]);
}

pub(crate) async fn packages_are_kept_by_digest(ports: Ports) {
    let digest = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(ports.packages.get(digest).await.unwrap(), None);
    ports.packages.put(digest, b"abc").await.unwrap();
    ports.packages.put(digest, b"abc").await.unwrap();
    ports.packages.put(digest, b"abd").await.unwrap_err();
    assert_eq!(ports.packages.get(digest).await.unwrap().as_deref(), Some(&b"abc"[..]));
    assert_eq!(ports.packages.kept_before(Timestamp(i64::MAX)).await.unwrap(), [digest]);
    ports.packages.remove(digest).await.unwrap();
    ports.packages.remove(digest).await.unwrap();
    assert_eq!(ports.packages.get(digest).await.unwrap(), None);
}
