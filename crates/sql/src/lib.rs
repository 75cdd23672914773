//! The store in an SQL database. One text of every statement; what differs between databases is a `dialect` constant and a
//! driver. SQLite is the embedded one; PostgreSQL and MariaDB are on the network.
//!
//! ```no_run
//! # async fn open() -> Result<(), firman_sql::OpenError> {
//! use firman_store::Store;
//!
//! let store = firman_sql::SqlStore::open(firman_sql::Options::new("sqlite:firman.db")).await?;
//! store.check().await.ok();
//! store.close().await;
//! # Ok(())
//! # }
//! ```

mod copy;
mod dialect;
mod driver;
mod migrations;
mod mysql;
mod names;
mod options;
mod plan;
mod postgres;
#[cfg(feature = "bench")]
pub mod raw;
mod records;
mod remote;
mod row;
mod schema;
mod sqlite;
mod statements;
mod stats;
mod store;
mod sweep;
mod template;
mod texts;
mod value;

pub use copy::{Copied, Rows, Snapshot, Tally};
pub use migrations::{Applied, Migrations};
pub use names::NameError;
pub use options::{OpenError, Options};
pub use stats::Stats;
pub use store::SqlStore;
