//! Digests that stand for values in keys, and comparison that tells nothing by its timing.

use std::fmt;

use aws_lc_rs::digest::SHA256;
use serde::{Deserialize, Serialize};

/// The first 16 bytes of a SHA-256: a key that stands for a longer value (a client id, a user name).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Digest16(pub [u8; 16]);

impl Digest16 {
    /// The digest of several parts, each with its length before it so that parts cannot flow into each other.
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut text = Vec::with_capacity(parts.iter().map(|part| 8 + part.len()).sum());
        for part in parts {
            text.extend_from_slice(&(part.len() as u64).to_be_bytes());
            text.extend_from_slice(part);
        }
        Self(sha256(&text).first_chunk().copied().unwrap_or_default())
    }

    /// From a stored key; `None` unless it has 16 bytes.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Display for Digest16 {
    /// Lower-case hex.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// SHA-256 of `data`.
pub fn sha256(data: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    let digest = aws_lc_rs::digest::digest(&SHA256, data);
    for (to, from) in out.iter_mut().zip(digest.as_ref()) {
        *to = *from;
    }
    out
}

/// Whether two byte strings are equal; takes as long whatever they hold (only their lengths may show).
pub fn same(a: &[u8], b: &[u8]) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(a, b).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cannot_flow_into_each_other() {
        assert_ne!(Digest16::of(&[b"ab", b"c"]), Digest16::of(&[b"a", b"bc"]));
    }
}
