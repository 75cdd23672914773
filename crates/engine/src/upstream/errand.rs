//! An errand: what is known of a sign-in that is under way at a provider.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use firman_proto::digest::sha256;
use firman_proto::error::{Denied, invalid_request};
use firman_proto::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::authorize::{Browser, Interaction};
use crate::failure::{Failure, Fault};
use crate::{Engine, envelope, random};

const PURPOSE: &str = "upstream";

/// What the browser carries while its person is at a provider; sealed for this browser and this `state`.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Errand {
    /// Where they are.
    pub(super) provider: String,
    /// What for.
    pub(super) interaction: Interaction,
    /// Whether they were sent to prove anew who they are.
    pub(super) anew: bool,
    /// Repeated in the ID token.
    pub(super) nonce: String,
    /// RFC 7636 §4.1.
    pub(super) verifier: String,
    /// Since when.
    pub(super) begun_at: Timestamp,
}

/// 32 random bytes, as they go into an address.
pub(super) fn word(engine: &Engine) -> Result<String, Fault> {
    Ok(URL_SAFE_NO_PAD.encode(random::bytes::<32>(&*engine.entropy)?))
}

/// Whether a text is one of those.
fn is_word(text: &str) -> bool {
    URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == 32)
}

impl Errand {
    /// Seals it for a browser and a state.
    pub(super) fn seal(&self, engine: &Engine, browser: &Browser, state: &str) -> Result<String, Fault> {
        envelope::seal(engine, (PURPOSE, &binding(browser, state)), self)
    }

    /// Opens what the browser carried.
    pub(super) async fn open(
        engine: &Engine,
        browser: &Browser,
        (state, sealed): (&str, Option<&str>),
        now: Timestamp,
    ) -> Result<Self, Failure> {
        let sealed = sealed.filter(|_| is_word(state)).ok_or_else(|| unknown("no errand of this state"))?;
        let errand = envelope::open(engine, (PURPOSE, &binding(browser, state)), sealed, now).await?;
        let errand: Self = errand.ok_or_else(|| unknown("the errand is another browser's or another state's"))?;
        let in_time =
            now < errand.begun_at.plus(engine.policy.upstream.life) && errand.interaction.is_alive(engine, now);
        Ok(in_time.then_some(errand).ok_or_else(|| unknown("it took too long"))?)
    }
}

/// What makes an errand one of this browser and this state.
pub(super) fn binding(browser: &Browser, state: &str) -> [u8; 64] {
    let mut binding = [0; 64];
    let (left, right) = binding.split_at_mut(32);
    left.copy_from_slice(&browser.binding());
    right.copy_from_slice(&sha256(state.as_bytes()));
    binding
}

/// An answer that nobody here waits for.
pub(super) fn unknown(why: &'static str) -> Denied {
    let text = "state: this sign-in was not begun in this browser, took too long, or was completed before; go back to the \
                application and start again";
    invalid_request(text).because(why)
}
