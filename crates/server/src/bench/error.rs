//! Why a benchmark ended without a result.

use std::io;

/// Why a benchmark ended without a result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BenchError {
    /// The system refused something.
    #[error("cannot {doing}: {source}")]
    System {
        /// What was tried.
        doing: &'static str,
        /// What it said.
        source: io::Error,
    },
    /// A child did not do what it should.
    #[error("{0}")]
    Child(String),
    /// An answer is not what the scenario expects.
    #[error("an answer that was not expected: {0}")]
    Answer(String),
    /// No answer came for too long.
    #[error("no answer came for {0} s")]
    Silence(u64),
    /// There is no core for the load beside the server's.
    #[error("a benchmark needs two cores: one for the server and one for the load")]
    OneCore,
    /// Somebody asked to stop.
    #[error("interrupted")]
    Interrupted,
}

impl BenchError {
    /// Says what was tried, for `map_err`.
    pub(super) fn cannot(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::System { doing, source }
    }
}
