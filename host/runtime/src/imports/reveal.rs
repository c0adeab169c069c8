//! `opssight:plugin/reveal`: the one way for a secret into a sandbox. The manifest must name it, the connection may
//! withhold it, and every use is on record before the plugin has the answer.

use super::withheld;
use crate::bindings::opssight::plugin::reveal::Host;
use crate::bindings::opssight::plugin::types::{Failure, FailureClass};
use crate::context::CallContext;
use crate::credentials;
use crate::state::HostState;
use opssight_core::plugins::Credential;
use opssight_core::plugins::abilities::reveal_key;
use opssight_core::plugins::installs::Notice;
use opssight_core::plugins::manifest::CredentialScheme;
use serde_json::{Map, Value};

impl Host for HostState {
    async fn reveal(&mut self, credential: String) -> wasmtime::Result<Result<Vec<u8>, Failure>> {
        self.within_host_calls()?;
        Ok(reveal(&self.call, &credential).await)
    }
}

async fn reveal(call: &CallContext, name: &str) -> Result<Vec<u8>, Failure> {
    let manifest = &call.plugin.manifest;
    let named = crate::text::clean(name, 80);
    let spec = manifest.credential(name).filter(|_| manifest.reveal.iter().any(|revealed| revealed == name));
    let Some(spec) = spec else {
        let message = format!("the manifest does not list \"{named}\" in `reveal`");
        return Err(failure(FailureClass::Unsupported, "reveal.undeclared", message));
    };
    if !call.gives("reveal") || !call.target.grants.allow(&reveal_key(name)) {
        return Err(withheld("reveal"));
    }
    if !call.may_reveal() {
        return Err(failure(FailureClass::Internal, "reveal.too-often", "one call reads no more secrets".to_owned()));
    }
    let all = credentials::credentials(call)
        .await
        .map_err(|refusal| failure(FailureClass::Upstream, "reveal.unavailable", refusal.to_string()))?;
    let missing = || {
        let message = format!("the connection has no credential \"{named}\" in a way that the plugin knows");
        failure(FailureClass::Config, "reveal.no-credential", message)
    };
    let credential = all.get(name).ok_or_else(missing)?;
    let scheme = spec.schemes.iter().find(|scheme| scheme.name() == credential.scheme).ok_or_else(missing)?;
    // Lines and errors stay free of them, and so do the answers of upstreams.
    for input in scheme.inputs().iter().filter(|input| input.secret) {
        if let Some(secret) = credential.inputs.get(&input.name) {
            call.secrets.add(secret.trim());
        }
    }
    let value = in_clear(scheme, credential).ok_or_else(missing)?;
    record(call, name);
    Ok(value)
}

/// The value, when there is one thing to fill in; otherwise everything that was filled in, as a JSON object.
fn in_clear(scheme: &CredentialScheme, credential: &Credential) -> Option<Vec<u8>> {
    if let [only] = scheme.inputs() {
        return credential.inputs.get(&only.name).map(|value| value.as_bytes().to_vec());
    }
    let inputs = credential.inputs.iter().map(|(name, value)| (name.clone(), Value::String(value.clone())));
    Some(Value::Object(inputs.collect::<Map<_, _>>()).to_string().into_bytes())
}

/// A line, a count and a notice.
fn record(call: &CallContext, credential: &str) {
    if call.tape.is_playing() {
        return;
    }
    let plugin = &call.plugin;
    let (id, connection) = (plugin.manifest.id.as_str(), call.target.connection.as_str());
    let export = call.kind.name();
    tracing::warn!(
        plugin.id = id,
        plugin.version = plugin.version,
        connection.id = connection,
        credential,
        export,
        "a plugin reads a secret in clear"
    );
    metrics::counter!("opssight_plugin_reveals_total", "plugin" => id.to_owned(), "credential" => credential.to_owned())
        .increment(1);
    call.services.notices.tell(Notice {
        plugin: call.target.plugin.clone(),
        digest: plugin.digest.to_string(),
        what: "revealed".to_owned(),
        detail: format!("connection {connection}: its call of {export} read the credential \"{credential}\" in clear"),
    });
}

fn failure(class: FailureClass, code: &str, message: String) -> Failure {
    Failure { class, code: code.to_owned(), message, retry_after_ms: None, attrs: Vec::new() }
}
