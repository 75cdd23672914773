//! Who sends a request: a key that is proved anew each time (RFC 9449).

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use firman_proto::digest::same;
use firman_proto::dpop::{Expected, Proof};
use firman_proto::error::{Denied, ErrorCode};
use firman_proto::seal::Thumbprint;
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::record::{Once, OnceNamespace};
use firman_store::{Change, Commit};

use crate::Engine;
use crate::failure::Failure;

/// The longest that a proof is good for, whatever is set: by it a proof is remembered, so that every node, also one with
/// another setting, looks for it in the same day.
pub const LONGEST_WINDOW: Lifetime = Lifetime::from_seconds(600);

/// How long a nonce is given out; it is good for one such time more.
const NONCE_PERIOD: Lifetime = Lifetime::from_seconds(60);

/// How proofs are taken.
#[derive(Clone, Copy, Debug)]
pub struct DpopPolicy {
    /// How old a proof may be.
    pub window: Lifetime,
    /// Take no proof without a nonce of ours.
    pub require_nonce: bool,
}

impl Default for DpopPolicy {
    fn default() -> Self {
        Self { window: Lifetime::from_seconds(60), require_nonce: false }
    }
}

/// A key that has been proved, and by what, so that the same proof is not taken again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Proved {
    pub(crate) jkt: Thumbprint,
    once: Once,
}

impl Proved {
    /// The change that remembers the proof. It goes last in its commit: a conflict there is a replay.
    pub(crate) fn seen(self) -> Change {
        Change::InsertOnce(self.once)
    }
}

/// RFC 9449 §11.1: a proof that was seen before.
pub(crate) fn replayed() -> Denied {
    invalid("the DPoP proof was used before").because("its jti was seen before")
}

/// RFC 9449 §5: what is wrong with a proof.
pub(crate) fn invalid(text: &'static str) -> Denied {
    Denied::new(ErrorCode::InvalidDpopProof, text)
}

/// Checks a proof for a request to this address of ours; nothing is written yet.
pub(crate) fn verify(
    engine: &Engine,
    text: &str,
    (method, path): (&str, &str),
    access_token: Option<&str>,
    now: Timestamp,
) -> Result<Proved, Denied> {
    verify_at(engine, text, (method, &engine.issuer.endpoint(path)), access_token, now)
}

/// The same for a request to this address, which need not be below the issuer.
pub(crate) fn verify_at(
    engine: &Engine,
    text: &str,
    (method, uri): (&str, &str),
    access_token: Option<&str>,
    now: Timestamp,
) -> Result<Proved, Denied> {
    let window = engine.policy.dpop.window.min(LONGEST_WINDOW);
    let expected = Expected { method, uri, access_token, window };
    let proof = Proof::check(text, &expected, now)
        .map_err(|why| invalid("the DPoP proof is not good, or not for this request").because(why.to_string()))?;
    // RFC 9449 §8, §4.3 (10): the nonce is one that we gave.
    match &proof.nonce {
        Some(nonce) if is_ours(engine, nonce, now) => {}
        None if !engine.policy.dpop.require_nonce => {}
        _ => return Err(Denied::new(ErrorCode::UseDpopNonce, "use the nonce of this answer in the DPoP proof")),
    }
    let once = Once {
        namespace: OnceNamespace::DpopProof,
        digest: Once::digest(engine.number, proof.jkt.as_bytes(), &proof.jti),
        expires_at: proof.iat.plus(LONGEST_WINDOW),
    };
    Ok(Proved { jkt: proof.jkt, once })
}

/// Remembers a proof where nothing else is written.
pub(crate) async fn must_be_new(engine: &Engine, proved: Proved) -> Result<(), Failure> {
    match engine.commit(vec![proved.seen()]).await? {
        Commit::Done => Ok(()),
        Commit::Conflict(_) => Err(replayed().into()),
    }
}

/// The nonce to use from now on (RFC 9449 §8): the same at every node, and written nowhere.
pub fn nonce(engine: &Engine, now: Timestamp) -> String {
    nonce_of(engine, period(now))
}

fn is_ours(engine: &Engine, nonce: &str, now: Timestamp) -> bool {
    let period = period(now);
    [period, period - 1].into_iter().any(|period| same(nonce.as_bytes(), nonce_of(engine, period).as_bytes()))
}

fn period(now: Timestamp) -> i64 {
    now.millis().div_euclid(NONCE_PERIOD.millis())
}

fn nonce_of(engine: &Engine, period: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, &engine.keys.current().csrf);
    let mut mac = hmac::Context::with_key(&key);
    // No page of ours is called so.
    mac.update(b"DPoP-Nonce\0");
    mac.update(&period.to_be_bytes());
    URL_SAFE_NO_PAD.encode(mac.sign())
}
