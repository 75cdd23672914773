//! How people prove who they are: a password, then perhaps a second step. All of it ends in one sign-in (`authorize::login`).

mod known;
pub(crate) mod password;
pub(crate) mod recovery;
mod second;
mod shared;
pub(crate) mod totp;

pub use known::known_to;
pub use second::{SecondStep, Then, Ways, by_passkey, second_step, second_step_by_passkey, second_step_of};

pub(crate) use second::{half, has_second, step_up};

use firman_proto::time::{Lifetime, Timestamp};

use crate::Engine;
use crate::authorize::{self, Browser, SessionCookie};
use crate::failure::Failure;
use crate::ports::User;
use password::Checked;

/// What came of a user name and a password that were typed on a page of our own, for no client.
pub enum Entered {
    /// They are who they say.
    Welcome(SessionCookie),
    /// They have a second step before them: this goes there.
    Second(String),
    /// User name or password is wrong.
    Wrong,
    /// Too many were wrong; another may be tried then.
    Wait(Lifetime),
}

/// Signs somebody in who came to a page of ours by themselves; `page` is where they go on, below the issuer.
pub async fn enter(
    engine: &Engine,
    browser: &Browser,
    page: &str,
    (username, password): (&str, &str),
    now: Timestamp,
) -> Result<Entered, Failure> {
    let user = match password::check(engine, &browser.guesser(engine, username), username, password, now).await? {
        Checked::Right(user) => user,
        Checked::Wrong => return Ok(Entered::Wrong),
        Checked::Wait(time) => return Ok(Entered::Wait(time)),
    };
    if let Some(half) = half(engine, browser, &user, Then::Page(page.to_owned()), now).await? {
        return Ok(Entered::Second(half));
    }
    Ok(Entered::Welcome(let_in(engine, browser, &user, now).await?))
}

/// A session for whoever has proved who they are.
pub(crate) async fn let_in(
    engine: &Engine,
    browser: &Browser,
    user: &User,
    now: Timestamp,
) -> Result<SessionCookie, Failure> {
    let before = authorize::signed_in(engine, browser, None, now).await?;
    let session = authorize::begin_session(engine, user, before, now).await?;
    Ok(authorize::cookie_of(engine, &session, now)?)
}
