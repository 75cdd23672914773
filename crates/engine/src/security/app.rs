//! Authenticator apps and recovery codes of an account.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use firman_proto::error::{Denied, invalid_request};
use firman_proto::id::RecordId;
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::record::Totp;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{Fresh, Owner};
use crate::accounts::{edit, noted};
use crate::authorize::Browser;
use crate::failure::{Failure, Fault};
use crate::sign_in::{recovery, totp};
use crate::{Engine, envelope, random};

const PURPOSE: &str = "app enrolment";

/// How long somebody may take to set their app up.
const PATIENCE: Lifetime = Lifetime::from_seconds(900);

/// An app that is being set up: nothing is written before it has shown a code.
pub struct Enrolment {
    /// What the form carries: the secret, sealed for this browser and account.
    pub sealed: String,
    /// What is typed into an app that takes no pictures.
    pub secret: Zeroizing<String>,
    /// What the QR code says.
    pub address: Zeroizing<String>,
}

/// What came of the first code of an app.
pub enum Enrolled {
    /// The app is set up; these codes are for when it is lost, and are shown this once.
    Done(Zeroizing<Vec<String>>),
    /// The code is not of this secret and time: the same page again.
    Wrong(Enrolment),
}

impl fmt::Debug for Enrolment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Enrolment(..)")
    }
}

impl fmt::Debug for Enrolled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if matches!(self, Self::Done(_)) { "Done(..)" } else { "Wrong(..)" })
    }
}

#[derive(Serialize, Deserialize)]
struct Begun {
    account: RecordId,
    secret: String,
    at: Timestamp,
}

/// Draws the secret of a new app.
pub fn begin_app(engine: &Engine, browser: &Browser, fresh: &Fresh, now: Timestamp) -> Result<Enrolment, Failure> {
    must_have_none(fresh.owner())?;
    let secret = Zeroizing::new(random::bytes::<{ totp::SECRET_BYTES }>(&*engine.entropy)?);
    let account = fresh.owner().account();
    let begun = Begun { account: account.id, secret: URL_SAFE_NO_PAD.encode(*secret), at: now };
    Ok(begun.shown(engine, browser, &account.username)?)
}

/// Sets the app up, if it shows a code of the secret.
pub async fn confirm_app(
    engine: &Engine,
    browser: &Browser,
    fresh: &Fresh,
    (sealed, code): (&str, &str),
    now: Timestamp,
) -> Result<Enrolled, Failure> {
    must_have_none(fresh.owner())?;
    let account = fresh.owner().account();
    let begun = Begun::open(engine, browser, sealed, now).await?;
    // A form that another account of the same browser got.
    if begun.account != account.id {
        return Err(expired().into());
    }
    let secret = Zeroizing::new(URL_SAFE_NO_PAD.decode(&begun.secret).map_err(|_| expired())?);
    let code: String = code.chars().filter(char::is_ascii_digit).take(16).collect();
    let Some(step) = totp::step_of(&secret, &code, 0, now) else {
        return Ok(Enrolled::Wrong(begun.shown(engine, browser, &account.username)?));
    };
    let app = Totp { wrapped: totp::wrap(engine, account.id, &secret)?, last_step: step, added_at: now };
    let codes = recovery::new_codes(engine)?;
    let digests = digests(engine, account.id, &codes)?;
    edit(engine, account.id, now, |account| {
        if account.factors.totp.is_some() {
            return Err(there_is_one().into());
        }
        account.factors.totp = Some(app.clone());
        account.factors.recovery_codes.clone_from(&digests);
        Ok(noted("totp_added"))
    })
    .await?;
    Ok(Enrolled::Done(codes))
}

/// Takes the app away, and the recovery codes with it: from now on the password is enough.
pub async fn remove_app(engine: &Engine, fresh: &Fresh, now: Timestamp) -> Result<(), Failure> {
    edit(engine, fresh.owner().account().id, now, |account| {
        account.factors.totp = None;
        account.factors.recovery_codes.clear();
        Ok(noted("totp_removed"))
    })
    .await?;
    Ok(())
}

/// New recovery codes; the old ones are good no more. They are shown this once.
pub async fn new_recovery_codes(
    engine: &Engine,
    fresh: &Fresh,
    now: Timestamp,
) -> Result<Zeroizing<Vec<String>>, Failure> {
    make_recovery_codes(engine, fresh.owner().account().id, now).await
}

/// The same for an account whose owner asked an operator.
pub(crate) async fn make_recovery_codes(
    engine: &Engine,
    id: RecordId,
    now: Timestamp,
) -> Result<Zeroizing<Vec<String>>, Failure> {
    let codes = recovery::new_codes(engine)?;
    let digests = digests(engine, id, &codes)?;
    edit(engine, id, now, |account| {
        if account.factors.totp.is_none() {
            return Err(invalid_request("recovery codes stand in for an app, and there is none").into());
        }
        account.factors.recovery_codes.clone_from(&digests);
        Ok(noted("recovery_codes_made"))
    })
    .await?;
    Ok(codes)
}

fn digests(engine: &Engine, account: RecordId, codes: &[String]) -> Result<Vec<String>, Fault> {
    codes.iter().map(|code| recovery::digest(engine, account, code)).collect()
}

fn must_have_none(owner: &Owner) -> Result<(), Denied> {
    if owner.account().factors.totp.is_some() { Err(there_is_one()) } else { Ok(()) }
}

fn there_is_one() -> Denied {
    invalid_request("there is an app already; remove it first")
}

fn expired() -> Denied {
    invalid_request("enrolment: this page has expired, or was opened in another browser; begin again")
}

impl Begun {
    fn shown(&self, engine: &Engine, browser: &Browser, username: &str) -> Result<Enrolment, Fault> {
        let broken = |error: &dyn fmt::Display| Fault::lasting("seal an enrolment", error.to_string());
        let sealed = envelope::seal(engine, (PURPOSE, &browser.binding()), self)?;
        let secret = Zeroizing::new(URL_SAFE_NO_PAD.decode(&self.secret).map_err(|error| broken(&error))?);
        let issuer = engine.issuer.origin();
        let issuer = issuer.split_once("://").map_or(issuer, |(_, host)| host);
        Ok(Enrolment { sealed, secret: totp::base32(&secret), address: totp::address(issuer, username, &secret) })
    }

    async fn open(engine: &Engine, browser: &Browser, sealed: &str, now: Timestamp) -> Result<Self, Failure> {
        let begun: Option<Self> = envelope::open(engine, (PURPOSE, &browser.binding()), sealed, now).await?;
        Ok(begun.filter(|begun| now < begun.at.plus(PATIENCE)).ok_or_else(expired)?)
    }
}
