//! What a seal says: a fixed-width reference to a record, encrypted but for its version and key number.

use aws_lc_rs::aead::{Aad, LessSafeKey, NONCE_LEN, Nonce};

use crate::id::{IssuerNumber, RecordId};
use crate::time::Timestamp;

/// The version of the layout; also part of every key derivation.
pub(super) const VERSION: u8 = 1;
/// Version and key number, in clear.
const HEAD: usize = 1 + 4;
/// Issuer number, kind, record id, serial, issued_at, expires_at, proof.
const BODY: usize = 4 + 1 + 16 + 8 + 8 + 8 + 16;
const TAG: usize = 16;
/// The length of every identifier.
pub(super) const LENGTH: usize = HEAD + BODY + TAG;

/// A reference to a record as it stands inside a token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Identifier {
    pub(super) issuer: IssuerNumber,
    pub(super) kind: u8,
    pub(super) record: RecordId,
    pub(super) serial: u64,
    pub(super) issued_at: Timestamp,
    /// `None`: the record decides.
    pub(super) expires_at: Option<Timestamp>,
    pub(super) proof: [u8; 16],
}

impl Identifier {
    /// Encrypts it; the same identifier and key give the same bytes.
    pub(super) fn encrypt(&self, number: u32, key: &LessSafeKey) -> [u8; LENGTH] {
        let head = head(number);
        let mut body = self.encode();
        let mut out = [0; LENGTH];
        let Ok(tag) = key.seal_in_place_separate_tag(fixed_nonce(), Aad::from(head), &mut body) else {
            // AES-GCM-SIV refuses only texts beyond 64 GiB. Were it to refuse, these zeros open nowhere.
            return out;
        };
        for (to, from) in out.iter_mut().zip(head.iter().chain(&body).chain(tag.as_ref())) {
            *to = *from;
        }
        out
    }

    /// The number of the key an identifier names; `None` unless it has our length and version.
    pub(super) fn key_number(bytes: &[u8]) -> Option<u32> {
        let bytes: &[u8; LENGTH] = bytes.try_into().ok()?;
        let [VERSION, a, b, c, d, ..] = *bytes else { return None };
        Some(u32::from_be_bytes([a, b, c, d]))
    }

    /// Decrypts what [`Identifier::encrypt`] gave.
    pub(super) fn decrypt(bytes: &[u8], key: &LessSafeKey) -> Option<Self> {
        let mut sealed: [u8; LENGTH] = bytes.try_into().ok()?;
        let (head, body) = sealed.split_first_chunk_mut::<HEAD>()?;
        let body = key.open_in_place(fixed_nonce(), Aad::from(*head), body).ok()?;
        Self::decode(body)
    }

    fn encode(&self) -> [u8; BODY] {
        let mut out = [0; BODY];
        let expires_at = match self.expires_at {
            None => 0,
            // Zero means "the record decides": what expired in the very first millisecond of 1970 expired before it.
            Some(at) if at.millis() == 0 => -1,
            Some(at) => at.millis(),
        };
        let issuer = self.issuer.0.to_be_bytes();
        let (serial, issued_at) = (self.serial.to_be_bytes(), self.issued_at.millis().to_be_bytes());
        let fields = issuer.iter().chain([&self.kind]).chain(self.record.as_bytes()).chain(&serial);
        let expires_at = expires_at.to_be_bytes();
        for (to, from) in out.iter_mut().zip(fields.chain(&issued_at).chain(&expires_at).chain(&self.proof)) {
            *to = *from;
        }
        out
    }

    fn decode(body: &[u8]) -> Option<Self> {
        let (issuer, rest) = body.split_first_chunk()?;
        let (kind, rest) = rest.split_first()?;
        let (record, rest) = rest.split_first_chunk()?;
        let (serial, rest) = rest.split_first_chunk()?;
        let (issued_at, rest) = rest.split_first_chunk()?;
        let (expires_at, rest) = rest.split_first_chunk()?;
        let expires_at = i64::from_be_bytes(*expires_at);
        Some(Self {
            issuer: IssuerNumber(u32::from_be_bytes(*issuer)),
            kind: *kind,
            record: RecordId::from_bytes(*record),
            serial: u64::from_be_bytes(*serial),
            issued_at: Timestamp::from_millis(i64::from_be_bytes(*issued_at)),
            expires_at: (expires_at != 0).then_some(Timestamp::from_millis(expires_at)),
            proof: rest.try_into().ok()?,
        })
    }
}

fn head(number: u32) -> [u8; HEAD] {
    let [a, b, c, d] = number.to_be_bytes();
    [VERSION, a, b, c, d]
}

/// RFC 8452 §9: under one nonce AES-GCM-SIV is still a deterministic AEAD; it shows only that two texts are equal, and no
/// two references are. `docs/decisions/seals.md` has the bound.
fn fixed_nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; NONCE_LEN])
}
