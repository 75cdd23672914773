//! The login page's form.

use std::fmt;
use std::sync::Arc;

use firman_proto::error::{Denied, ErrorCode};
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::record::{Client, EventKind, Rest, Session, SessionDetails};
use firman_store::{Change, Commit, Renewal, SignedIn};

use super::{Browser, Interaction, Next, SessionCookie, browser, proceed};
use crate::Engine;
use crate::failure::{Failure, Fault};
use crate::login_app::Told;
use crate::ports::User;
use crate::random;
use crate::sessions;
use crate::sign_in::half;
use crate::sign_in::password::{self, Checked};

/// How often a session that was renewed meanwhile is read again.
const LOOKS: usize = 4;

/// What somebody typed on the login page.
pub struct SignIn<'a> {
    /// The sealed request.
    pub request: &'a str,
    /// The user name.
    pub username: &'a str,
    /// The password.
    pub password: &'a str,
    /// Whether they would rather not.
    pub cancelled: bool,
}

impl fmt::Debug for SignIn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignIn(..)")
    }
}

/// What came of it.
pub enum LoggedIn {
    /// They are who they say; the browser gets a session and goes on.
    Welcome {
        /// The new cookie.
        cookie: SessionCookie,
        /// Where to.
        next: Next,
    },
    /// They would rather not: the client learns it.
    Cancelled(Next),
    /// The password was right, and a second step is before them: this goes there.
    Second(String),
    /// User name or password is wrong: the page again.
    Wrong,
    /// Too many were wrong: the page again, later.
    Wait(Lifetime),
}

/// Signs somebody in and goes on with the request.
pub async fn login(engine: &Engine, browser: &Browser, form: SignIn<'_>, now: Timestamp) -> Result<LoggedIn, Failure> {
    let (interaction, client) = Interaction::resume(engine, browser, form.request, now).await?;
    if form.cancelled {
        let denied = Denied::new(ErrorCode::AccessDenied, "the person did not sign in");
        return Ok(LoggedIn::Cancelled(interaction.give_up(engine, client, &denied, now).await?));
    }
    let guesser = browser.guesser(engine, form.username);
    let user = match password::check(engine, &guesser, form.username, form.password, now).await? {
        Checked::Right(user) => user,
        Checked::Wrong => return Ok(LoggedIn::Wrong),
        Checked::Wait(time) => return Ok(LoggedIn::Wait(time)),
    };
    if let Some(half) = half(engine, browser, &user, form.request.to_owned(), now).await? {
        return Ok(LoggedIn::Second(half));
    }
    welcome(engine, browser, interaction, &client, &user, now).await
}

/// Signs a browser in as somebody who has proved who they are, wherever they did, and goes on with the request.
pub(crate) async fn welcome(
    engine: &Engine,
    browser: &Browser,
    interaction: Interaction,
    client: &Arc<Client>,
    user: &User,
    now: Timestamp,
) -> Result<LoggedIn, Failure> {
    welcome_told(engine, browser, interaction, client, (user, Told::default()), now).await
}

/// The same, with what else was said of them.
pub(crate) async fn welcome_told(
    engine: &Engine,
    browser: &Browser,
    interaction: Interaction,
    client: &Arc<Client>,
    (user, told): (&User, Told),
    now: Timestamp,
) -> Result<LoggedIn, Failure> {
    let before = browser::signed_in(engine, browser, None, now).await?;
    let session = begin(engine, (user, told), before, now).await?;
    let cookie = browser::cookie(engine, &session, now)?;
    // One more read: what this person allowed this client, and the epochs of both.
    let signed_in = engine.store.session(session.id, Some(client.id)).await?;
    // Signing out everywhere may have come between: then it is the later word.
    let signed_in = signed_in.filter(|signed_in| signed_in.is_live(now, engine.policy.session_idle));
    let next = proceed(engine, browser, interaction, client, signed_in, now).await?;
    Ok(LoggedIn::Welcome { cookie, next })
}

/// A session for whoever has just signed in.
pub(crate) async fn begin_session(
    engine: &Engine,
    user: &User,
    before: Option<SignedIn>,
    now: Timestamp,
) -> Result<Session, Failure> {
    begin(engine, (user, Told::default()), before, now).await
}

async fn begin(
    engine: &Engine,
    (user, told): (&User, Told),
    mut before: Option<SignedIn>,
    now: Timestamp,
) -> Result<Session, Failure> {
    for _ in 0..LOOKS {
        let (session, mut changes) = new_or_renewed(engine, user, &told, before.as_ref(), now).await?;
        let mut event = engine.event(EventKind::SignedIn, session.id, now)?;
        event.subject = Some(session.subject.to_string());
        changes.push(Change::Append(Box::new(event)));
        if engine.commit(changes).await? == Commit::Done {
            return Ok(session);
        }
        // The same form was posted twice: the session has another salt by now, or is over.
        let Some(lost) = before else { break };
        let known = engine.store.session(lost.session.id, None).await?;
        before = known.filter(|signed_in| signed_in.is_live(now, engine.policy.session_idle));
    }
    Err(Fault::temporary("sign in", "the same browser signed in again each time it was looked at").into())
}

/// A new session, or the one there is with a new salt if it is the same person's: cookies from before are dead either way.
async fn new_or_renewed(
    engine: &Engine,
    user: &User,
    told: &Told,
    before: Option<&SignedIn>,
    now: Timestamp,
) -> Result<(Session, Vec<Change>), Failure> {
    let details = SessionDetails {
        username: user.username.clone(),
        acr: None,
        amr: user.amr.clone(),
        upstream: user.upstream.as_ref().map(|proved| proved.at.clone()),
        rest: Rest::new(),
    };
    let auth_time = user.upstream.as_ref().map_or(now, |proved| proved.auth_time.min(now));
    let salt = random::salt(&*engine.entropy)?;
    let details = told.clone().within(details);
    let same_person = before.map(|before| &before.session).filter(|session| session.subject == user.subject);
    if let Some(known) = same_person {
        let renewal = Renewal {
            id: known.id,
            from_salt: known.salt.clone(),
            to_salt: salt.clone(),
            auth_time,
            now,
            details: details.clone(),
        };
        let session = Session { salt, auth_time, last_seen: now, details, ..known.clone() };
        return Ok((session, vec![Change::RenewSession(Box::new(renewal))]));
    }
    let epochs = match user.epochs {
        Some(epochs) => epochs,
        None => engine.store.epochs(None, Some(user.subject.key(engine.number))).await?,
    };
    let session = Session {
        id: random::record_id(&*engine.entropy, now)?,
        issuer: engine.number,
        subject: user.subject.clone(),
        salt,
        auth_time,
        last_seen: now,
        expires_at: now.plus(engine.policy.session),
        ended_at: None,
        epochs,
        details,
    };
    let mut changes = vec![Change::InsertSession(Box::new(session.clone()))];
    if let Some(before) = before {
        changes.extend(sessions::ending(engine, &before.session, sessions::Why::Replaced, now).await?);
    }
    Ok((session, changes))
}
