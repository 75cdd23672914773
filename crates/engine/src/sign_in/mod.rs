//! How people prove who they are: a password, then perhaps a second step. All of it ends in one sign-in (`authorize::login`).

mod known;
pub(crate) mod password;
pub(crate) mod recovery;
mod second;
mod shared;
pub(crate) mod totp;

pub use known::{goes_by, known_to};
pub use second::{SecondStep, Then, Ways, by_passkey, second_step, second_step_by_passkey, second_step_of};

pub(crate) use second::{half, has_second, step_up};
pub(crate) use shared::succeeded as forget_failures;

use firman_proto::time::Timestamp;

use crate::Engine;
use crate::authorize::{self, Browser, SessionCookie};
use crate::failure::Failure;
use crate::ports::User;

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
