//! What is kept of a provider's tokens: sealed under the master key, for whom they are about and for what they are.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use firman_proto::id::RecordId;
use firman_proto::seal::Place;
use zeroize::Zeroizing;

use crate::{Engine, random};

/// A token that is kept. No key of an account has these numbers.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub(super) enum Kept {
    /// Asks about somebody again.
    RefreshToken = u32::MAX,
    /// Signs them out there.
    IdToken = u32::MAX - 1,
}

impl Kept {
    /// Seals it for an account. `None` if it cannot be: then it is not kept.
    pub(super) fn seal(self, engine: &Engine, account: RecordId, token: &str) -> Option<String> {
        let nonce = random::bytes(&*engine.entropy).ok()?;
        let sealed = engine.keys.master().wrap_key(&self.place(engine, account), nonce, token.as_bytes());
        sealed.ok().map(|sealed| URL_SAFE_NO_PAD.encode(sealed))
    }

    /// Opens what is kept of an account.
    pub(super) fn open(self, engine: &Engine, account: RecordId, sealed: &str) -> Option<Zeroizing<String>> {
        let sealed = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let token = engine.keys.master().unwrap_key(&self.place(engine, account), &sealed).ok()?;
        std::str::from_utf8(&token).ok().map(|token| Zeroizing::new(token.to_owned()))
    }

    const fn place(self, engine: &Engine, account: RecordId) -> Place {
        Place { issuer: engine.number, record: account, number: self as u32 }
    }
}
