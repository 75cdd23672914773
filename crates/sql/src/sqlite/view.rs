//! A view of everything as of one moment: a reader whose transaction stays open.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use firman_store::StoreError;
use rusqlite::Connection;

use super::error::fault;
use super::{open, session};
use crate::driver::{Each, View};
use crate::statements::Statement;
use crate::texts::Texts;
use crate::value::Query;

/// While it is held, the log cannot begin anew: it grows with what is written meanwhile.
pub(super) struct SqliteView {
    conn: Connection,
    texts: Arc<Texts>,
}

impl SqliteView {
    pub(super) fn begin(path: &Path, texts: Arc<Texts>) -> Result<Self, StoreError> {
        let failed = |error| fault("begin a snapshot", &error);
        let conn = open::reader(path).map_err(failed)?;
        conn.execute_batch("BEGIN").map_err(failed)?;
        // The moment is that of the first read.
        conn.query_row(texts.of(Statement::Check), [], |_| Ok(())).map_err(failed)?;
        Ok(Self { conn, texts })
    }
}

#[async_trait]
impl View for SqliteView {
    async fn read(&mut self, query: Query<'_>, each: Each<'_>) -> Result<(), StoreError> {
        session::run(&self.conn, &self.texts, 0, query, each)
    }
}
