//! Salts for serde: only where a field says so, so that none is written by accident.

use firman_proto::seal::Salt;
use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

pub(crate) fn serialize<S: Serializer>(salt: &Salt, serializer: S) -> Result<S::Ok, S::Error> {
    salt.expose().serialize(serializer)
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Salt, D::Error> {
    <[u8; 16]>::deserialize(deserializer).map(Salt::from_bytes)
}
