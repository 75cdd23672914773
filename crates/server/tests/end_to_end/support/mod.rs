//! What every test of the built server stands on: the process, HTTP, pages, a browser without a window, a client.

pub(crate) mod browser;
pub(crate) mod certificates;
pub(crate) mod cli;
pub(crate) mod client;
pub(crate) mod crowd;
pub(crate) mod database;
pub(crate) mod engines;
pub(crate) mod guarded;
pub(crate) mod http;
#[allow(dead_code, reason = "shared with the tests of the router, which use the rest")]
pub(crate) mod mailbox;
pub(crate) mod page;
pub(crate) mod script;
pub(crate) mod secured;
pub(crate) mod server;
pub(crate) mod socket;
