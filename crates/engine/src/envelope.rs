//! Values that travel through browsers and come back: sealed for a purpose, and where that is said for one browser.

use std::fmt::Display;

use firman_proto::time::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::failure::Fault;
use crate::{Engine, random};

/// What an envelope is for, and what else must be the same when it comes back.
pub(crate) type Place<'a> = (&'a str, &'a [u8]);

/// Seals a value.
pub(crate) fn seal(engine: &Engine, (purpose, binding): Place<'_>, value: &impl Serialize) -> Result<String, Fault> {
    let broken = |error: &dyn Display| Fault::lasting("seal what travels", format!("{purpose}: {error}"));
    let plain = Zeroizing::new(serde_json::to_vec(value).map_err(|error| broken(&error))?);
    let nonce = random::bytes(&*engine.entropy)?;
    let sealed = engine.keys.current().keyring.seal_envelope(purpose, binding, nonce, &plain);
    sealed.map_err(|error| broken(&error))
}

/// Opens what [`seal`] gave for the same place; `None` if it is none of that.
pub(crate) async fn open<T: DeserializeOwned>(
    engine: &Engine,
    place: Place<'_>,
    sealed: &str,
    now: Timestamp,
) -> Result<Option<T>, Fault> {
    let plain = engine.keys.open_envelope(&*engine.store, place, sealed, now).await?;
    Ok(plain.ok().and_then(|plain| serde_json::from_slice(&plain).ok()))
}
