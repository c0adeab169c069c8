use super::Live;
use opssight_testkit::plugins::Manifest;
use std::fs;

const MANIFEST: &str = r#"
id = "mine"
version = "1.0.0"
contract = "1.0"
name = "Mine"
publisher = "acme"
description = "Mine."
licence = "MIT"

[settings]
type = "object"
properties.base_url = { type = "string", default = "https://ci.example.com" }

[[credentials]]
name = "api"
title = "API"

[[credentials.schemes]]
scheme = "basic"
title = "Account"
inputs = [{ name = "username", title = "Name" }, { name = "password", title = "Password", secret = true }]
"#;

fn open(text: &str) -> Result<Live, String> {
    let desk = tempfile::tempdir().unwrap();
    fs::write(desk.path().join("password.txt"), "c4n4ry-c4n4ry\n").unwrap();
    fs::write(desk.path().join("short.txt"), "c4n4ry\n").unwrap();
    let path = desk.path().join("live.toml");
    fs::write(&path, text).unwrap();
    let manifest: Manifest = toml::from_str(MANIFEST).unwrap();
    Live::open(&path, &manifest).map_err(|error| format!("{error:#}"))
}

#[test]
fn a_connection_has_the_manifests_defaults_and_its_secrets_from_where_they_are() {
    let api = "[credentials.api]\nscheme = \"basic\"\n";
    let live =
        open(&format!("{api}inputs = {{ username = {{ text = \"ada\" }}, password = {{ file = \"password.txt\" }} }}"));
    let live = live.unwrap();
    assert_eq!(live.base_url(), Some("https://ci.example.com"));
    assert_eq!(live.credentials["api"].inputs["username"], "ada");
    assert_eq!(live.credentials["api"].inputs["password"], "c4n4ry-c4n4ry");
    assert!(live.grants.networks.is_empty() && !live.grants.insecure_http);
}

#[test]
fn an_address_that_is_empty_stands_for_nothing() {
    assert_eq!(open("[settings]\nbase_url = \"\"").unwrap().base_url(), None);
}

#[test]
fn what_is_wrong_with_a_connection_is_said_with_its_place() {
    for (text, says) in [
        ("[credentials.other]\nscheme = \"basic\"", "credentials.other: plugin.toml declares no such credential"),
        ("[credentials.api]\nscheme = \"bearer\"", "there is no scheme \"bearer\"; there are basic"),
        ("[credentials.api]\nscheme = \"basic\"\ninputs.user = { text = \"a\" }", "basic has no input \"user\""),
        ("[credentials.api]\nscheme = \"basic\"\ninputs.password = { text = \"a\" }", "say where it is"),
        ("[credentials.api]\nscheme = \"basic\"\ninputs.password = { env = \"OPSSIGHT_NOT_SET\" }", "OPSSIGHT_NOT_SET"),
        ("[credentials.api]\nscheme = \"basic\"\ninputs.password = { file = \"nowhere\" }", "nowhere"),
        ("[credentials.api]\nscheme = \"basic\"\ninputs.password = { file = \"short.txt\" }", "fewer than 8 bytes"),
        ("[credentials.api]\nscheme = \"basic\"\ninputs.password = {}", "give one of env, file and text"),
        ("[credential]", "unknown field"),
        ("[settings]\nbase_url = 7", "live.toml: settings: "),
    ] {
        let told = open(text).err().unwrap_or_else(|| panic!("taken: {text}"));
        assert!(told.contains(says), "{text}: {told}");
    }
}
