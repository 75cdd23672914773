//! Names.

use firman_proto::digest::Digest16;
use firman_store::StoreError;
use firman_store::record::{Name, Namespace};

use crate::row::Columns;

/// Reads a row.
pub(crate) fn read(columns: &mut Columns<'_>) -> Result<Name, StoreError> {
    let namespace = columns.numbered(|number| Namespace::ALL.iter().copied().find(|known| known.number() == number))?;
    Ok(Name { namespace, digest: Digest16(columns.key()?), id: columns.id()?, expires_at: columns.time()? })
}
