//! People make an account by themselves (Initiating User Registration via OpenID Connect 1.0).
//!
//! Where mail is sent, they first show that an address is theirs: a code goes there, and until it is typed nothing is kept. What is to be
//! known of the address travels sealed in the form. An address that has an account gets another mail, and the page is the same.

use std::fmt;
use std::sync::Arc;

use firman_proto::digest::{Digest16, same};
use firman_proto::error::{Denied, ErrorCode, invalid_request};
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::record::{Account, Rest};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::accounts::{LocalAccounts, acceptable};
use crate::admin::accounts::{self, NewAccount};
use crate::attempts::{Pace, places};
use crate::authorize::{Browser, Interaction, LoggedIn, Next, SessionCookie, welcome};
use crate::counts;
use crate::failure::{Failure, Fault};
use crate::mail::{self, About, Mail, PACE, Written};
use crate::ports::User;
use crate::sign_in::recovery::{new_code, plain};
use crate::{Engine, envelope, random};

const PURPOSE: &str = "sign-up";

/// How long the code of a mail is good: less than the page that takes it.
const LIFE: Lifetime = Lifetime::from_seconds(600);

/// Letters of a code, five bits each.
const LENGTH: usize = 8;

/// So many codes may be wrong at once for one mail, at all nodes together.
const GUESSES: Pace = Pace { burst: 5, every: Lifetime::from_seconds(120) };

/// What came of an address.
pub enum Asked {
    /// A mail is on its way; this is for the form that takes its code.
    Sent(String),
    /// It is none; the text says why.
    Refused(Denied),
    /// Too many asked; another may then.
    Wait(Lifetime),
}

/// What somebody typed who makes an account.
pub struct SignUp<'a> {
    /// The sealed request of the client.
    pub request: &'a str,
    /// What the form carries that takes the code, where mail is sent.
    pub asked: &'a str,
    /// The code of the mail.
    pub code: &'a str,
    /// The user name.
    pub username: &'a str,
    /// The password.
    pub password: &'a str,
}

/// What came of it.
pub enum SignedUp {
    /// The account is there, and its owner signed in.
    Welcome {
        /// The new cookie.
        cookie: SessionCookie,
        /// Their name.
        username: String,
        /// Where to.
        next: Next,
    },
    /// User name or password will not do; the text says why.
    Refused(Denied),
    /// The code is wrong.
    WrongCode,
    /// The code is too old, or the address has an account by now: another mail has to be asked for.
    Expired,
    /// Too many make accounts, or guess; another may then.
    Wait(Lifetime),
}

/// What travels in the form: the code, and for which address it is.
#[derive(Serialize, Deserialize)]
struct Claim {
    address: String,
    code: String,
    at: Timestamp,
}

impl fmt::Debug for SignUp<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignUp(..)")
    }
}

/// Refuses what is not there, and gives what makes accounts.
fn local(engine: &Engine) -> Result<&LocalAccounts, Denied> {
    let off = || Denied::new(ErrorCode::AccessDenied, "nobody can make an account here");
    engine.accounts.local().filter(|_| engine.policy.sign_up).ok_or_else(off)
}

/// Sends a code to the address of somebody who wants an account. The answer does not wait for that, and does not say whether there is one.
pub async fn ask(
    engine: &Arc<Engine>,
    browser: &Browser,
    (request, address): (&str, &str),
    written: Written,
    now: Timestamp,
) -> Result<Asked, Failure> {
    local(engine)?;
    Interaction::resume(engine, browser, request, now).await?;
    let address = match mail::acceptable(address) {
        Ok(address) => address.to_owned(),
        Err(denied) => return Ok(Asked::Refused(denied)),
    };
    let mut counts = places(engine, browser.address());
    counts.extend([(Digest16::of(&[b"sign-up mail", address.to_lowercase().as_bytes()]), PACE), all(engine, "mails")]);
    if let Err(wait) = counts::begin(engine, counts, now).await? {
        return Ok(Asked::Wait(wait));
    }
    let code = new_code(&random::bytes::<LENGTH>(&*engine.entropy)?);
    let claim = Claim { address: address.clone(), code: code.clone(), at: now };
    let sealed = claim.seal(engine, browser)?;
    let engine = Arc::clone(engine);
    tokio::spawn(async move {
        if let Err(fault) = write(&engine, address, code, written, now).await {
            tracing::warn!(%fault, "the code of a sign-up was not sent");
        }
    });
    Ok(Asked::Sent(sealed))
}

async fn write(engine: &Engine, to: String, code: String, written: Written, now: Timestamp) -> Result<(), Fault> {
    let language = written.language.to_owned();
    let mail = match mail::held_by(engine, &to, now).await? {
        None => Mail { to, about: About::SignUp, username: String::new(), link: code, language },
        Some(Account { username, .. }) => {
            let link = engine.issuer.endpoint(written.page);
            Mail { to, about: About::HasAccount, username, link, language }
        }
    };
    engine.commit(vec![mail::send(engine, &mail, LIFE, now)?]).await?;
    Ok(())
}

/// The address that a form was asked for; `None` if it is too old, or of another browser.
pub async fn address_of(
    engine: &Engine,
    browser: &Browser,
    asked: &str,
    now: Timestamp,
) -> Result<Option<String>, Failure> {
    Ok(Claim::open(engine, browser, asked, now).await?.map(|claim| claim.address))
}

/// Makes an account, signs its owner in, and goes on with the request.
pub async fn sign_up(
    engine: &Engine,
    browser: &Browser,
    form: &SignUp<'_>,
    now: Timestamp,
) -> Result<SignedUp, Failure> {
    let local = local(engine)?;
    let (interaction, client) = Interaction::resume(engine, browser, form.request, now).await?;
    let mut claims = Rest::new();
    if engine.policy.mail {
        let Some(claim) = Claim::open(engine, browser, form.asked, now).await? else { return Ok(SignedUp::Expired) };
        match claim.is_proved(engine, form.code, now).await? {
            Ok(true) => {}
            Ok(false) => return Ok(SignedUp::WrongCode),
            Err(wait) => return Ok(SignedUp::Wait(wait)),
        }
        if mail::held_by(engine, &claim.address, now).await?.is_some() {
            return Ok(SignedUp::Expired);
        }
        claims.insert("email".to_owned(), claim.address.into());
        claims.insert("email_verified".to_owned(), Value::Bool(true));
    }
    let mut counts = places(engine, browser.address());
    counts.push(all(engine, "accounts"));
    // What is refused counts, too: nobody tries all names there could be.
    if let Err(wait) = counts::begin(engine, counts, now).await? {
        return Ok(SignedUp::Wait(wait));
    }
    if let Err(denied) = fits(engine, form.username, now).await? {
        return Ok(SignedUp::Refused(denied));
    }
    let (username, password) = (form.username.to_owned(), form.password.to_owned());
    let new = NewAccount { username, password, claims };
    let account =
        match accounts::make(engine, local.passwords(), new, Some("sign_up"), now).await.map_err(Failure::from) {
            Ok(account) => account,
            Err(Failure::Denied(denied)) => return Ok(SignedUp::Refused(denied)),
            Err(fault) => return Err(fault),
        };
    let subject = account.subject().ok_or_else(|| Fault::lasting("sign up", "an account has no subject"))?;
    let username = account.username;
    let user = User { subject, username: username.clone(), amr: vec!["pwd".to_owned()], epochs: None, upstream: None };
    match welcome(engine, browser, interaction, &client, &user, now).await? {
        LoggedIn::Welcome { cookie, next } => Ok(SignedUp::Welcome { cookie, username, next }),
        _ => Err(Fault::lasting("sign up", "somebody who has an account was not let in").into()),
    }
}

/// Whether somebody may choose a user name by themselves: not one that looks like another's (UTS 39 §4).
async fn fits(engine: &Engine, username: &str, now: Timestamp) -> Result<Result<(), Denied>, Failure> {
    let username = match acceptable(username) {
        Ok(username) => username,
        Err(denied) => return Ok(Err(denied)),
    };
    let taken = || invalid_request("username: taken by another account, or too much like its name; choose another");
    let is_taken = local(engine)?.has(username, now).await? || accounts::looks_like(engine, username).await?.is_some();
    Ok(if is_taken { Err(taken()) } else { Ok(()) })
}

/// The count of all who come to make an account: of their mails, or of their accounts.
fn all(engine: &Engine, what: &str) -> (Digest16, Pace) {
    let burst = engine.policy.sign_ups.max(1);
    let every = Lifetime::from_millis((60_000 / i64::from(burst)).max(1));
    (Digest16::of(&[b"sign-ups", what.as_bytes()]), Pace { burst, every })
}

impl Claim {
    /// Whether this is the code that was sent; `Err`: too many were not.
    async fn is_proved(&self, engine: &Engine, typed: &str, now: Timestamp) -> Result<Result<bool, Lifetime>, Fault> {
        let count = (Digest16::of(&[b"sign-up code", self.code.as_bytes(), self.address.as_bytes()]), GUESSES);
        let counted = match counts::begin(engine, vec![count], now).await? {
            Ok(counted) => counted,
            Err(wait) => return Ok(Err(wait)),
        };
        let right = same(plain(typed).as_bytes(), plain(&self.code).as_bytes());
        if right {
            counted.was_right(now).await?;
        }
        Ok(Ok(right))
    }

    fn seal(&self, engine: &Engine, browser: &Browser) -> Result<String, Fault> {
        envelope::seal(engine, (PURPOSE, &browser.binding()), self)
    }

    async fn open(engine: &Engine, browser: &Browser, sealed: &str, now: Timestamp) -> Result<Option<Self>, Fault> {
        let claim: Option<Self> = envelope::open(engine, (PURPOSE, &browser.binding()), sealed, now).await?;
        Ok(claim.filter(|claim| now < claim.at.plus(LIFE)))
    }
}
