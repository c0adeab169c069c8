//! Registries that ask who it is.

use crate::liar::{Answer, Liar};
use crate::packages::package;
use crate::server::Server;
use opssight_core::plugins::catalogue::CatalogueError;
use opssight_distribution::{Open, Place, RegistryCredentials};
use std::time::Duration;

fn open(host: &str, credentials: &RegistryCredentials) -> Open {
    let place: Place = format!("oci://{host}/acme").parse().unwrap();
    Open::with_patience(&place, credentials, Duration::from_secs(5)).unwrap()
}

#[tokio::test]
async fn a_registry_with_passwords_lets_in_who_has_one() {
    let server = Server::guarded();
    let (package, nobody) = (package("example", "1.0.0"), RegistryCredentials::default());
    let ada = RegistryCredentials::default().with(&server.host, "ada", "correct horse");
    let wrong = RegistryCredentials::default().with(&server.host, "ada", "battery staple");

    let error = open(&server.host, &nobody).publish(&package).await.unwrap_err();
    assert!(matches!(error, CatalogueError::Unauthorised { .. }), "{error}");
    assert!(error.to_string().contains("--password-stdin"), "{error}");
    let error = open(&server.host, &wrong).publish(&package).await.unwrap_err();
    assert!(error.to_string().contains("does not take these credentials"), "{error}");
    assert!(!error.to_string().contains("battery"), "{error}");

    open(&server.host, &ada).publish(&package).await.unwrap();
    let docker = format!(r#"{{ "auths": {{ "{}": {{ "auth": "YWRhOmNvcnJlY3QgaG9yc2U=" }} }} }}"#, server.host);
    let docker = RegistryCredentials::from_docker(&docker).unwrap();
    open(&server.host, &docker).fetch(&"example".parse().unwrap()).await.unwrap();
    assert!(open(&server.host, &nobody).fetch(&"example".parse().unwrap()).await.is_err());
}

#[tokio::test]
async fn a_token_is_fetched_where_the_registry_says_and_used_for_its_scope() {
    let liar = Liar::start(|liar, request| {
        let signed = request.header("authorization");
        if request.path.starts_with("/token") {
            let asked = "/token?service=liar&scope=repository%3Aacme%2Fexample%3Apull";
            assert_eq!(request.path, asked);
            let known = signed == "Basic YWRhOmNvcnJlY3QgaG9yc2U=";
            return if known { Answer::json(r#"{ "token": "t0ken" }"#) } else { Answer::status(401) };
        }
        if signed != "Bearer t0ken" {
            let ask = format!(r#"Bearer realm="http://{}/token",service="liar""#, liar.host);
            return Answer::status(401).with("www-authenticate", &ask);
        }
        Answer::json(r#"{ "tags": ["1.0.0", "latest"] }"#)
    });
    let ada = RegistryCredentials::default().with(&liar.host, "ada", "correct horse");
    assert_eq!(open(&liar.host, &ada).versions("example").await.unwrap().len(), 1);
    // A secret is for one host: another one gets none.
    let other = RegistryCredentials::default().with("registry.example", "ada", "correct horse");
    let error = open(&liar.host, &other).versions("example").await.unwrap_err();
    assert!(matches!(error, CatalogueError::Unauthorised { .. }), "{error}");
}

#[tokio::test]
async fn an_upload_does_not_follow_to_another_host() {
    let elsewhere = Liar::start(|_, _| panic!("the package and the password went to another host"));
    let host = elsewhere.host.clone();
    let liar = Liar::start(move |_, request| match request.method.as_str() {
        "POST" => Answer::status(202).with("location", &format!("http://{host}/take-it")),
        _ => Answer::status(404),
    });
    let ada = RegistryCredentials::default().with(&liar.host, "ada", "correct horse");
    let error = open(&liar.host, &ada).publish(&package("example", "1.0.0")).await.unwrap_err();
    assert!(error.to_string().contains("another host"), "{error}");
}
