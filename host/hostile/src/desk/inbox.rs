//! The desk gives deliveries back that a failing version could not use. Here are none.

use super::Shelf;
use async_trait::async_trait;
use opssight_core::error::StoreError;
use opssight_core::hooks::{
    Accepted, Delivery, DeliveryBody, DeliveryQuery, Inbox, LeasedDelivery, Leasing, NewDelivery, Rejection, Settlement,
};
use opssight_core::id::{ConnectionId, DeliveryId};
use opssight_core::page::Page;
use opssight_core::time::Timestamp;

fn nobody_delivers() -> StoreError {
    StoreError::new("keep a delivery", "the desk of these cases takes none")
}

#[async_trait]
impl Inbox for Shelf {
    async fn accept(&self, _: NewDelivery) -> Result<Accepted, StoreError> {
        Err(nobody_delivers())
    }

    async fn reject(&self, _: Rejection) -> Result<(), StoreError> {
        Err(nobody_delivers())
    }

    async fn lease(&self, _: &Leasing) -> Result<Vec<LeasedDelivery>, StoreError> {
        Ok(Vec::new())
    }

    async fn settle(&self, _: Settlement) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn release_all(&self) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn next_due(&self, _: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        Ok(None)
    }

    async fn replay(&self, _: &DeliveryId, _: Timestamp) -> Result<bool, StoreError> {
        Ok(false)
    }

    async fn replay_faults(&self, _: &ConnectionId, _: Timestamp, _: Timestamp) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn deliveries(&self, _: &DeliveryQuery) -> Result<Page<Delivery>, StoreError> {
        Ok(Page { items: Vec::new(), next: None })
    }

    async fn delivery(&self, _: &DeliveryId) -> Result<Option<(Delivery, DeliveryBody)>, StoreError> {
        Ok(None)
    }
}
