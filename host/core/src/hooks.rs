//! Deliveries: accepted when durable, processed later, never lost, never applied twice.

mod inbox;
mod message;
mod process;
mod receive;

pub use inbox::{
    Accepted, Delivery, DeliveryBody, DeliveryFault, DeliveryQuery, DeliveryState, Inbox, LeasedDelivery, Leasing,
    NewDelivery, Rejection, Settled, Settlement,
};
pub use message::{MessageError, TopicMessage};
pub use process::{Processor, Retry};
pub use receive::{HookError, Hooks};
