//! The two that are compared: the store, and the driver alone.

use std::sync::Arc;

use firman_proto::id::RecordId;
use firman_sql::raw::{self, Raw};
use firman_sql::{Options, SqlStore};
use firman_store::{Change, Rotation, Store};

use super::StoreBenchError;
use super::records::done;

/// Connections of the plain driver, and of the store that merges nothing, that write at once.
pub(super) const UNMERGED: usize = 16;

/// Something that reads and rotates grants.
#[derive(Clone)]
pub(super) enum Side {
    Store(Arc<SqlStore>),
    Raw(Arc<dyn Raw>),
}

impl Side {
    /// The point read of a grant.
    pub(super) async fn read(&self, nth: usize, id: RecordId) -> Result<(), String> {
        let there = match self {
            Self::Store(store) => store.grant(id, None).await.map(|found| found.is_some()).map_err(|e| e.to_string()),
            Self::Raw(raw) => raw.read(nth, id).await,
        };
        there?.then_some(()).ok_or_else(|| "a grant was not found".to_owned())
    }

    /// The rotation of a grant, in a commit of its own.
    pub(super) async fn rotate(&self, nth: usize, rotation: Rotation) -> Result<(), String> {
        match self {
            Self::Store(store) => {
                done(&**store, vec![Change::Rotate(Box::new(rotation))]).await.map_err(|error| error.to_string())
            }
            Self::Raw(raw) => match raw.rotate(nth, &rotation).await? {
                1 => Ok(()),
                rows => Err(format!("a rotation changed {rows} rows")),
            },
        }
    }
}

/// Everything that is compared, on one database.
pub(super) struct Sides {
    pub(super) store: Side,
    pub(super) unmerged: Side,
    pub(super) raw_reads: Side,
    pub(super) raw_commits: Side,
    raw: Arc<dyn Raw>,
    alone: Arc<SqlStore>,
}

impl Sides {
    pub(super) async fn open(store: &Arc<SqlStore>, database: &Options) -> Result<Self, StoreBenchError> {
        let unmerged = Options { writers: UNMERGED, longest_batch: 1, ..database.clone() };
        let alone = SqlStore::open(unmerged).await?;
        let raw = raw::reader(database).await?;
        Ok(Self {
            store: Side::Store(Arc::clone(store)),
            unmerged: Side::Store(Arc::clone(&alone)),
            raw_reads: Side::Raw(Arc::clone(&raw)),
            raw_commits: Side::Raw(raw::open(database, UNMERGED).await?),
            raw,
            alone,
        })
    }

    /// The bytes of the database on disk, without its logs.
    pub(super) async fn size(&self) -> Result<u64, StoreBenchError> {
        self.raw.size().await.map_err(StoreBenchError::Wrong)
    }

    pub(super) async fn close(&self) {
        self.alone.close().await;
    }
}
