//! The built server from outside: a real process, real HTTP, a real database file.
//!
//! One test program, one file per idea; `support` holds the means. A test that needs a browser, a JavaScript client or
//! a system-call trace finds it through `./test`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a step that fails is a test that fails"
)]
#![allow(clippy::disallowed_methods, reason = "these tests are the world from which the rules are kept apart")]

mod admin;
mod agents;
mod answers;
mod apache;
mod attenuation;
mod audit;
mod backup;
mod bad_input;
mod bad_requests;
mod bench_guard;
mod bench_listing;
mod bench_store;
mod bound;
mod browser;
mod cli;
mod crash;
mod device;
mod doctor;
mod durability;
mod flows;
mod grants;
mod growth;
mod guard;
mod guard_certificates;
mod guard_proxies;
mod held;
mod held_bound;
mod held_keys;
mod javascript;
mod jwt_bearer;
mod login;
mod login_app;
mod mtls;
mod network;
mod oidc_agent;
mod outage;
mod pushed;
mod races;
mod registration;
mod relying_party;
mod requests;
mod resources;
mod reuse;
mod secrets;
mod support;
mod tls;
mod upstream;
