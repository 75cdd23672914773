//! rusqlite alone: one connection that writes, each statement synced by itself, and some that read.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use firman_proto::id::RecordId;
use firman_store::Rotation;
use rusqlite::Connection;

use super::{Raw, read_values, rotate_values, texts};
use crate::dialect::SQLITE;
use crate::names::Names;
use crate::options::{OpenError, Options};
use crate::sqlite::{bind, reader, yardstick};
use crate::statements::Statement;
use crate::texts::Texts;

struct Plain {
    readers: Vec<Mutex<Connection>>,
    writer: tokio::sync::Mutex<Arc<Mutex<Connection>>>,
    read: String,
    rotate: String,
}

pub(super) fn open(options: &Options, connections: usize) -> Result<Arc<dyn Raw>, OpenError> {
    let (read, rotate) = texts(options, &SQLITE)?;
    let path = Path::new(options.url.trim_start_matches("sqlite:"));
    let failed = |error: rusqlite::Error| OpenError::Defect(error.to_string());
    let readers = (0..connections.max(1)).map(|_| reader(path).map(Mutex::new));
    let readers = readers.collect::<Result<_, _>>().map_err(failed)?;
    let writer = tokio::sync::Mutex::new(Arc::new(Mutex::new(yardstick(path).map_err(failed)?)));
    Ok(Arc::new(Plain { readers, writer, read, rotate }))
}

pub(super) fn plan_of(options: &Options, statement: Statement) -> Result<Vec<String>, String> {
    let names = Names::resolve(&options.names, &SQLITE).map_err(|error| error.to_string())?;
    let texts = Texts::compile(&names, &SQLITE).map_err(|defect| defect.to_string())?;
    let explained = || {
        let conn = reader(Path::new(options.url.trim_start_matches("sqlite:")))?;
        let mut prepared = conn.prepare(&format!("EXPLAIN QUERY PLAN {}", texts.of(statement)))?;
        let mut rows = prepared.raw_query();
        let mut steps = Vec::new();
        while let Some(row) = rows.next()? {
            steps.push(row.get(3)?);
        }
        Ok(steps)
    };
    explained().map_err(|error: rusqlite::Error| error.to_string())
}

#[async_trait]
impl Raw for Plain {
    async fn read(&self, nth: usize, id: RecordId) -> Result<bool, String> {
        let Some(reader) = self.readers.get(nth % self.readers.len()) else { return Ok(false) };
        let conn = reader.lock().unwrap_or_else(PoisonError::into_inner);
        let there = || {
            let mut prepared = conn.prepare_cached(&self.read)?;
            bind(&mut prepared, &read_values(id))?;
            Ok(prepared.raw_query().next()?.is_some())
        };
        there().map_err(|error: rusqlite::Error| error.to_string())
    }

    async fn rotate(&self, _: usize, rotation: &Rotation) -> Result<u64, String> {
        // Whoever waits for the disk does so beside the tasks that do not.
        let (conn, values, text) = (self.writer.lock().await, rotate_values(rotation), self.rotate.clone());
        let held = Arc::clone(&conn);
        let run = move || {
            let conn = held.lock().unwrap_or_else(PoisonError::into_inner);
            let mut prepared = conn.prepare_cached(&text)?;
            bind(&mut prepared, &values)?;
            prepared.raw_execute()
        };
        let rows = tokio::task::spawn_blocking(run).await.map_err(|error| error.to_string())?;
        rows.map(|rows| rows as u64).map_err(|error| error.to_string())
    }

    async fn size(&self) -> Result<u64, String> {
        let Some(reader) = self.readers.first() else { return Ok(0) };
        let conn = reader.lock().unwrap_or_else(PoisonError::into_inner);
        let text = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()";
        let bytes: i64 = conn.query_row(text, [], |row| row.get(0)).map_err(|error| error.to_string())?;
        Ok(bytes.unsigned_abs())
    }
}
