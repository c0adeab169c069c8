//! From a tape to a document that may be kept.

use super::redact::Redaction;
use crate::context::CallContext;
use aws_lc_rs::rand;
use opssight_core::id::CallId;
use opssight_core::plugins::CallUsage;
use opssight_core::plugins::evidence::{Blob, CallRecord, FORMAT, LoggedLine, Outcome};
use opssight_core::time::Timestamp;

/// The record of a call that is over; none when nothing was recorded. Can be had once.
pub(super) async fn develop(call: &CallContext, outcome: Outcome, usage: CallUsage) -> Option<CallRecord> {
    let recorder = call.tape.recorder()?;
    let mut reel = recorder.take();
    let input = reel.input.take().map(|input| input.document());
    if input.is_none() && reel.cut.is_empty() {
        reel.cut.push("the call ended before it was made".to_owned());
    }
    if call.plugin.imports("opssight:plugin/reveal") {
        reel.cut.push("the plugin may read secrets, and no record holds one".to_owned());
    }
    let log = reel.log.into_iter().map(|(level, message)| LoggedLine { level: level.name().to_owned(), message });
    let mut record = CallRecord {
        format: FORMAT.to_owned(),
        id: call.tape.played().map_or_else(|| new_id(recorder.at), |then| then.id.clone()),
        at: recorder.at,
        plugin: call.target.plugin.clone(),
        version: call.plugin.version.clone(),
        digest: call.plugin.digest.to_string(),
        connection: call.target.connection.clone(),
        kind: call.kind.name().to_owned(),
        input: input.unwrap_or_default(),
        settings: (*call.target.settings).clone(),
        grants: (*call.target.grants).clone(),
        exchanges: reel.exchanges.into_iter().map(super::exchange::RawExchange::document).collect(),
        asked: reel.asked,
        clock: reel.clock,
        random: Blob(reel.random),
        log: log.collect(),
        outcome,
        usage,
        cut: reel.cut,
    };
    // A replay knows no secrets. What is masked by its name is masked there as well, so that both compare.
    let secrets = if call.tape.is_playing() { Vec::new() } else { secrets(call).await? };
    Redaction::of(secrets).apply(&mut record);
    Some(record)
}

/// Those that the call used and all others that the connection has. None when they cannot be read: what cannot be
/// redacted is not kept.
async fn secrets(call: &CallContext) -> Option<Vec<String>> {
    let mut secrets = call.secrets.values();
    let credentials = match call.services.credentials.credentials(&call.target.connection).await {
        Ok(credentials) => credentials,
        Err(error) => {
            tracing::error!(error = %error, source = ?error.source, "cannot keep the record of a call: its secrets are unknown");
            return None;
        }
    };
    for (name, credential) in &credentials {
        let spec = call.plugin.manifest.credential(name);
        let scheme = spec.and_then(|spec| spec.schemes.iter().find(|scheme| scheme.name() == credential.scheme));
        for (input, value) in &credential.inputs {
            let declared = scheme.and_then(|scheme| scheme.inputs().iter().find(|declared| declared.name == *input));
            if declared.is_none_or(|declared| declared.secret) {
                secrets.push(value.clone());
            }
        }
    }
    Some(secrets)
}

/// Its order is the order of time.
fn new_id(at: Timestamp) -> CallId {
    let mut random = [0; 8];
    // Without randomness two calls of one millisecond share an id, and the later record takes the place of the other.
    let _filled = rand::fill(&mut random);
    let millis = u64::try_from(at.millis()).unwrap_or(0);
    CallId(format!("call_{millis:012x}{}", hex::encode(random)))
}
