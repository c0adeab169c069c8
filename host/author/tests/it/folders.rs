//! Publishing, finding, fetching and mirroring, with folders as places. Registries are tried in the crate
//! `opssight-distribution` and through the binary.

use crate::typed::Desk;

#[tokio::test]
async fn a_package_goes_out_is_found_and_comes_back() {
    let desk = Desk::new();
    let key = desk.signed("good.wasm", "1.0.0").await;
    let published = desk.run("publish @good.wasm --to dir:@shelf").await.json();
    assert_eq!((&published["published"], &published["key"]), (&true.into(), &key.as_str().into()));
    assert!(published["reference"].as_str().unwrap().ends_with("shelf/example@1.0.0"));
    let again = desk.type_in("publish @good.wasm --to dir:@shelf").await;
    assert!(again.good().contains("example@1.0.0 sha256:") && again.err.contains("already"), "{again:?}");

    let found = desk.run("search pipelines --in dir:@shelf").await.json();
    let entry = &found["items"][0];
    assert_eq!(
        (&entry["id"], &entry["version"], &entry["key"]),
        (&"example".into(), &"1.0.0".into(), &key.as_str().into())
    );
    let people = desk.type_in("search --in dir:@shelf").await;
    assert!(people.good().starts_with("ID       VERSION  PUBLISHER"), "{}", people.out);
    assert!(desk.type_in("search nothing --in dir:@shelf").await.good().is_empty());

    let fetched = desk.run("fetch example@^1 --in dir:@shelf --out @got").await.json();
    assert!(fetched["file"].as_str().unwrap().ends_with("got/example-1.0.0.wasm"));
    assert_eq!(desk.read("got/example-1.0.0.wasm"), desk.read("good.wasm"));
    let inspected = format!("inspect dir:{}/example@1.0.0", desk.path("shelf").display());
    assert_eq!(desk.run(&inspected).await.json()["digest"], fetched["digest"]);
    assert!(desk.run("fetch example@2 --in dir:@shelf").await.bad().contains("there are 1.0.0"));
    assert!(desk.run("fetch example --in dir:@nowhere").await.bad().contains("reach dir:"));
}

#[tokio::test]
async fn only_what_is_signed_and_not_changed_is_published() {
    let desk = Desk::new();
    desk.signed("good.wasm", "1.0.0").await;
    desk.run("pack @component.wasm --manifest @plugin.toml --out @unsigned.wasm").await.good();
    assert!(desk.run("publish @unsigned.wasm --to dir:@shelf").await.bad().contains("opssight plugin sign"));
    desk.run("publish @good.wasm --to dir:@shelf").await.good();
    let text = String::from_utf8(desk.read("plugin.toml")).unwrap().replace("Pipelines of", "Other things of");
    desk.write("plugin.toml", text.as_bytes());
    let pack = "pack @component.wasm --manifest @plugin.toml --sign-key @publisher.pem --out @changed.wasm";
    desk.run(pack).await.good();
    assert!(desk.run("publish @changed.wasm --to dir:@shelf").await.bad().contains("a version does not change"));
    // A place that cannot be one is a mistake of the command line.
    for line in [
        "publish @good.wasm --to https://example.org",
        "search --in oci://",
        "fetch UPPER --in dir:@shelf",
        "search",
        "fetch --in dir:@shelf",
    ] {
        assert_eq!(desk.run(line).await.code, 2, "{line}");
    }
}

#[tokio::test]
async fn a_mirror_holds_what_was_asked_for() {
    let desk = Desk::new();
    for version in ["1.0.0", "1.1.0", "2.0.0"] {
        desk.signed("good.wasm", version).await;
        desk.run("publish @good.wasm --to dir:@shelf").await.good();
    }
    let copied = desk.run("mirror example@^1 --from dir:@shelf --to mirror:@stick").await.json();
    assert_eq!(copied["items"][0]["version"], "1.1.0");
    let versions = |copied: &serde_json::Value| copied["items"].as_array().unwrap().len();
    assert_eq!(versions(&desk.run("mirror --from dir:@shelf --to mirror:@stick").await.json()), 1);
    let all = desk.run("mirror --all-versions --from dir:@shelf --to mirror:@stick").await.json();
    assert_eq!(versions(&all), 3);
    let new = all["items"].as_array().unwrap().iter().filter(|item| item["published"] == true).count();
    assert_eq!(new, 1);
    assert_eq!(desk.run("search --in mirror:@stick").await.json()["items"][0]["version"], "2.0.0");
    desk.run("fetch example@1.0.0 --in mirror:@stick --out @got").await.good();
}
