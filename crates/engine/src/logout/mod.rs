//! Signing out (OpenID Connect RP-Initiated Logout): what a client asks, what the person is asked, and where the browser goes.
//!
//! The request is verified where it comes in, without a look at cookies, and travels sealed to the page: so a form of another
//! site, with which browsers send no cookies, is as good as an address.

mod back_channel;
mod frames;
mod request;

use std::sync::Arc;

use firman_proto::time::Timestamp;
use firman_store::SignedIn;
use firman_store::record::Client;

use crate::authorize::{Browser, signed_in};
use crate::failure::Failure;
use crate::sessions::{self, Why};
use crate::upstream::There;
use crate::{Engine, upstream};
pub use back_channel::BackchannelLogout;
pub(crate) use back_channel::farewells;
pub use frames::Frame;
pub use request::{Exit, locales, request};

/// What becomes of a browser that wants to sign out.
pub enum Arrived {
    /// The person is asked whether they want to.
    Ask(Box<Asked>),
    /// They are signed out, or were not signed in.
    Left(Left),
}

/// What the page shows that asks.
pub struct Asked {
    /// Who sent the browser here, if that is known.
    pub client: Option<Arc<Client>>,
    /// Who is signed in.
    pub username: String,
    /// The client means somebody else.
    pub means_another: bool,
    /// What of the request cannot be used.
    pub problem: Option<String>,
}

/// Nobody is signed in with this browser any more.
pub struct Left {
    /// Where the client wants the browser to go.
    pub to: Option<String>,
    /// What of the request could not be used.
    pub problem: Option<String>,
    /// What the browser has to load so that clients learn of it.
    pub frames: Vec<Frame>,
    /// What becomes of the sign-in at another identity provider: the browser goes there before it goes anywhere else.
    pub there: There,
}

/// A browser comes with the sealed request.
pub async fn arrive(engine: &Engine, browser: &Browser, sealed: &str, now: Timestamp) -> Result<Arrived, Failure> {
    let exit = Exit::open(engine, sealed, now).await?;
    let Some(signed_in) = signed_in(engine, browser, None, now).await? else {
        return Ok(Arrived::Left(left(exit)));
    };
    // OpenID Connect RP-Initiated Logout §2: the person must be asked unless the hint is of this session or this person.
    if exit.problem.is_none() && exit.is_about(&signed_in) {
        return leave(engine, browser, exit, &signed_in, now).await.map(Arrived::Left);
    }
    let client = match exit.client {
        Some(id) => engine.store.client_by_id(id).await?,
        None => None,
    };
    let means_another = exit.means_another(&signed_in);
    let username = signed_in.session.details.username;
    Ok(Arrived::Ask(Box::new(Asked { client, username, means_another, problem: exit.problem })))
}

/// The person has said yes on the page.
pub async fn confirm(engine: &Engine, browser: &Browser, sealed: &str, now: Timestamp) -> Result<Left, Failure> {
    let exit = Exit::open(engine, sealed, now).await?;
    carry_out(engine, browser, exit, now).await
}

/// The person ends the session of the browser they do it with, on the page of their sessions.
pub(crate) async fn here(
    engine: &Engine,
    browser: &Browser,
    signed_in: &SignedIn,
    now: Timestamp,
) -> Result<Left, Failure> {
    leave(engine, browser, Exit::nowhere(now), signed_in, now).await
}

/// The same wherever they have said it.
pub(crate) async fn carry_out(engine: &Engine, browser: &Browser, exit: Exit, now: Timestamp) -> Result<Left, Failure> {
    match signed_in(engine, browser, None, now).await? {
        Some(signed_in) => leave(engine, browser, exit, &signed_in, now).await,
        None => Ok(left(exit)),
    }
}

async fn leave(
    engine: &Engine,
    browser: &Browser,
    exit: Exit,
    signed_in: &SignedIn,
    now: Timestamp,
) -> Result<Left, Failure> {
    let session = &signed_in.session;
    let frames = frames::of(engine, session).await?;
    sessions::end(engine, session, Why::SignedOut, now).await?;
    let there = upstream::sign_out(engine, browser, session, exit.to.as_deref(), now).await?;
    Ok(Left { frames, there, ..left(exit) })
}

fn left(exit: Exit) -> Left {
    Left { to: exit.to, problem: exit.problem, frames: Vec::new(), there: There::Nothing }
}
