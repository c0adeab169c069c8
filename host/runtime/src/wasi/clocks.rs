//! `wasi:clocks`. A guest lives by the host's clock, and each reading goes through the call's tape, so that a recorded
//! call can be made again at the same moments.

use crate::state::HostState;
use std::sync::LazyLock;
use std::time::{Duration, Instant};
use wasmtime::component::Resource;
use wasmtime_wasi::clocks::WasiClocksView;
use wasmtime_wasi::p2::DynPollable;
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock::Host as Monotonic;
use wasmtime_wasi::p2::bindings::clocks::{monotonic_clock, wall_clock};

/// Any moment will do: only differences mean something. One for the whole process, so that an instance that serves
/// several calls never sees its time go back.
static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);

fn since_began() -> u64 {
    u64::try_from(BEGAN.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

impl wall_clock::Host for HostState {
    fn now(&mut self) -> wasmtime::Result<wall_clock::Datetime> {
        let call = &self.call;
        let live = || Duration::from_micros(u64::try_from(call.services.clock.now().0).unwrap_or(0));
        let reading = call.tape.wall(live);
        Ok(wall_clock::Datetime { seconds: reading.as_secs(), nanoseconds: reading.subsec_nanos() })
    }

    fn resolution(&mut self) -> wasmtime::Result<wall_clock::Datetime> {
        Ok(wall_clock::Datetime { seconds: 0, nanoseconds: 1_000 })
    }
}

impl monotonic_clock::Host for HostState {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(self.call.tape.monotonic(since_began))
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        Ok(1)
    }

    fn subscribe_instant(&mut self, when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let now = self.call.tape.monotonic(since_began);
        self.subscribe_duration(when.saturating_sub(now))
    }

    /// Waits are real in a replay as well: cut short, they would overtake answers that they lost to then.
    fn subscribe_duration(&mut self, nanoseconds: u64) -> wasmtime::Result<Resource<DynPollable>> {
        Monotonic::subscribe_duration(&mut self.clocks(), nanoseconds)
    }
}
