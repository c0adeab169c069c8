use super::*;

fn assets() -> Assets {
    let files = [
        "index.html",
        "404.html",
        "pipelines/index.html",
        "pipelines/index.txt",
        "pipelines/_/index.html",
        "pipelines/_/index.txt",
        "pipelines/_/__next._tree.txt",
        "connections/index.html",
        "connections/new/index.html",
        "connections/_/index.html",
        "_next/static/chunks/[id]-1f.js",
        "favicon.ico",
    ];
    Assets::of(files.into_iter().map(|path| (path.to_owned(), Bytes::from(path.to_owned()), "ab".repeat(32))))
}

#[test]
fn a_path_finds_its_file_or_the_page_about_one_thing() {
    let assets = assets();
    let check = |path: &str, expect: Option<&str>| {
        let found = assets.find(path).map(|file| String::from_utf8(file.body.to_vec()).unwrap());
        assert_eq!(found.as_deref(), expect, "{path}");
    };
    check("/", Some("index.html"));
    check("/pipelines", Some("pipelines/index.html"));
    check("/pipelines/", Some("pipelines/index.html"));
    check("/pipelines/index.txt", Some("pipelines/index.txt"));
    check("/pipelines/run_1/", Some("pipelines/_/index.html"));
    check("/pipelines/run_1", Some("pipelines/_/index.html"));
    check("/pipelines/run_1/index.txt", Some("pipelines/_/index.txt"));
    check("/pipelines/run_1/__next._tree.txt", Some("pipelines/_/__next._tree.txt"));
    check("/pipelines/run_1/deeper/", None);
    check("/connections/new/", Some("connections/new/index.html"));
    check("/connections/github-1/", Some("connections/_/index.html"));
    check("/_next/static/chunks/%5Bid%5D-1f.js", Some("_next/static/chunks/[id]-1f.js"));
    check("/nothing", None);
    check("/../Cargo.toml", None);
    check("/%2e%2e/%", None);
    check("/%ff", None);
}

#[test]
fn only_what_carries_its_hash_is_kept_for_ever() {
    let assets = assets();
    let header = |path: &str, name| {
        let response = assets.find(path).unwrap().respond(StatusCode::OK, None);
        response.headers().get(name).map(|value| value.to_str().unwrap().to_owned())
    };
    let cache = |path: &str| header(path, header::CACHE_CONTROL).unwrap();
    assert_eq!(cache("/_next/static/chunks/%5Bid%5D-1f.js"), "public, max-age=31536000, immutable");
    assert_eq!(cache("/"), "no-cache");
    assert_eq!(header("/favicon.ico", header::CONTENT_TYPE).unwrap(), "image/x-icon");
    assert!(header("/", header::CONTENT_SECURITY_POLICY).is_some());
    assert!(header("/favicon.ico", header::CONTENT_SECURITY_POLICY).is_none());
}

#[test]
fn a_script_may_run_as_a_worker_that_asks_the_api() {
    let response = assets().find("/_next/static/chunks/%5Bid%5D-1f.js").unwrap().respond(StatusCode::OK, None);
    let policy = response.headers().get(header::CONTENT_SECURITY_POLICY).unwrap().to_str().unwrap();
    assert!(policy.contains("script-src 'self'; connect-src 'self'"), "{policy}");
}

#[test]
fn a_page_that_the_browser_has_is_not_sent_again() {
    let assets = assets();
    let page = assets.find("/").unwrap();
    let known = HeaderValue::from_str(&page.etag).unwrap();
    let response = page.respond(StatusCode::OK, Some(&known));
    assert_eq!(response.status(), 304);
    assert_eq!(page.respond(StatusCode::NOT_FOUND, Some(&known)).status(), 404);
}
