//! Where documents of servers outlive a run of the program.

use async_trait::async_trait;

use crate::error::Error;

/// Keeps what servers publish for the next run of the program, and for other processes.
#[async_trait]
pub trait Shelf: Send + Sync + 'static {
    /// What was put there last under this name.
    ///
    /// # Errors
    ///
    /// It cannot be read: somebody must see to that.
    async fn look(&self, name: &str) -> Result<Option<String>, Error>;

    /// Puts a document there, in the place of the one before. What cannot be kept is asked for again: nobody need hear of it.
    async fn put(&self, name: &str, document: String);
}
