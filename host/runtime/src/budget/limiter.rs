//! Memory and tables: asked before anything is allocated.

use super::{Exhausted, MAX_MEMORIES, MAX_TABLES};
use crate::state::HostState;
use std::sync::atomic::Ordering;
use wasmtime::ResourceLimiter;

impl ResourceLimiter for HostState {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let total = self.memory_bytes.saturating_add(desired.saturating_sub(current));
        let limit = self.call.budget.memory_bytes;
        if total > limit {
            // The guest sees a growth that failed and may cope; if it dies of it, this tells us why.
            self.denied = Some(Exhausted::Memory(limit >> 20));
            return Ok(false);
        }
        let memory = &self.call.services.memory;
        if !memory.take(&self.call.plugin, total - self.memory_bytes) {
            self.denied = Some(Exhausted::House(memory.most() >> 20));
            return Ok(false);
        }
        self.memory_bytes = total;
        self.call.memory_peak.fetch_max(total as u64, Ordering::Relaxed);
        Ok(true)
    }

    fn table_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let limit = self.call.budget.table_elements;
        if desired > limit {
            self.denied = Some(Exhausted::Tables(limit));
            return Ok(false);
        }
        Ok(true)
    }

    fn instances(&self) -> usize {
        usize::try_from(self.call.plugin.class().shape().instances).unwrap_or(usize::MAX)
    }

    fn tables(&self) -> usize {
        MAX_TABLES as usize
    }

    fn memories(&self) -> usize {
        MAX_MEMORIES as usize
    }
}
