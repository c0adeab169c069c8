//! `wasi:random`. All of it is secure; what is drawn goes through the call's tape.

use crate::budget::MAX_RANDOM_BYTES;
use crate::state::HostState;
use aws_lc_rs::rand;
use wasmtime_wasi::p2::bindings::random::{insecure, insecure_seed, random};

impl HostState {
    fn draw(&self, bytes: &mut [u8]) -> wasmtime::Result<()> {
        let live = |bytes: &mut [u8]| rand::fill(bytes);
        self.call.tape.random(bytes, live).map_err(|_| wasmtime::format_err!("the system has no randomness"))
    }

    fn draw_bytes(&self, len: u64) -> wasmtime::Result<Vec<u8>> {
        if len > MAX_RANDOM_BYTES {
            return Err(wasmtime::format_err!("at most {MAX_RANDOM_BYTES} random bytes are given at once, not {len}"));
        }
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
        self.draw(&mut bytes)?;
        Ok(bytes)
    }

    fn draw_u64(&self) -> wasmtime::Result<u64> {
        let mut bytes = [0; 8];
        self.draw(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }
}

impl random::Host for HostState {
    fn get_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        self.draw_bytes(len)
    }

    fn get_random_u64(&mut self) -> wasmtime::Result<u64> {
        self.draw_u64()
    }
}

impl insecure::Host for HostState {
    fn get_insecure_random_bytes(&mut self, len: u64) -> wasmtime::Result<Vec<u8>> {
        self.draw_bytes(len)
    }

    fn get_insecure_random_u64(&mut self) -> wasmtime::Result<u64> {
        self.draw_u64()
    }
}

impl insecure_seed::Host for HostState {
    fn insecure_seed(&mut self) -> wasmtime::Result<(u64, u64)> {
        Ok((self.draw_u64()?, self.draw_u64()?))
    }
}
