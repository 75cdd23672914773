//! The Firman server: pages, configuration, HTTP and command line over the engine.

pub mod config;
pub mod http;
pub mod pages;
pub mod router;
