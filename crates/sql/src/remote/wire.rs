//! One connection to a database on the network, as the shared part sees it.

use async_trait::async_trait;
use firman_store::StoreError;

use crate::driver::Each;
use crate::value::{Query, Write};

/// What a database said instead of doing it. Texts never hold a value of a record, nor a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WireError {
    /// The transaction was surely rolled back because of others (serialization failure, deadlock, lock wait, a row that
    /// somebody else inserted at the same time): the same again may succeed.
    #[error("{0}")]
    Again(String),
    /// The connection is of no more use. Whether what was sent was done is not known.
    #[error("{0}")]
    Lost(String),
    /// A statement failed, nothing of its transaction will stay. `temporary`: it may succeed later (full, too many
    /// connections, read-only for now).
    #[error("{cause}")]
    Refused {
        /// What the database says.
        cause: String,
        /// Whether the same attempt may succeed later.
        temporary: bool,
    },
    /// We are not let in: who we are, our password, a right, the database, the certificate.
    #[error("{0}")]
    Denied(String),
    /// A table or column is not there under its name.
    #[error("{0}")]
    Names(String),
}

impl WireError {
    /// The same as a fault of the world.
    pub(crate) fn fault(&self, what: &'static str) -> StoreError {
        let temporary = match self {
            Self::Again(_) | Self::Lost(_) => true,
            Self::Refused { temporary, .. } => *temporary,
            Self::Denied(_) | Self::Names(_) => false,
        };
        StoreError { what, cause: self.to_string(), temporary }
    }
}

/// Why a read did not come to its end.
#[derive(Debug)]
pub(crate) enum ReadFailure {
    /// The database.
    Wire(WireError),
    /// What was read is not what it should be.
    Row(StoreError),
}

impl From<WireError> for ReadFailure {
    fn from(error: WireError) -> Self {
        Self::Wire(error)
    }
}

/// One connection. After [`WireError::Lost`] it is thrown away.
#[async_trait]
pub(crate) trait Wire: Send + Sync + 'static {
    /// Runs statements in one round trip and gives the rows *matched* by each. `begins` and `commits`: BEGIN before and COMMIT
    /// after them in the same round trip. One statement with neither, outside a transaction, commits by itself.
    ///
    /// `Again` and `Refused` promise that nothing of the transaction stays, or will after [`Wire::roll_back`]; a COMMIT that may
    /// have happened is `Lost`.
    async fn write(&mut self, writes: &[&Write], begins: bool, commits: bool) -> Result<Vec<u64>, WireError>;

    /// The same for statements no two of which touch the same row: those of one kind may be run as one, in any order, but none
    /// before another of the same commit that stands before it.
    async fn write_apart(&mut self, writes: &[&Write], begins: bool, commits: bool) -> Result<Vec<u64>, WireError> {
        self.write(writes, begins, commits).await
    }

    /// Takes back whatever is open; nothing if nothing is.
    async fn roll_back(&mut self) -> Result<(), WireError>;

    /// Runs queries in one round trip and shows their rows. More than one: as of one moment; then nobody else uses the wire
    /// meanwhile. A single one may run beside others (see [`Connector::READS_AT_ONCE`]).
    async fn read(&self, queries: &[Query<'_>], each: Each<'_>) -> Result<(), ReadFailure>;

    /// From now on, and for as long as the connection lasts, every read is as of this moment, and the database waits for the
    /// next one without losing patience.
    async fn begin_view(&mut self) -> Result<(), WireError>;

    /// Whether the connection is known to be gone.
    fn is_lost(&self) -> bool;
}

/// Opens connections.
#[async_trait]
pub(crate) trait Connector: Send + Sync + 'static {
    /// What it opens for requests.
    type Wire: Wire;
    /// What it opens for setting up the schema.
    type Admin: Admin;
    /// How many single queries one connection takes at once: more than one where they can be pipelined.
    const READS_AT_ONCE: usize;

    /// A connection with its session set up.
    async fn connect(&self) -> Result<Self::Wire, WireError>;

    /// A connection for the schema.
    async fn admin(&self) -> Result<Self::Admin, WireError>;

    /// Where it goes to, for people: no password in it.
    fn place(&self) -> &str;
}

/// A connection for the schema: plain statements, one after the other.
#[async_trait]
pub(crate) trait Admin: Send {
    /// Runs one statement.
    async fn execute(&mut self, statement: &str) -> Result<(), WireError>;

    /// Runs one query and gives its rows as text.
    async fn rows(&mut self, query: &str) -> Result<Vec<Vec<Option<String>>>, WireError>;

    /// From now on waits for a table only for a moment: others wait behind whoever waits for all of it.
    async fn hurry(&mut self) -> Result<(), WireError> {
        Ok(())
    }

    /// Whether a statement can be run, names and types and all, without running it.
    async fn check(&mut self, statement: &str) -> Result<(), WireError>;
}
