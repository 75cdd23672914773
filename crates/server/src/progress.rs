//! How far something long is, for a person who waits.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar on standard error; nothing where a script listens.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// A bar of so many steps.
    pub(crate) fn new(steps: u64, shown: bool) -> Self {
        if !shown {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::new(steps);
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len}  {elapsed}, {eta} to go  {wide_msg}") {
            bar.set_style(style);
        }
        Self(bar)
    }

    /// A count without an end.
    pub(crate) fn spinner(shown: bool) -> Self {
        if !shown {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {pos} {wide_msg}") {
            bar.set_style(style);
        }
        Self(bar)
    }

    /// What is done now.
    pub(crate) fn say(&self, text: impl Into<String>) {
        self.0.set_message(text.into());
    }

    /// Shows that something is going on.
    pub(crate) fn tick(&self) {
        self.0.tick();
    }

    /// One step is done.
    pub(crate) fn step(&self) {
        self.advance(1);
    }

    /// So many steps are done.
    pub(crate) fn advance(&self, steps: u64) {
        self.0.inc(steps);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
