//! Being told to stop: a flag that every long loop looks at, so that the children are stopped on the way out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{SignalKind, signal};

use super::BenchError;

/// Whether somebody asked to stop.
#[derive(Clone, Default)]
pub(super) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Listens for the signals that end a program, on a thread of its own, for as long as the program runs.
    pub(super) fn listen() -> Result<Self, BenchError> {
        let stop = Self::default();
        let flag = Arc::clone(&stop.0);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
        let runtime = runtime.map_err(BenchError::cannot("listen for signals"))?;
        std::thread::spawn(move || {
            let asked = runtime.block_on(async {
                let mut terminate = signal(SignalKind::terminate())?;
                let mut interrupt = signal(SignalKind::interrupt())?;
                let mut hangup = signal(SignalKind::hangup())?;
                tokio::select! {
                    asked = terminate.recv() => std::io::Result::Ok(asked),
                    asked = interrupt.recv() => Ok(asked),
                    asked = hangup.recv() => Ok(asked),
                }
            });
            flag.store(asked.is_ok(), Ordering::Relaxed);
        });
        Ok(stop)
    }

    /// An error if somebody asked to stop.
    pub(super) fn check(&self) -> Result<(), BenchError> {
        if self.0.load(Ordering::Relaxed) { Err(BenchError::Interrupted) } else { Ok(()) }
    }
}
