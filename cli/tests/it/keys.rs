//! `opssight keys` and `opssight can`.

use crate::api::Api;
use crate::run;

const MADE: &str = r#"{ "secret": "opskey_once", "key": {
    "id": "key_3", "name": "ci", "role": "operator", "created_at": "2026-11-10T12:00:00Z", "created_by": "admin",
    "expires_at": "2026-12-10T12:00:00Z", "last_used_at": null
} }"#;

#[tokio::test]
async fn a_key_is_made_as_it_was_asked_for_and_shown_once() {
    let api = Api::start().await;
    api.says("POST /api/v1/keys", 201, MADE);
    let made = run(&["keys", "make", "ci", "--role", "operator", "--days", "30"]).on(&api).await;
    assert_eq!(made.code, 0, "{}", made.err);
    assert!(made.out.contains("opskey_once") && made.out.contains("key_3"), "{}", made.out);
    let asked = api.asked().into_iter().find(|asked| asked.what == "POST /api/v1/keys").unwrap();
    let body: serde_json::Value = serde_json::from_str(&asked.body).unwrap();
    assert_eq!(body, serde_json::json!({ "name": "ci", "role": "operator", "days": 30 }));
    for wrong in
        [&["keys", "make", "ci", "--role", "owner"][..], &["keys", "make", "ci", "--role", "viewer", "--days", "367"]]
    {
        assert_eq!(run(wrong).on(&api).await.code, 2, "{wrong:?}");
    }
}

#[tokio::test]
async fn a_key_is_revoked_by_its_name_or_its_id() {
    for named in ["ci of the shop", "key_1"] {
        let api = Api::start().await;
        api.says("DELETE /api/v1/keys/key_1", 204, "");
        let revoked = run(&["keys", "revoke", named, "--yes"]).on(&api).await;
        assert_eq!(revoked.code, 0, "{}", revoked.err);
        assert!(api.asked().iter().any(|asked| asked.what == "DELETE /api/v1/keys/key_1"));
    }
    let api = Api::start().await;
    let unknown = run(&["keys", "revoke", "nobody", "--yes"]).on(&api).await;
    assert_eq!(unknown.code, 2);
    assert!(unknown.err.contains("no key `nobody`"), "{}", unknown.err);
}

#[tokio::test]
async fn can_answers_yes_or_no_with_the_reason() {
    let api = Api::start().await;
    let yes = run(&["can", "run", "actions"]).on(&api).await;
    assert_eq!((yes.code, yes.out.as_str()), (0, "yes: the role operator may\n"));
    let no = run(&["can", "operator", "change", "plugins"]).on(&api).await;
    assert_eq!((no.code, no.out.as_str()), (5, "no: it needs the role admin, and this is operator\n"));
    let asked = api.asked().into_iter().next_back().unwrap();
    assert_eq!(asked.query, "who=operator");
    let what = run(&["can", "fly", "kites"]).on(&api).await;
    assert_eq!(what.code, 2);
    assert!(what.err.contains("`run actions`"), "{}", what.err);
}
