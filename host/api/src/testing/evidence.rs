//! One recorded call, `call_1` of the plugin `github`.

use super::Stubs;
use async_trait::async_trait;
use opssight_core::error::StoreError;
use opssight_core::id::CallId;
use opssight_core::page::Page;
use opssight_core::plugins::evidence::{CallQuery, CallRecord, CallSummary, EvidenceStore, FORMAT, KeepCalls, Outcome};
use opssight_core::plugins::{FailureClass, FaultSource};
use opssight_core::time::Timestamp;

fn record() -> CallRecord {
    CallRecord {
        format: FORMAT.to_owned(),
        id: "call_1".into(),
        at: Timestamp(1_767_225_600_000_000),
        plugin: "github".into(),
        version: "1.2.3".to_owned(),
        digest: format!("sha256:{}", "0".repeat(64)),
        connection: "github-1".into(),
        kind: "webhook".to_owned(),
        input: serde_json::json!({ "body": "{}" }),
        settings: serde_json::json!({}),
        grants: Default::default(),
        exchanges: Vec::new(),
        asked: Vec::new(),
        clock: Default::default(),
        random: Default::default(),
        log: Vec::new(),
        outcome: Outcome::Failure {
            fault: FaultSource::Plugin,
            class: FailureClass::Trap,
            code: "plugin.panic".to_owned(),
            message: "it panicked: <script>".to_owned(),
            retry_after_ms: None,
        },
        usage: Default::default(),
        cut: Vec::new(),
    }
}

#[async_trait]
impl EvidenceStore for Stubs {
    async fn put(&self, _: &CallRecord) -> Result<(), StoreError> {
        Ok(())
    }

    async fn call(&self, call: &CallId) -> Result<Option<CallRecord>, StoreError> {
        Ok(Some(record()).filter(|record| record.id == *call))
    }

    async fn calls(&self, query: &CallQuery) -> Result<Page<CallSummary>, StoreError> {
        let record = record();
        let listed = query.plugin.as_ref().is_none_or(|plugin| record.plugin == *plugin);
        let failure = record.failure().map(|error| (error.fault, error.class, error.code, error.message));
        let summary = CallSummary {
            id: record.id,
            at: record.at,
            plugin: record.plugin,
            version: record.version,
            digest: record.digest,
            connection: record.connection,
            kind: record.kind,
            failure,
            replayable: true,
            size: 700,
        };
        Ok(Page { items: if listed { vec![summary] } else { Vec::new() }, next: None })
    }

    async fn purge_calls(&self, _: &KeepCalls) -> Result<u64, StoreError> {
        Ok(0)
    }
}
