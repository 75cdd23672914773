//! The log: structured, on standard error, without secrets.

use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat};

/// Starts logging of a program without settings: text, from `info` on.
pub fn start_plain() {
    let log = tracing_subscriber::fmt().with_env_filter(EnvFilter::new("info")).with_writer(std::io::stderr);
    let _ = log.with_target(false).with_ansi(false).try_init();
}

/// Starts logging. A second call changes nothing.
pub fn start(settings: &Log) {
    let filter = EnvFilter::try_new(settings.level.as_str()).unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    let _ = match settings.format {
        LogFormat::Text => log.with_ansi(false).try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
}
