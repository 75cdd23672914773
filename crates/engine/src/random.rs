//! What is drawn at random, by name.

use firman_proto::id::RecordId;
use firman_proto::seal::Salt;
use firman_proto::time::Timestamp;

use crate::failure::Fault;
use crate::ports::Entropy;

/// `N` random bytes.
pub fn bytes<const N: usize>(entropy: &dyn Entropy) -> Result<[u8; N], Fault> {
    let mut bytes = [0; N];
    entropy.fill(&mut bytes)?;
    Ok(bytes)
}

/// The id of a record made now.
pub fn record_id(entropy: &dyn Entropy, now: Timestamp) -> Result<RecordId, Fault> {
    Ok(RecordId::new(now, bytes(entropy)?))
}

/// The salt of a record.
pub fn salt(entropy: &dyn Entropy) -> Result<Salt, Fault> {
    Ok(Salt::from_bytes(bytes(entropy)?))
}

/// The serial of an access token.
pub fn serial(entropy: &dyn Entropy) -> Result<u64, Fault> {
    Ok(u64::from_be_bytes(bytes(entropy)?))
}
