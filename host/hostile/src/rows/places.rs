//! Row 74, where packages come from: a catalogue that goes back in time.

use crate::arena::Arena;
use crate::case::{Case, Ran, case};
use crate::desk::Desk;
use crate::rows::packages::{key, plain, refused};
use anyhow::ensure;
use opssight_core::plugins::catalogue::{Catalogue, CatalogueError};
use opssight_distribution::{Open, Package, Place, Places, RegistryCredentials};
use opssight_package::sign;
use serde_json::{Value, json};

pub(super) const CASES: &[Case] = &[
    case!(Packages "74h" "frozen-feed", "the place that it comes from offers an old, well-sealed version again and again, puts an old index back, and dates it in the past and in the future" => "refuse each time; whoever saw more is told that it is withheld (whoever never did cannot know)", frozen),
];

async fn frozen(arena: &Arena) -> Ran {
    let (desk, key) = (Desk::new(arena).await?, key());
    let old = sign(&plain(arena, json!({ "version": "1.0.0" })), "acme", &key)?;
    let new = sign(&plain(arena, json!({ "version": "1.0.1" })), "acme", &key)?;
    ensure!(desk.install(&new).await.is_ok(), "the newer version is refused");
    for _ in 0..20 {
        refused(desk.install(&old).await, "downgrade")?;
        refused(desk.agreeing(&old, None).await, "downgrade")?;
    }
    let install = desk.installs.find(&arena.plugin()).await?;
    ensure!(
        install.active().is_some_and(|version| version.digest == opssight_core::plugins::digest_of(&new)),
        "another version runs"
    );
    let shelf = frozen_index(&desk, &old, &new).await?;
    desk.uninstall(arena).await?;
    Ok(format!("40 refused: downgrade; {shelf}"))
}

/// The same through a place whose index goes back. A date in it is believed by nobody: whoever can write the index can
/// write the date.
async fn frozen_index(desk: &Desk, old: &[u8], new: &[u8]) -> Ran {
    let folder = tempfile::TempDir::new()?;
    let place: Place = format!("mirror:{}", folder.path().display()).parse()?;
    let mirror = Open::new(&place, &RegistryCredentials::default())?;
    let index = folder.path().join("index.json");
    let put = |package: &[u8]| Package::read(package.to_vec()).map_err(anyhow::Error::msg);
    mirror.publish(&put(old)?).await?;
    let before: Value = serde_json::from_slice(&std::fs::read(&index)?)?;
    mirror.publish(&put(new)?).await?;
    let id = put(new)?.manifest.id;
    let places = Places::new(vec![mirror.clone()]);
    ensure!(places.fetch(&id, None).await?.0 == new, "the newest is another one");
    for date in ["", "1970-01-01T00:00:00Z", "2025-11-22T00:00:00Z", "2999-01-01T00:00:00Z", "not a date"] {
        let mut frozen = before.clone();
        if !date.is_empty() {
            frozen["made_at"] = json!(date);
        }
        std::fs::write(&index, frozen.to_string())?;
        let told = places.fetch(&id, None).await.err();
        ensure!(matches!(told, Some(CatalogueError::WentBack { .. })), "dated {date:?}: {told:?}");
        let told = places.search("", 10).await?.problems;
        ensure!(told.iter().any(|problem| problem.contains("withheld")), "dated {date:?}: {told:?}");
        // Whoever does not remember gets the old one, and it is still older than what runs.
        let (package, _) = Places::new(vec![mirror.clone()]).fetch(&id, None).await?;
        refused(desk.install(&package).await, "downgrade")?;
    }
    // A version that nobody made.
    let mut invented = before;
    invented["packages"][0]["version"] = json!("99.0.0");
    std::fs::write(&index, invented.to_string())?;
    let told = places.fetch(&id, None).await.err();
    let refused = matches!(told, Some(CatalogueError::NotThePlugin { .. } | CatalogueError::WentBack { .. }));
    ensure!(refused, "an invented version: {told:?}");
    Ok("5 indices went back, 1 was invented".to_owned())
}
