//! What a call may leave in an instance that is kept.
//!
//! A garbage collector drops handles when it likes, so that some are left after most calls. They are harmless if they
//! hold little and do nothing. A request under way, or a response with its body, is neither: it would be used, or paid
//! for, by a later call.

use std::any::Any;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, DynPollable};
use wasmtime_wasi_http::FieldMap;
use wasmtime_wasi_http::p2::types::{HostFutureIncomingResponse, HostIncomingResponse};

/// A quarter of what one call may hold: the next one must find room.
const MOST: usize = crate::budget::MAX_RESOURCES / 4;

/// Whether the instance may be kept with what is in its table.
pub(super) fn are_harmless(table: &mut ResourceTable) -> bool {
    let mut count = 0;
    table.iter_mut().all(|entry| {
        count += 1;
        count <= MOST && is_harmless(entry)
    })
}

/// Streams and pollables of a request or response are its children: they are only there as long as it is.
fn is_harmless(entry: &dyn Any) -> bool {
    if let Some(response) = entry.downcast_ref::<HostIncomingResponse>() {
        return response.body.is_none();
    }
    if let Some(response) = entry.downcast_ref::<HostFutureIncomingResponse>() {
        return matches!(response, HostFutureIncomingResponse::Consumed);
    }
    entry.is::<DynInputStream>() || entry.is::<DynOutputStream>() || entry.is::<DynPollable>() || entry.is::<FieldMap>()
}

#[cfg(test)]
mod tests {
    use super::{MOST, are_harmless};
    use wasmtime::component::ResourceTable;
    use wasmtime_wasi_http::FieldMap;
    use wasmtime_wasi_http::p2::types::HostFutureIncomingResponse;

    #[tokio::test]
    async fn a_request_under_way_or_a_heap_of_handles_is_not_kept() {
        let mut table = ResourceTable::new();
        assert!(are_harmless(&mut table));
        for _ in 0..MOST {
            table.push(FieldMap::default()).unwrap();
        }
        table.push(HostFutureIncomingResponse::Consumed).unwrap();
        assert!(!are_harmless(&mut table), "one too many");

        let mut table = ResourceTable::new();
        table.push(HostFutureIncomingResponse::Consumed).unwrap();
        assert!(are_harmless(&mut table));
        let never = wasmtime_wasi::runtime::spawn(std::future::pending());
        table.push(HostFutureIncomingResponse::Pending(never)).unwrap();
        assert!(!are_harmless(&mut table), "it would be answered to another call");
    }
}
