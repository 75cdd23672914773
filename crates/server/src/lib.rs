//! The Firman server: pages, configuration, HTTP and command line over the engine.

pub mod admin;
pub mod backup;
#[cfg(target_os = "linux")]
mod bench;
pub mod cli;
pub mod client_certificate;
pub mod config;
pub mod demo;
mod doctor;
pub mod fetch;
pub mod guard;
pub mod http;
pub mod listen;
pub mod logging;
pub mod mail;
pub mod maintain;
pub mod metrics;
pub mod outbox;
pub mod pages;
mod progress;
pub mod qr;
pub mod recent;
pub mod retention;
pub mod router;
pub mod start;
pub mod tls;
pub mod trust;
pub mod upstream;
pub mod webhooks;
