//! The connection that makes and changes tables.

use async_trait::async_trait;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Row, Value};

use super::connector::Server;
use super::fault::{When, meaning};
use crate::remote::{Admin, WireError};

/// A connection for the schema. It waits for locks as long as the server's own settings say.
pub(super) struct Schema {
    conn: Conn,
}

impl Schema {
    pub(super) async fn new(mut conn: Conn, server: Server) -> Result<Self, WireError> {
        // In a cluster: a node that comes to migrate after another sees what that did.
        let causal = if server.clustered { ", wsrep_sync_wait = 7" } else { "" };
        let settings = format!(
            "SET NAMES utf8mb4;SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED;\
             SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'{causal}"
        );
        conn.query_drop(settings).await.map_err(|error| understood(&error))?;
        Ok(Self { conn })
    }
}

#[async_trait]
impl Admin for Schema {
    async fn execute(&mut self, statement: &str) -> Result<(), WireError> {
        self.conn.query_drop(statement).await.map_err(|error| understood(&error))
    }

    async fn rows(&mut self, query: &str) -> Result<Vec<Vec<Option<String>>>, WireError> {
        let rows: Vec<Row> = self.conn.query(query).await.map_err(|error| understood(&error))?;
        Ok(rows.into_iter().map(|row| row.unwrap().into_iter().map(text).collect()).collect())
    }

    async fn check(&mut self, statement: &str) -> Result<(), WireError> {
        let prepared = self.conn.prep(statement).await.map_err(|error| understood(&error))?;
        self.conn.close(prepared).await.map_err(|error| understood(&error))
    }
}

fn understood(error: &mysql_async::Error) -> WireError {
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
