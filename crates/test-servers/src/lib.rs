//! Throwaway database servers for tests: each in a temporary folder, on a free loopback port, started when a test first asks
//! and gone when the test process ends, however it ends.
//!
//! A server's programs are found by an environment variable (`tests/tools.sh` sets them). Without it `shared()` is `None` and
//! says loudly that a test is skipped; with `CI=true` that is a failure instead.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::disallowed_methods,
    reason = "a test that has no server cannot go on; the environment says where servers are"
)]

mod galera;
mod link;
mod mariadb;
mod place;
mod postgres;

pub use galera::{Galera, NODES};
pub use mariadb::Mariadb;
pub use place::{Place, engine, matrix, rounds};
pub use postgres::{Postgres, PostgresOptions};
