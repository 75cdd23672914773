//! The connection that makes and changes tables.

use async_trait::async_trait;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error, Row, Value};

use super::connector::Server;
use super::fault::{When, meaning};
use crate::remote::{Admin, WireError};

/// A table, column, index, row or partition of this name is there already: whoever began before us, or another node, has made
/// it. Tables of others were looked for before.
const THERE: [u16; 5] = [1050, 1060, 1061, 1062, 1517];

/// A connection for the schema. A change may take long; but while it waits for a table everybody waits behind it, so that it does
/// not wait long.
pub(super) struct Schema {
    conn: Conn,
}

impl Schema {
    pub(super) async fn new(mut conn: Conn, server: Server) -> Result<Self, WireError> {
        // In a cluster: a node that comes to migrate after another sees what that did.
        let causal = if server.clustered { ", wsrep_sync_wait = 7" } else { "" };
        let settings = format!(
            "SET NAMES utf8mb4;SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED;\
             SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', lock_wait_timeout = 10{causal}"
        );
        conn.query_drop(settings).await.map_err(|error| understood(&error))?;
        Ok(Self { conn })
    }
}

#[async_trait]
impl Admin for Schema {
    async fn execute(&mut self, statement: &str) -> Result<(), WireError> {
        match self.conn.query_drop(statement).await {
            Err(Error::Server(error)) if THERE.contains(&error.code) => Ok(()),
            done => done.map_err(|error| understood(&error)),
        }
    }

    async fn rows(&mut self, query: &str) -> Result<Vec<Vec<Option<String>>>, WireError> {
        let rows: Vec<Row> = self.conn.query(query).await.map_err(|error| understood(&error))?;
        Ok(rows.into_iter().map(|row| row.unwrap().into_iter().map(text).collect()).collect())
    }

    async fn hurry(&mut self) -> Result<(), WireError> {
        // Whole seconds; 0 would give up wherever anybody uses the table at that moment.
        self.execute("SET SESSION lock_wait_timeout = 1").await
    }

    async fn check(&mut self, statement: &str) -> Result<(), WireError> {
        let prepared = self.conn.prep(statement).await.map_err(|error| understood(&error))?;
        self.conn.close(prepared).await.map_err(|error| understood(&error))
    }
}

fn understood(error: &Error) -> WireError {
    meaning(error, When::Before).0
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::Bytes(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        Value::Int(number) => Some(number.to_string()),
        Value::UInt(number) => Some(number.to_string()),
        _ => None,
    }
}
