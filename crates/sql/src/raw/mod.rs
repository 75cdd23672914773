//! The drivers alone: the yardstick of `firman bench store`. They run the same texts as the store and nothing else of it: no
//! merging, no queue, no records made of rows.

mod postgres;
mod sqlite;

use std::sync::Arc;

use async_trait::async_trait;
use firman_proto::id::RecordId;
use firman_store::{CommitId, Rotation};

use crate::dialect::Dialect;
use crate::names::Names;
use crate::options::{OpenError, Options};
use crate::plan;
use crate::statements::Statement;
use crate::texts::Texts;
use crate::value::{Value, params};

/// Runs the two statements that matter most: the point read of a grant and its rotation.
#[async_trait]
pub trait Raw: Send + Sync {
    /// Reads a grant and what its life depends on; whether it is there. `nth` chooses a connection.
    async fn read(&self, nth: usize, id: RecordId) -> Result<bool, String>;

    /// Rotates a grant in a transaction of its own, durably; the rows it changed.
    async fn rotate(&self, nth: usize, rotation: &Rotation) -> Result<u64, String>;
}

/// So many connections of the plain driver to a database that the store has set up.
pub async fn open(options: &Options, connections: usize) -> Result<Arc<dyn Raw>, OpenError> {
    if crate::postgres::is_meant(&options.url) {
        postgres::open(options, connections).await
    } else {
        sqlite::open(options, connections)
    }
}

/// The texts of the point read and of the rotation.
fn texts(options: &Options, dialect: &Dialect) -> Result<(String, String), OpenError> {
    let names = Names::resolve(&options.names, dialect)?;
    let texts = Texts::compile(&names, dialect).map_err(|defect| OpenError::Defect(defect.to_string()))?;
    Ok((texts.of(Statement::FindGrant).to_owned(), texts.of(Statement::Rotate).to_owned()))
}

/// The parameters of the point read.
fn read_values(id: RecordId) -> [Value; 3] {
    params![None::<i64>, None::<[u8; 16]>, id]
}

/// The parameters of the rotation.
fn rotate_values(rotation: &Rotation) -> Vec<Value> {
    plan::rotate(rotation, CommitId(*rotation.id.as_bytes())).values
}
