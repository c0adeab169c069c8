//! What a house of the tests has where nothing happens.

use async_trait::async_trait;
use opssight_core::events::Listener;
use opssight_core::plugins::{CallError, CallTarget, FailureClass, FaultSource};

/// Nobody ever says anything.
pub(crate) struct NoNews;

#[async_trait]
impl Listener for NoNews {
    async fn woken(&mut self) {
        std::future::pending::<()>().await;
    }
}

/// The answer of a runtime whose plugins are not called.
pub(crate) fn not_called(target: &CallTarget) -> CallError {
    CallError {
        plugin: target.plugin.clone(),
        version: String::new(),
        connection: target.connection.clone(),
        fault: FaultSource::Host,
        class: FailureClass::Unsupported,
        code: "test.not-called".to_owned(),
        message: "this runtime makes no calls".to_owned(),
        retry_after_ms: None,
    }
}
