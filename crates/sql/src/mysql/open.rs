//! Opening a database, and what its schema is.

use std::sync::Arc;
use std::time::Duration;

use super::address::{Address, SCHEMES};
use super::connector::Nodes;
use crate::dialect::MYSQL;
use crate::driver::Driver;
use crate::migrations::Migrations;
use crate::names::Names;
use crate::options::{OpenError, Options};
use crate::remote::{Connector, Days, Limits, Partitions, Remote, Schema, Tongue};
use crate::schema::VERSION;
use crate::texts::Texts;

/// Each connection takes one read at a time, so that there are this many times as many as elsewhere.
pub(crate) const READERS_FOR_ONE: usize = 4;

/// How these databases speak of their schema.
///
/// Every statement that changes the schema commits by itself. So a migration that was interrupted, or that two nodes of a
/// cluster run at once, goes on where something is there already (see `admin.rs`). The lock only saves a server the trouble: in a
/// cluster it holds for one node.
const TONGUE: Tongue = Tongue {
    dialect: &MYSQL,
    tables: "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()",
    lock: "SELECT GET_LOCK(CONCAT('firman ', LEFT(DATABASE(), 50)), 60)",
    unlock: "SELECT RELEASE_LOCK(CONCAT('firman ', LEFT(DATABASE(), 50)))",
    transaction: None,
    days: Days {
        rest: None,
        list: "SELECT partition_name, CAST(partition_description AS SIGNED) - 1 FROM information_schema.partitions \
               WHERE table_schema = DATABASE() AND table_name = '{name}' AND partition_description <> 'MAXVALUE'",
        make: "ALTER TABLE {table} REORGANIZE PARTITION rest INTO \
               (PARTITION {part} VALUES LESS THAN ({next}), PARTITION rest VALUES LESS THAN MAXVALUE)",
        drop: "ALTER TABLE {table} DROP PARTITION {part}",
        from: "{table} PARTITION ({part})",
    },
};

/// Whether a URL is one of these databases'.
pub(crate) fn is_meant(url: &str) -> bool {
    SCHEMES.iter().any(|scheme| url.starts_with(scheme))
}

/// What the schema is and what it lacks; brought up to date first if `up`.
pub(crate) async fn migrations(options: &Options, up: bool) -> Result<Migrations, OpenError> {
    let (nodes, names, _) = prepare(options)?;
    let mut schema = Schema::connect(&*nodes, &names, &TONGUE).await?;
    if up { schema.up().await } else { schema.migrations().await }
}

/// Opens a database whose schema is up to date, or is made so where the options ask for it.
pub(crate) async fn open(options: &Options) -> Result<Box<dyn Driver>, OpenError> {
    let (nodes, names, texts) = prepare(options)?;
    let mut schema = Schema::connect(&*nodes, &names, &TONGUE).await?;
    let found = if options.migrate { schema.up().await? } else { schema.migrations().await? };
    if !found.pending.is_empty() {
        let found = found.applied.last().map_or(0, |applied| applied.version);
        return Err(OpenError::Behind { place: nodes.place().to_owned(), found, known: VERSION });
    }
    schema.check(&texts).await?;
    drop(schema);
    let limits = Limits {
        writers: options.writers,
        batch: options.longest_batch,
        readers: options.readers * READERS_FOR_ONE,
        turn: options.lock_wait,
        // A statement gives up after twice the time that it waits for a row; whoever answers later is lost.
        answer: options.lock_wait * 2 + Duration::from_secs(2),
    };
    let partitions = Partitions::new(Arc::clone(&nodes), names, &TONGUE);
    Ok(Box::new(Remote::start(&nodes, limits, partitions)))
}

/// A plain connection with the settings of the store's own, for comparisons.
#[cfg(feature = "bench")]
pub(crate) async fn connect(options: &Options) -> Result<mysql_async::Conn, OpenError> {
    let (nodes, ..) = prepare(options)?;
    let session = nodes.session().await.map_err(|error| OpenError::Defect(error.fault("connect").to_string()))?;
    Ok(session.0)
}

fn prepare(options: &Options) -> Result<(Arc<Nodes>, Names, Arc<Texts>), OpenError> {
    let names = Names::resolve(&options.names, &MYSQL)?;
    let texts = Texts::compile(&names, &MYSQL).map_err(|defect| OpenError::Defect(defect.to_string()))?;
    let texts = Arc::new(texts);
    let address = Address::parse(&options.url).map_err(OpenError::Target)?;
    Ok((Arc::new(Nodes::new(address, Arc::clone(&texts), options.lock_wait)), names, texts))
}
