//! What the login app answers, and the browser that comes back with it.

use firman_proto::error::{Denied, ErrorCode, invalid_request};
use firman_proto::scope::Scope;
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::record::{Rest, Subject};
use firman_store::{Change, Commit};
use serde::{Deserialize, Serialize};

use super::Told;
use super::hand_off::{About, HandOff, open};
use crate::asker::Asker;
use crate::authorize::{self, Browser, Decision, Interaction, LoggedIn, Next, SessionCookie, signed_in};
use crate::failure::Failure;
use crate::logout::{self, Left};
use crate::ports::User;
use crate::{Engine, envelope};

const PURPOSE: &str = "hand-off answer";
/// How long a browser may take to come back.
const WAY_BACK: Lifetime = Lifetime::from_seconds(120);
/// The longest name, method or class, in bytes.
const LONGEST: usize = 255;
/// More methods than anybody proves themselves with.
const MOST_METHODS: usize = 16;
/// The most claims that come along, as JSON, in bytes: they travel in an address.
const MOST_CLAIMS: usize = 2048;

/// What the app may tell the client.
const ERRORS: [ErrorCode; 7] = [
    ErrorCode::AccessDenied,
    ErrorCode::LoginRequired,
    ErrorCode::ConsentRequired,
    ErrorCode::UnmetAuthenticationRequirements,
    ErrorCode::InvalidRequest,
    ErrorCode::TemporarilyUnavailable,
    ErrorCode::ServerError,
];

/// A yes. Which members count depends on what was asked.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accept {
    /// Who it is, for ever: required where somebody was to sign in.
    #[serde(default)]
    pub subject: Option<String>,
    /// A name to greet them with; without it the subject.
    #[serde(default)]
    pub username: Option<String>,
    /// How they proved it (RFC 8176).
    #[serde(default)]
    pub amr: Vec<String>,
    /// Of which class that is, if `amr` does not say.
    #[serde(default)]
    pub acr: Option<String>,
    /// What is known of them (OpenID Connect Core §5.1).
    #[serde(default)]
    pub claims: Rest,
    /// Whether the browser stays signed in when it is closed.
    #[serde(default)]
    pub remember: bool,
    /// What is allowed, if it is less than was asked.
    #[serde(default)]
    pub scope: Option<Scope>,
}

/// A no.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reject {
    /// The error that the client gets.
    #[serde(default = "access_denied")]
    pub error: String,
    /// A sentence for whoever runs the client.
    #[serde(default)]
    pub error_description: Option<String>,
}

fn access_denied() -> String {
    ErrorCode::AccessDenied.as_str().to_owned()
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Accepted(Box<Accept>),
    Rejected(Reject),
}

/// What the browser brings back.
#[derive(Serialize, Deserialize)]
struct Answer {
    handed: HandOff,
    verdict: Verdict,
    at: Timestamp,
}

/// What becomes of a browser that has come back.
pub enum Resumed {
    /// Somebody is signed in.
    SignedIn {
        /// The cookie that says so.
        cookie: SessionCookie,
        /// Whether it stays when the browser is closed.
        remember: bool,
        /// Where to.
        next: Next,
    },
    /// It goes on.
    Next(Next),
    /// Nobody is signed in any more.
    Left(Left),
    /// Somebody would rather not sign out.
    Stayed,
}

/// The app says yes: gives the value that the browser is to come back with.
pub async fn accept(
    engine: &Engine,
    asker: &Asker,
    reference: &str,
    accept: Accept,
    now: Timestamp,
) -> Result<String, Failure> {
    let handed = open(engine, asker, reference, now).await?;
    accept.check(&handed.about)?;
    answer(engine, handed, Verdict::Accepted(Box::new(accept)), now)
}

/// The app says no.
pub async fn reject(
    engine: &Engine,
    asker: &Asker,
    reference: &str,
    reject: Reject,
    now: Timestamp,
) -> Result<String, Failure> {
    let handed = open(engine, asker, reference, now).await?;
    reject.denied()?;
    answer(engine, handed, Verdict::Rejected(reject), now)
}

fn answer(engine: &Engine, handed: HandOff, verdict: Verdict, now: Timestamp) -> Result<String, Failure> {
    // For the browser that was handed off, and no other.
    let binding = handed.binding();
    Ok(envelope::seal(engine, (PURPOSE, &binding), &Answer { handed, verdict, at: now })?)
}

/// The browser comes back with an answer: it must be the one that was handed off, and each answer is taken once.
pub async fn resume(engine: &Engine, browser: &Browser, text: &str, now: Timestamp) -> Result<Resumed, Failure> {
    let lost = || {
        invalid_request(
            "answer: this page has expired, was opened before, or in another browser; go back to the application and start again",
        )
    };
    let answer = envelope::open::<Answer>(engine, (PURPOSE, &browser.binding()), text, now).await?;
    let Answer { handed, verdict, at } = answer.ok_or_else(lost)?;
    if now >= at.plus(WAY_BACK) || !handed.is_alive(&engine.policy.login_app, at) {
        return Err(lost().into());
    }
    // The guard is in the write: of any number of browsers that come with answers to one reference, one goes on.
    match engine.commit(vec![Change::InsertOnce(handed.once(engine))]).await? {
        Commit::Done => {}
        Commit::Conflict(_) => return Err(lost().into()),
    }
    let HandOff { about, session, .. } = handed;
    match (about, verdict) {
        (About::Login(interaction), Verdict::Accepted(accept)) => {
            let user = accept.user().ok_or_else(lost)?;
            let told = Told { acr: accept.acr, claims: accept.claims };
            let client = interaction.client(engine, now).await?;
            match authorize::welcome_told(engine, browser, interaction, &client, (&user, told), now).await? {
                LoggedIn::Welcome { cookie, next } => Ok(Resumed::SignedIn { cookie, remember: accept.remember, next }),
                _ => Err(lost().into()),
            }
        }
        (About::Consent(mut interaction), Verdict::Accepted(accept)) => {
            // Who said yes is who was asked.
            let signed_in = signed_in(engine, browser, None, now).await?;
            if signed_in.map(|signed_in| signed_in.session.id) != session {
                return Err(lost().into());
            }
            if let Some(scope) = &accept.scope {
                interaction.request.scope = interaction.request.scope.intersect(scope);
            }
            decide(engine, browser, interaction, Decision::Allow, now).await
        }
        (About::Consent(interaction), Verdict::Rejected(_)) if interaction.is_of_a_device() => {
            decide(engine, browser, interaction, Decision::Deny, now).await
        }
        (About::Login(interaction) | About::Consent(interaction), Verdict::Rejected(reject)) => {
            let (denied, client) = (reject.denied()?, interaction.client(engine, now).await?);
            Ok(Resumed::Next(interaction.give_up(engine, client, &denied, now).await?))
        }
        (About::Logout(exit), Verdict::Accepted(_)) => {
            logout::carry_out(engine, browser, exit, now).await.map(Resumed::Left)
        }
        (About::Logout(_), Verdict::Rejected(_)) => Ok(Resumed::Stayed),
    }
}

async fn decide(
    engine: &Engine,
    browser: &Browser,
    interaction: Interaction,
    decision: Decision,
    now: Timestamp,
) -> Result<Resumed, Failure> {
    let client = interaction.client(engine, now).await?;
    authorize::decided(engine, browser, (interaction, client), decision, now).await.map(Resumed::Next)
}

impl Accept {
    fn check(&self, about: &About) -> Result<(), Denied> {
        let short = |text: &String| !text.is_empty() && text.len() <= LONGEST && !text.chars().any(char::is_control);
        if matches!(about, About::Login(_)) && self.user().is_none() {
            return Err(invalid_request("subject: required, 1 to 255 printable ASCII characters"));
        }
        if !self.username.iter().chain(&self.acr).all(short) {
            return Err(invalid_request("username, acr: 1 to 255 bytes, no control characters"));
        }
        if self.amr.len() > MOST_METHODS || !self.amr.iter().all(short) {
            return Err(invalid_request("amr: at most 16, each of 1 to 255 bytes"));
        }
        if serde_json::to_vec(&self.claims).map_or(true, |text| text.len() > MOST_CLAIMS) {
            return Err(invalid_request("claims: at most 2048 bytes of JSON; use login_app.claims_url for more"));
        }
        Ok(())
    }

    fn user(&self) -> Option<User> {
        let subject = Subject::new(self.subject.clone()?)?;
        let username = self.username.clone().unwrap_or_else(|| subject.to_string());
        Some(User { subject, username, amr: self.amr.clone(), epochs: None, upstream: None })
    }
}

impl Reject {
    fn denied(&self) -> Result<Denied, Denied> {
        let code = ERRORS.into_iter().find(|code| code.as_str() == self.error);
        let code = code.ok_or_else(|| {
            let known: Vec<_> = ERRORS.iter().map(|code| code.as_str()).collect();
            invalid_request(format!("error: one of {}", known.join(", ")))
        })?;
        let text = self.error_description.clone().unwrap_or_else(|| "the person did not sign in or say yes".to_owned());
        // RFC 6749 §4.1.2.1: error_description has these characters and no others.
        let legal = |c: char| c.is_ascii() && !c.is_ascii_control() && c != '"' && c != '\\';
        if text.len() > LONGEST || !text.chars().all(legal) {
            return Err(invalid_request(
                "error_description: at most 255 characters of ASCII, without quotes and backslashes",
            ));
        }
        Ok(Denied::new(code, text))
    }
}
