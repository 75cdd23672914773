//! tokio-postgres alone: statements prepared on each connection, each committing by itself.

use std::sync::Arc;

use async_trait::async_trait;
use firman_proto::id::RecordId;
use firman_store::Rotation;
use tokio_postgres::{Client, Error, Statement};

use super::{Raw, read_values, rotate_values, texts};
use crate::dialect::POSTGRES;
use crate::options::{OpenError, Options};
use crate::postgres::{borrowed, connect, params};

struct Plain(Vec<Prepared>);

struct Prepared {
    client: Client,
    read: Statement,
    rotate: Statement,
}

pub(super) async fn open(options: &Options, connections: usize) -> Result<Arc<dyn Raw>, OpenError> {
    let (read, rotate) = texts(options, &POSTGRES)?;
    let failed = |error: Error| OpenError::Defect(error.to_string());
    let mut plain = Vec::new();
    for _ in 0..connections.max(1) {
        let client = connect(options).await?;
        let prepared = (client.prepare(&read).await, client.prepare(&rotate).await);
        plain.push(Prepared { client, read: prepared.0.map_err(failed)?, rotate: prepared.1.map_err(failed)? });
    }
    Ok(Arc::new(Plain(plain)))
}

impl Plain {
    fn connection(&self, nth: usize) -> Result<&Prepared, String> {
        self.0.get(nth % self.0.len().max(1)).ok_or_else(|| "no connection".to_owned())
    }
}

#[async_trait]
impl Raw for Plain {
    async fn read(&self, nth: usize, id: RecordId) -> Result<bool, String> {
        let Prepared { client, read, .. } = self.connection(nth)?;
        let row = client.query_opt(read, &borrowed(&params(&read_values(id)))).await;
        row.map(|row| row.is_some()).map_err(|error| error.to_string())
    }

    async fn rotate(&self, nth: usize, rotation: &Rotation) -> Result<u64, String> {
        let Prepared { client, rotate, .. } = self.connection(nth)?;
        let rows = client.execute(rotate, &borrowed(&params(&rotate_values(rotation)))).await;
        rows.map_err(|error| error.to_string())
    }

    async fn size(&self) -> Result<u64, String> {
        let row = self.connection(0)?.client.query_one("SELECT pg_database_size(current_database())", &[]).await;
        let bytes: i64 = row.and_then(|row| row.try_get(0)).map_err(|error| error.to_string())?;
        Ok(bytes.unsigned_abs())
    }
}
