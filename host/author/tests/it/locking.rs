//! Lock files: what was locked is what is fetched.

use crate::typed::{Desk, MANIFEST};

#[tokio::test]
async fn what_is_locked_is_fetched_although_something_newer_is_there() {
    let desk = Desk::new();
    let key = desk.signed("good.wasm", "1.0.0").await;
    desk.run("publish @good.wasm --to dir:@shelf").await.good();
    let locked = desk.run("lock example --in dir:@shelf --lock @plugins.lock").await.json();
    assert_eq!(locked["items"][0]["key"], key.as_str());
    desk.signed("newer.wasm", "1.1.0").await;
    desk.run("publish @newer.wasm --to dir:@shelf").await.good();

    let fetched = desk.run("fetch --locked --lock @plugins.lock --out @got").await.json();
    assert_eq!((&fetched["version"], &fetched["digest"]), (&"1.0.0".into(), &locked["items"][0]["digest"]));
    desk.run("verify --lock @plugins.lock").await.good();
    desk.run("verify @good.wasm --lock @plugins.lock").await.good();
    assert!(desk.run("verify @newer.wasm --lock @plugins.lock").await.bad().contains("the lock file says digest"));
    assert!(desk.run("fetch other --locked --lock @plugins.lock").await.bad().contains("opssight plugin lock"));
    // From a mirror that was carried over: the same bytes.
    desk.run("mirror example@1.0.0 --from dir:@shelf --to mirror:@stick").await.good();
    desk.run("fetch --locked --lock @plugins.lock --in mirror:@stick --out @carried").await.good();
    assert_eq!(desk.read("carried/example-1.0.0.wasm"), desk.read("got/example-1.0.0.wasm"));

    // Locking again moves it on, and keeps the rest.
    desk.run("lock example --in dir:@shelf --lock @plugins.lock").await.good();
    let text = String::from_utf8(desk.read("plugins.lock")).unwrap();
    assert!(text.contains("version = \"1.1.0\"") && !text.contains("1.0.0"), "{text}");
}

#[tokio::test]
async fn a_place_that_exchanged_a_package_is_found_out() {
    let desk = Desk::new();
    desk.signed("good.wasm", "1.0.0").await;
    desk.run("publish @good.wasm --to dir:@shelf").await.good();
    desk.run("lock example --in dir:@shelf --lock @plugins.lock").await.good();
    // The same version, signed by somebody else, lies there now.
    desk.run("keygen @thief.pem").await.good();
    desk.write("plugin.toml", MANIFEST.as_bytes());
    std::fs::remove_file(desk.path("shelf/example-1.0.0.wasm")).unwrap();
    let pack = "pack @component.wasm --manifest @plugin.toml --sign-key @thief.pem --out @forged.wasm";
    desk.run(pack).await.good();
    desk.run("publish @forged.wasm --to dir:@shelf").await.good();
    let outcome = desk.run("fetch --locked --lock @plugins.lock --out @got").await;
    assert!(outcome.bad().contains("no package there has this digest"), "{}", outcome.err);
    assert!(!desk.path("got").exists());
    // And who locks anew is told that the key is another one.
    let again = desk.type_in("lock example --in dir:@shelf --lock @plugins.lock").await;
    assert!(again.err.contains("signed with another key before"), "{}", again.err);
    desk.write("plugins.lock", b"format = 9");
    assert!(desk.run("fetch --locked --lock @plugins.lock").await.bad().contains("format 9"));
}
