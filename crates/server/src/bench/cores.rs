//! One core for the server, another for the load.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use super::BenchError;

/// The two cores. While it lives, this thread is pinned to the load's.
pub(super) struct Cores {
    allowed: CpuSet,
    server: CpuSet,
    load: CpuSet,
    /// The number of the server's core.
    pub(super) number: usize,
}

impl Cores {
    /// Takes the first two cores that this process may use.
    pub(super) fn take() -> Result<Self, BenchError> {
        let allowed = sched_getaffinity(None).map_err(|error| BenchError::cannot("ask for cores")(error.into()))?;
        let mut numbers = (0..CpuSet::MAX_CPU).filter(|number| allowed.is_set(*number));
        let (Some(server), Some(load)) = (numbers.next(), numbers.next()) else { return Err(BenchError::OneCore) };
        let cores = Self { allowed, server: only(server), load: only(load), number: server };
        pin(&cores.load)?;
        Ok(cores)
    }

    /// Runs something that starts a child: it inherits the server's core, and so makes one worker thread.
    pub(super) fn on_server_core<T>(&self, start: impl FnOnce() -> T) -> Result<T, BenchError> {
        pin(&self.server)?;
        let started = start();
        pin(&self.load)?;
        Ok(started)
    }
}

impl Drop for Cores {
    fn drop(&mut self) {
        let _ = pin(&self.allowed);
    }
}

fn only(number: usize) -> CpuSet {
    let mut set = CpuSet::new();
    set.set(number);
    set
}

fn pin(set: &CpuSet) -> Result<(), BenchError> {
    sched_setaffinity(None, set).map_err(|error| BenchError::cannot("pin to a core")(error.into()))
}
