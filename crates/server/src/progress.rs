//! How far the run is, for a person who waits.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar on standard error; nothing where a script listens.
pub(super) struct Progress(ProgressBar);

impl Progress {
    pub(super) fn new(steps: u64, shown: bool) -> Self {
        if !shown {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::new(steps);
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len}  {elapsed}, {eta} to go  {wide_msg}") {
            bar.set_style(style);
        }
        Self(bar)
    }

    /// What is done now.
    pub(super) fn say(&self, text: impl Into<String>) {
        self.0.set_message(text.into());
    }

    /// Shows that something is going on.
    pub(super) fn tick(&self) {
        self.0.tick();
    }

    /// One step is done.
    pub(super) fn step(&self) {
        self.0.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
