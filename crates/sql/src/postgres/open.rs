//! Opening a PostgreSQL database, and what its schema is.

use std::sync::Arc;
use std::time::Duration;

use super::arrays::Arrays;
use super::config::Target;
use super::connect::PgConnector;
use super::wire::Plain;
use crate::dialect::POSTGRES;
use crate::driver::Driver;
use crate::migrations::Migrations;
use crate::names::Names;
use crate::options::{OpenError, Options};
use crate::remote::{Days, Limits, Partitions, Remote, Schema, Tongue};
use crate::schema::VERSION;
use crate::texts::Texts;

/// How PostgreSQL speaks of its schema.
const TONGUE: Tongue = Tongue {
    dialect: &POSTGRES,
    tables: "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()",
    lock: "SET lock_timeout = 0; SELECT pg_advisory_lock(hashtext('firman ' || current_schema())); SET lock_timeout = 10000",
    unlock: "SELECT pg_advisory_unlock(hashtext('firman ' || current_schema()))",
    transaction: Some(("BEGIN", "COMMIT")),
    days: Days {
        rest: Some("CREATE TABLE {part} PARTITION OF {table} DEFAULT"),
        list: "SELECT c.relname, substring(pg_get_expr(c.relpartbound, c.oid) from 'FROM \\(''?(-?[0-9]+)') \
               FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = '{table}'::regclass",
        make: "CREATE TABLE {part} PARTITION OF {table} FOR VALUES FROM ({day}) TO ({next})",
        drop: "DROP TABLE {part}",
        from: "{part}",
    },
};

/// Whether a URL is one of PostgreSQL's.
pub(crate) fn is_meant(url: &str) -> bool {
    url.starts_with("postgres:") || url.starts_with("postgresql:")
}

/// What the schema is and what it lacks; brought up to date first if `up`.
pub(crate) async fn migrations(options: &Options, up: bool) -> Result<Migrations, OpenError> {
    let (connector, names) = prepare(options)?;
    let mut schema = Schema::connect(&*connector, &names, &TONGUE).await?;
    if up { schema.up().await } else { schema.migrations().await }
}

/// Opens a database whose schema is up to date, or is made so where the options ask for it.
pub(crate) async fn open(options: &Options) -> Result<Box<dyn Driver>, OpenError> {
    let (connector, names) = prepare(options)?;
    let mut schema = Schema::connect(&*connector, &names, &TONGUE).await?;
    let found = if options.migrate { schema.up().await? } else { schema.migrations().await? };
    if !found.pending.is_empty() {
        let found = found.applied.last().map_or(0, |applied| applied.version);
        return Err(OpenError::Behind { place: connector.target.place.clone(), found, known: VERSION });
    }
    schema.check(&connector.plain.texts).await?;
    drop(schema);
    let limits = Limits {
        writers: options.writers,
        batch: options.longest_batch,
        readers: options.readers,
        turn: options.lock_wait,
        answer: connector.patience + Duration::from_secs(1),
    };
    let partitions = Partitions::new(Arc::clone(&connector), names, &TONGUE);
    Ok(Box::new(Remote::start(&connector, limits, partitions)))
}

/// A plain connection with the settings of the store's own, for comparisons.
#[cfg(feature = "bench")]
pub(crate) async fn connect(options: &Options) -> Result<tokio_postgres::Client, OpenError> {
    let (connector, _) = prepare(options)?;
    connector.session().await.map_err(|error| OpenError::Defect(error.fault("connect").to_string()))
}

fn prepare(options: &Options) -> Result<(Arc<PgConnector>, Names), OpenError> {
    let names = Names::resolve(&options.names, &POSTGRES)?;
    let texts = Texts::compile(&names, &POSTGRES).map_err(|defect| OpenError::Defect(defect.to_string()))?;
    let patience = options.lock_wait.max(Duration::from_millis(100));
    let arrays = Arrays::compile(&names).map_err(|defect| OpenError::Defect(defect.to_string()))?;
    let target = Target::parse(&options.url, patience).map_err(OpenError::Target)?;
    Ok((Arc::new(PgConnector { target, plain: Arc::new(Plain { texts, arrays }), patience }), names))
}
