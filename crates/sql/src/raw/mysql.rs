//! mysql_async alone: statements prepared on each connection, each committing by itself.

use std::sync::Arc;

use async_trait::async_trait;
use firman_proto::id::RecordId;
use firman_store::Rotation;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error, Params, Row, Statement};
use tokio::sync::Mutex;

use super::{Raw, read_values, rotate_values, texts};
use crate::dialect::MYSQL;
use crate::mysql::{connect, parameter};
use crate::options::{OpenError, Options};
use crate::value::Value;

/// The protocol has no second question before the first is answered.
struct Plain(Vec<Mutex<Prepared>>);

struct Prepared {
    conn: Conn,
    read: Statement,
    rotate: Statement,
}

pub(super) async fn open(options: &Options, connections: usize) -> Result<Arc<dyn Raw>, OpenError> {
    let (read, rotate) = texts(options, &MYSQL)?;
    let failed = |error: Error| OpenError::Defect(error.to_string());
    let mut plain = Vec::new();
    for _ in 0..connections.max(1) {
        let mut conn = connect(options).await?;
        let read = conn.prep(&read).await.map_err(failed)?;
        let rotate = conn.prep(&rotate).await.map_err(failed)?;
        plain.push(Mutex::new(Prepared { conn, read, rotate }));
    }
    Ok(Arc::new(Plain(plain)))
}

impl Plain {
    fn connection(&self, nth: usize) -> Result<&Mutex<Prepared>, String> {
        self.0.get(nth % self.0.len().max(1)).ok_or_else(|| "no connection".to_owned())
    }
}

#[async_trait]
impl Raw for Plain {
    async fn read(&self, nth: usize, id: RecordId) -> Result<bool, String> {
        let mut held = self.connection(nth)?.lock().await;
        let Prepared { conn, read, .. } = &mut *held;
        let row = conn.exec_first::<Row, _, _>(&*read, parameters(&read_values(id))).await;
        row.map(|row| row.is_some()).map_err(|error| error.to_string())
    }

    async fn rotate(&self, nth: usize, rotation: &Rotation) -> Result<u64, String> {
        let mut held = self.connection(nth)?.lock().await;
        let Prepared { conn, rotate, .. } = &mut *held;
        let done = conn.exec_drop(&*rotate, parameters(&rotate_values(rotation))).await;
        done.map(|()| conn.affected_rows()).map_err(|error| error.to_string())
    }

    async fn size(&self) -> Result<u64, String> {
        // The lengths that are told of tables are estimates which come late.
        let text = "SELECT CAST(SUM(file_size) AS UNSIGNED) FROM information_schema.innodb_sys_tablespaces \
                    WHERE LEFT(name, CHAR_LENGTH(DATABASE()) + 1) = CONCAT(DATABASE(), '/')";
        let bytes = self.connection(0)?.lock().await.conn.query_first(text).await;
        bytes.map(Option::unwrap_or_default).map_err(|error| error.to_string())
    }
}

fn parameters(values: &[Value]) -> Params {
    Params::Positional(values.iter().map(parameter).collect())
}
