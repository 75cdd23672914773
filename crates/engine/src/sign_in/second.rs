//! The second step of a sign-in: a code of an authenticator app, a recovery code, or a passkey; and a passkey that is both steps.
//!
//! Between the steps nothing is written: who has shown the first factor travels sealed, bound to the browser that showed it.

use std::sync::atomic::{AtomicI64, Ordering};

use firman_proto::digest::{Digest16, same};
use firman_proto::error::{Denied, ErrorCode, invalid_request};
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::SignedIn;
use firman_store::record::{Account, Attempts, Epochs, Subject};
use serde::{Deserialize, Serialize};

use super::{recovery, shared, totp};
use crate::accounts::{Edited, edit, noted};
use crate::attempts::Pace;
use crate::authorize::{self, Browser, Interaction, LoggedIn, Next, SessionCookie};
use crate::failure::{Failure, Fault};
use crate::passkeys::{self, Owner};
use crate::ports::{ProvedThere, User};
use crate::{Engine, envelope};

const PURPOSE: &str = "half sign-in";

/// How long somebody may take for the second step.
const PATIENCE: Lifetime = Lifetime::from_seconds(600);

/// Somebody who has shown the first factor.
#[derive(Serialize, Deserialize)]
struct Half {
    subject: Subject,
    username: String,
    amr: Vec<String>,
    epochs: Option<Epochs>,
    #[serde(default)]
    upstream: Option<ProvedThere>,
    at: Timestamp,
    /// The sealed request that they go on with.
    request: String,
}

/// What came of the second step.
pub enum SecondStep {
    /// They are who they say, and go on with the request.
    Welcome {
        /// The new cookie.
        cookie: SessionCookie,
        /// Their name.
        username: String,
        /// Where to.
        next: Next,
    },
    /// The code is wrong, or was used.
    Wrong,
    /// Too many were wrong; another may be tried then.
    Wait(Lifetime),
}

/// What goes to the page of the second step, if this sign-in needs one; `None` if it is complete.
pub(crate) async fn half(
    engine: &Engine,
    browser: &Browser,
    user: &User,
    request: String,
    now: Timestamp,
) -> Result<Option<String>, Failure> {
    if is_complete(user) || !has_second(engine, &user.subject).await? {
        return Ok(None);
    }
    Ok(Some(Half::of(user, request, now).seal(engine, browser)?))
}

fn is_complete(user: &User) -> bool {
    user.amr.iter().any(|method| method == "mfa")
}

/// The same for somebody who is signed in, but not well enough: only what is missing is asked for. Here a passkey will do for those who
/// have no app: nobody is asked for it at every sign-in, but who wants more than a password gets it.
pub(crate) async fn step_up(
    engine: &Engine,
    browser: &Browser,
    signed_in: &SignedIn,
    request: String,
    now: Timestamp,
) -> Result<Option<String>, Failure> {
    let session = &signed_in.session;
    let user = User {
        subject: session.subject.clone(),
        username: session.details.username.clone(),
        amr: session.details.amr.clone(),
        epochs: Some(session.epochs),
        upstream: session.details.upstream.clone().map(|at| ProvedThere { at, auth_time: now }),
    };
    if is_complete(&user) || ways_of(engine, &user.subject).await? == Ways::default() {
        return Ok(None);
    }
    Ok(Some(Half::of(&user, request, now).seal(engine, browser)?))
}

/// Whether a password alone signs nobody in to this account: it has an app, or a passkey where that is asked for then.
pub(crate) async fn has_second(engine: &Engine, subject: &Subject) -> Result<bool, Fault> {
    let ways = ways_of(engine, subject).await?;
    Ok(ways.code || (ways.passkey && engine.policy.passkey_after_password))
}

/// What a second step may be taken with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ways {
    /// A code of an app, or a recovery code.
    pub code: bool,
    /// A passkey.
    pub passkey: bool,
}

/// What the page of a second step offers; refuses what is not of this browser, or too old.
pub async fn second_step_of(engine: &Engine, browser: &Browser, half: &str, now: Timestamp) -> Result<Ways, Failure> {
    let half = Half::open(engine, browser, half, now).await?;
    Ok(ways_of(engine, &half.subject).await?)
}

/// The sealed request that half a sign-in goes on with: in its language its page speaks.
pub async fn request_of(engine: &Engine, browser: &Browser, half: &str, now: Timestamp) -> Result<String, Failure> {
    Ok(Half::open(engine, browser, half, now).await?.request)
}

async fn ways_of(engine: &Engine, subject: &Subject) -> Result<Ways, Fault> {
    let Some(local) = engine.accounts.local() else { return Ok(Ways::default()) };
    let account = local.of(subject).await?;
    Ok(account.map_or_else(Ways::default, |account| Ways {
        code: account.factors.totp.is_some(),
        passkey: !account.factors.passkeys.is_empty(),
    }))
}

/// Takes the code of the second step.
pub async fn second_step(
    engine: &Engine,
    browser: &Browser,
    half: &str,
    typed: &str,
    now: Timestamp,
) -> Result<SecondStep, Failure> {
    let half = Half::open(engine, browser, half, now).await?;
    // RFC 6238 §5.2 and the guesses that six digits invite: only few, from a browser that is not known; its own from one that is.
    let known = browser.guesser(engine, &half.username).known;
    let count = match known {
        Some(device) => Digest16::of(&[b"second", half.subject.as_str().as_bytes(), &device.0]),
        None => Digest16::of(&[b"second", half.subject.as_str().as_bytes()]),
    };
    let pace: Pace = engine.policy.sign_in.second;
    let attempt = match engine.attempts.begin(vec![(count, pace)], now) {
        Ok(attempt) => attempt,
        Err(wait) => return Ok(SecondStep::Wait(wait)),
    };
    match shown(engine, &half, typed, known.is_none().then_some(pace), now).await? {
        Shown::Right => attempt.was_right(),
        Shown::Wrong(why) => {
            tracing::info!(why, "a second step failed");
            engine.sign_in_refused(Some(&half.subject), "second", why, now).await;
            return Ok(SecondStep::Wrong);
        }
        Shown::Held(wait) => return Ok(SecondStep::Wait(wait)),
    }
    // RFC 8176 §2: otp is the code, mfa that there was more than one factor.
    half.complete(engine, browser, ["otp", "mfa"].map(str::to_owned), now).await
}

/// Takes a passkey for the second step: of whom it is, and nobody else's.
pub async fn second_step_by_passkey(
    engine: &Engine,
    browser: &Browser,
    half: &str,
    shown: (&str, &str),
    now: Timestamp,
) -> Result<SecondStep, Failure> {
    let half = Half::open(engine, browser, half, now).await?;
    match passkeys::check(engine, browser, shown, Owner::Of(&half.subject), now).await? {
        Some(user) => half.complete(engine, browser, user.amr, now).await,
        None => Ok(SecondStep::Wrong),
    }
}

/// Signs somebody in by a passkey alone, whoever they are.
pub async fn by_passkey(
    engine: &Engine,
    browser: &Browser,
    request: &str,
    shown: (&str, &str),
    now: Timestamp,
) -> Result<SecondStep, Failure> {
    match passkeys::check(engine, browser, shown, Owner::Anybody, now).await? {
        Some(user) => go_on(engine, browser, &user, request, now).await,
        None => Ok(SecondStep::Wrong),
    }
}

/// Signs somebody in who has shown all that is asked for.
async fn go_on(
    engine: &Engine,
    browser: &Browser,
    user: &User,
    request: &str,
    now: Timestamp,
) -> Result<SecondStep, Failure> {
    let username = user.username.clone();
    let (interaction, client) = Interaction::resume(engine, browser, request, now).await?;
    match authorize::welcome(engine, browser, interaction, &client, user, now).await? {
        LoggedIn::Welcome { cookie, next } => Ok(SecondStep::Welcome { cookie, username, next }),
        _ => Ok(SecondStep::Wrong),
    }
}

/// What a code came to.
enum Shown {
    Right,
    Wrong(&'static str),
    Held(Lifetime),
}

/// Takes a code, or counts a miss. The count stands with the account, in the same guarded write: all nodes together take so many and
/// no more, however many guesses come at once. `pace` is none for a browser that is known, which has a count of its own.
async fn shown(
    engine: &Engine,
    half: &Half,
    typed: &str,
    pace: Option<Pace>,
    now: Timestamp,
) -> Result<Shown, Failure> {
    let id = Account::id_of(&half.subject, engine.number);
    let held = AtomicI64::new(0);
    let changed = edit(engine, id, now, |account| {
        let misses = account.factors.misses;
        if let (Some(_), Some(wait)) = (pace, shared::held_for(misses, now)) {
            held.store(wait.millis(), Ordering::Relaxed);
            return Err(wrong().into());
        }
        match (taken(engine, account, typed, now), pace) {
            (Ok(edited), _) => {
                account.factors.misses = Attempts::default();
                Ok(edited)
            }
            (Err(Failure::Denied(_)), Some(pace)) if account.enabled => {
                account.factors.misses = shared::after_failure(misses, pace, now);
                let begins = misses.locked_until.is_none() && account.factors.misses.locked_until.is_some();
                // Of every miss there is a line of its own (`sign_in_failed`).
                Ok(noted(if begins { "second_step_locked" } else { "" }))
            }
            (Err(why), _) => Err(why),
        }
    });
    match changed.await {
        Ok(account) if account.factors.misses == Attempts::default() => Ok(Shown::Right),
        Ok(_) => Ok(Shown::Wrong(WRONG)),
        Err(Failure::Denied(_)) => {
            let wait = Lifetime::from_millis(held.load(Ordering::Relaxed));
            Ok(if wait > Lifetime::ZERO { Shown::Held(wait) } else { Shown::Wrong(WRONG) })
        }
        Err(fault) => Err(fault),
    }
}

const WRONG: &str = "the code is wrong, or was used";

fn wrong() -> Denied {
    Denied::new(ErrorCode::AccessDenied, WRONG)
}

/// Takes a code off an account: of its app by the step, or of its recovery codes.
fn taken(engine: &Engine, account: &mut Account, typed: &str, now: Timestamp) -> Result<Edited, Failure> {
    if !account.enabled {
        return Err(wrong().into());
    }
    let digits: String = typed.chars().filter(|c| !c.is_whitespace() && *c != '-').take(64).collect();
    if digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_digit()) {
        let totp = account.factors.totp.as_mut().ok_or_else(wrong)?;
        let secret = totp::unwrap(engine, account.id, totp)?;
        totp.last_step = totp::step_of(&secret, &digits, totp.last_step, now).ok_or_else(wrong)?;
        return Ok(noted("totp_used"));
    }
    let digest = recovery::digest(engine, account.id, typed)?;
    let left = account.factors.recovery_codes.len();
    account.factors.recovery_codes.retain(|known| !same(known.as_bytes(), digest.as_bytes()));
    if account.factors.recovery_codes.len() == left {
        return Err(wrong().into());
    }
    Ok(noted("recovery_code_used"))
}

impl Half {
    fn of(user: &User, request: String, now: Timestamp) -> Self {
        Self {
            subject: user.subject.clone(),
            username: user.username.clone(),
            amr: user.amr.clone(),
            epochs: user.epochs,
            upstream: user.upstream.clone(),
            at: now,
            request,
        }
    }

    /// Both steps are taken: as often as it was shown, a method is told once.
    async fn complete(
        self,
        engine: &Engine,
        browser: &Browser,
        shown: impl IntoIterator<Item = String>,
        now: Timestamp,
    ) -> Result<SecondStep, Failure> {
        let Self { subject, username, amr: first, epochs, upstream, request, .. } = self;
        let mut amr: Vec<String> = Vec::new();
        for method in first.into_iter().chain(shown) {
            if !amr.contains(&method) {
                amr.push(method);
            }
        }
        let user = User { subject, username, amr, epochs, upstream };
        go_on(engine, browser, &user, &request, now).await
    }

    fn seal(&self, engine: &Engine, browser: &Browser) -> Result<String, Fault> {
        envelope::seal(engine, (PURPOSE, &browser.binding()), self)
    }

    async fn open(engine: &Engine, browser: &Browser, sealed: &str, now: Timestamp) -> Result<Self, Failure> {
        let expired =
            || invalid_request("half: this page has expired, or was opened in another browser; sign in again");
        let half: Option<Self> = envelope::open(engine, (PURPOSE, &browser.binding()), sealed, now).await?;
        Ok(half.filter(|half| now < half.at.plus(PATIENCE)).ok_or_else(expired)?)
    }
}
