//! What is running out there.

use crate::plugins::{CallError, CallTarget, Called, PageRequest, RawItem};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

/// One page of resources.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InventoryPage {
    /// What was seen.
    pub resources: Vec<RawItem>,
    /// There is more.
    pub next: Option<String>,
}

/// The port: whoever can list what is running.
#[async_trait]
pub trait Inventory: Send + Sync {
    /// One page of a scope: an account, a region, a cluster; empty for everything that the connection sees.
    async fn list_resources(
        &self,
        target: &CallTarget,
        scope: &str,
        page: PageRequest,
    ) -> Result<Called<InventoryPage>, CallError>;
}
