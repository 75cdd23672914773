//! Opening a database: whose it is, which schema it has, and how its connections are set up.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, Error, ErrorCode, OpenFlags, TransactionBehavior};
use tempfile::TempDir;

use super::Sqlite;
use super::checkpoint::{Log, RESTART_FROM, Restarts};
use super::pool::Pool;
use super::writer::Writer;
use crate::dialect::SQLITE;
use crate::migrations::{Applied, Migrations};
use crate::names::Names;
use crate::options::{OpenError, Options};
use crate::schema::{self, MIGRATIONS, SERVED, VERSION};
use crate::statements::Statement;
use crate::template::compile;
use crate::texts::Texts;

/// "Firm", in the header of the file.
const APPLICATION_ID: i32 = 0x4669_726d;

/// The longest that a reader waits for a lock: it holds the caller's thread. Readers meet locks only when another program
/// opens or closes the file.
const READER_WAITS: Duration = Duration::from_secs(1);

/// The most of the file that is mapped into memory, in bytes. A SQLite that was not built for it (`.cargo/config.toml`) maps 2 GiB.
pub(super) const MAPPED: i64 = 1 << 40;

/// The size of a page, in bytes.
const PAGE: i64 = 4096;

/// The size to which the log is cut when it begins anew, in bytes: as long as it may become in daily use, because writing
/// over a file is cheaper than making it longer.
const LOG_KEPT: i64 = RESTART_FROM.cast_signed() * PAGE;

pub(super) fn open(options: &Options) -> Result<Sqlite, OpenError> {
    let names = Names::resolve(&options.names, &SQLITE)?;
    let texts = Texts::compile(&names, &SQLITE).map_err(|defect| OpenError::Defect(defect.to_string()))?;
    let (path, folder) = place(&options.url)?;
    make_file(&path)?;
    let says = |error| explain(&path, &error);

    let waits = options.lock_wait;
    let mut conn = connect(&path, waits).map_err(says)?;
    check_owner(&conn, &path)?;
    set_up_writer(&conn, &path)?;
    migrate(&mut conn, &path, &names)?;
    check_statements(&conn, &path, &texts)?;

    let log = Arc::new(Log::default());
    let (wake, woken) = sync_channel(1);
    log.watch(&mut conn, wake).map_err(says)?;

    let readers = (0..options.readers.max(1)).map(|_| reader(&path)).collect::<Result<_, _>>().map_err(says)?;
    let mover = connect(&path, waits).map_err(says)?;
    durable(&mover).map_err(says)?;
    let no_thread = |cause| OpenError::File { path: path.clone(), cause };
    let mover = log.start_mover(mover, woken).map_err(no_thread)?;
    let texts = Arc::new(texts);
    let restarts = Restarts::new(Arc::clone(&log), waits, RESTART_FROM);
    let writer =
        Writer::start(conn, options.longest_batch, Arc::clone(&texts), restarts, vec![mover]).map_err(no_thread)?;
    Ok(Sqlite { texts, pool: Pool::new(readers), writer, log, path, folder })
}

/// What the schema of a file is and what it lacks; changes nothing.
pub(crate) fn migrations(options: &Options) -> Result<Migrations, OpenError> {
    let names = Names::resolve(&options.names, &SQLITE)?;
    let (path, _folder) = place(&options.url)?;
    let says = |error| explain(&path, &error);
    let mut applied = Vec::new();
    if path.exists() {
        let conn = connect(&path, options.lock_wait).map_err(says)?;
        check_owner(&conn, &path)?;
        if version(&conn, &path, &names)? > 0 {
            applied = applied_to(&conn, &names)?;
        }
    }
    let found = applied.last().map_or(0, |applied: &Applied| applied.version);
    if found > SERVED {
        return Err(OpenError::Newer { path, found, known: VERSION });
    }
    let defect = |defect: crate::template::TemplateError| OpenError::Defect(defect.to_string());
    let mut pending = Vec::new();
    for (version, migration) in (1_i64..).zip(MIGRATIONS).filter(|(version, _)| *version > found) {
        for statement in schema::statements(migration) {
            pending.push(compile(statement, &names, &SQLITE).map_err(defect)?);
        }
        let note =
            compile("INSERT INTO {firman_schema} ({firman_schema.*}) VALUES ", &names, &SQLITE).map_err(defect)?;
        pending.push(format!("{note}({version}, '{}')", env!("CARGO_PKG_VERSION")));
    }
    Ok(Migrations { applied, known: VERSION, pending })
}

fn applied_to(conn: &Connection, names: &Names) -> Result<Vec<Applied>, OpenError> {
    let defect = |defect: String| OpenError::Defect(defect);
    let text = "SELECT {firman_schema.*} FROM {firman_schema} ORDER BY {firman_schema.version}";
    let text = compile(text, names, &SQLITE).map_err(|error| defect(error.to_string()))?;
    let mut rows = conn.prepare(&text).map_err(|error| defect(error.to_string()))?;
    let applied = |row: &rusqlite::Row<'_>| Ok(Applied { version: row.get(0)?, program: row.get(1)? });
    let applied = rows.query_map([], applied).and_then(Iterator::collect);
    applied.map_err(|error| defect(error.to_string()))
}

/// The absolute path that a URL names, and the folder to remove at the end.
fn place(url: &str) -> Result<(PathBuf, Option<TempDir>), OpenError> {
    let Some(path) = url.strip_prefix("sqlite:").filter(|path| !path.is_empty()) else {
        return Err(OpenError::Url(url.to_owned()));
    };
    let failed = |cause| OpenError::File { path: path.into(), cause };
    if path == ":memory:" {
        let folder = tempfile::Builder::new().prefix("firman-").tempdir().map_err(failed)?;
        return Ok((folder.path().join("memory.db"), Some(folder)));
    }
    // An absolute path cannot be taken for a URI.
    Ok((std::path::absolute(path).map_err(failed)?, None))
}

/// Makes the file if it is not there, for its owner alone. SQLite gives the log the same permissions.
fn make_file(path: &Path) -> Result<(), OpenError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(cause) if cause.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(cause) => Err(OpenError::File { path: path.to_owned(), cause }),
    }
}

fn connect(path: &Path, waits: Duration) -> Result<Connection, Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(waits)?;
    // A name that is not there is an error, not a text.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
    // A plan does not depend on parameters: otherwise SQLite prepares some statements again at every call.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    conn.pragma_update(None, "trusted_schema", false)?;
    conn.pragma_update(None, "temp_store", "MEMORY")?;
    conn.set_prepared_statement_cache_capacity(Statement::ALL.len() + 8);
    Ok(conn)
}

/// Whose file this is. Nothing is written before that is known.
fn check_owner(conn: &Connection, path: &Path) -> Result<(), OpenError> {
    let says = |error| explain(path, &error);
    let application_id: i32 = conn.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(says)?;
    let things: i64 = conn.query_row("SELECT COUNT(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(says)?;
    match (application_id, things) {
        (APPLICATION_ID, _) | (0, 0) => Ok(()),
        _ => Err(OpenError::Foreign { path: path.to_owned(), application_id }),
    }
}

fn set_up_writer(conn: &Connection, path: &Path) -> Result<(), OpenError> {
    let says = |error| explain(path, &error);
    conn.pragma_update(None, "page_size", PAGE).map_err(says)?;
    let mode: String = conn.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0)).map_err(says)?;
    if mode != "wal" {
        return Err(OpenError::NoWal { path: path.to_owned() });
    }
    durable(conn).map_err(says)?;
    conn.pragma_update(None, "wal_autocheckpoint", 0).map_err(says)?;
    conn.pragma_update(None, "journal_size_limit", LOG_KEPT).map_err(says)
}

/// What is acknowledged survives a loss of power.
fn durable(conn: &Connection) -> Result<(), Error> {
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.pragma_update(None, "fullfsync", true)?;
    conn.pragma_update(None, "checkpoint_fullfsync", true)
}

/// A connection that writes, for comparisons: the settings of the store's own, and SQLite's own checkpoints.
#[cfg(feature = "bench")]
pub(crate) fn yardstick(path: &Path) -> Result<Connection, Error> {
    let conn = connect(path, READER_WAITS)?;
    durable(&conn)?;
    Ok(conn)
}

pub(crate) fn reader(path: &Path) -> Result<Connection, Error> {
    let conn = connect(path, READER_WAITS)?;
    conn.pragma_update(None, "mmap_size", MAPPED)?;
    conn.pragma_update(None, "query_only", true)?;
    Ok(conn)
}

/// Brings the schema up to date, all or nothing; whoever opens the file at the same time waits.
fn migrate(conn: &mut Connection, path: &Path, names: &Names) -> Result<(), OpenError> {
    let says = |error| explain(path, &error);
    let defect = |defect: crate::template::TemplateError| OpenError::Defect(defect.to_string());
    let transaction = conn.transaction_with_behavior(TransactionBehavior::Immediate).map_err(says)?;
    check_owner(&transaction, path)?;
    let found = version(&transaction, path, names)?;
    if found > SERVED {
        return Err(OpenError::Newer { path: path.to_owned(), found, known: VERSION });
    }
    let note = "INSERT INTO {firman_schema} ({firman_schema.*}) SELECT {?..}";
    let note = compile(note, names, &SQLITE).map_err(defect)?;
    for (version, migration) in (1_i64..).zip(MIGRATIONS).filter(|(version, _)| *version > found) {
        for statement in schema::statements(migration) {
            transaction.execute_batch(&compile(statement, names, &SQLITE).map_err(defect)?).map_err(says)?;
        }
        transaction.execute(&note, (version, env!("CARGO_PKG_VERSION"))).map_err(says)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(says)?;
    transaction.commit().map_err(says)
}

/// The version of the schema in the file; 0 if there is none yet.
fn version(conn: &Connection, path: &Path, names: &Names) -> Result<i64, OpenError> {
    let says = |error| explain(path, &error);
    let things: i64 = conn.query_row("SELECT COUNT(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(says)?;
    if things == 0 {
        return Ok(0);
    }
    let text = compile(Statement::Check.template(), names, &SQLITE);
    let text = text.map_err(|defect| OpenError::Defect(defect.to_string()))?;
    conn.query_row(&text, [], |row| row.get(0)).map_err(|error| renamed(path, &error))
}

/// Every statement is prepared once, so that a wrong name fails now and not at a request.
fn check_statements(conn: &Connection, path: &Path, texts: &Texts) -> Result<(), OpenError> {
    let prepare = |statement: &Statement| conn.prepare(texts.of(*statement)).map(drop);
    Statement::ALL.iter().try_for_each(prepare).map_err(|error| renamed(path, &error))
}

fn renamed(path: &Path, error: &Error) -> OpenError {
    match error {
        Error::SqliteFailure(code, _) if code.code == ErrorCode::Unknown => {
            OpenError::Names { path: path.to_owned(), cause: error.to_string() }
        }
        Error::SqlInputError { msg, .. } => OpenError::Names { path: path.to_owned(), cause: msg.clone() },
        other => explain(path, other),
    }
}

fn explain(path: &Path, error: &Error) -> OpenError {
    let path = path.to_owned();
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => OpenError::NotADatabase { path },
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => OpenError::Locked { path },
        _ => OpenError::Database { path, cause: error.to_string() },
    }
}
