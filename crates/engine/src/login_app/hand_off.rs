//! What the login app is given: a reference, and what it stands for.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use firman_proto::error::{Denied, invalid_request};
use firman_proto::form;
use firman_proto::id::RecordId;
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::RowKey;
use firman_store::record::{Client, Once, OnceNamespace, Session};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::LoginAppPolicy;
use crate::asker::Asker;
use crate::authorize::{Browser, Interaction, signed_in};
use crate::failure::{Failure, Fault};
use crate::logout::Exit;
use crate::{Engine, envelope, random};

const PURPOSE: &str = "hand-off";
/// The longest that settings let one take.
const LONGEST: Lifetime = Lifetime::from_seconds(86_400);

/// What the app is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// To find out who somebody is.
    Login,
    /// To ask whether a client may.
    Consent,
    /// To ask whether somebody wants to sign out.
    Logout,
}

impl Kind {
    /// As it is written in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Consent => "consent",
            Self::Logout => "logout",
        }
    }
}

/// What is asked.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum About {
    Login(Interaction),
    Consent(Interaction),
    Logout(Exit),
}

impl About {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Login(_) => Kind::Login,
            Self::Consent(_) => Kind::Consent,
            Self::Logout(_) => Kind::Logout,
        }
    }
}

/// A browser in the hands of the app.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct HandOff {
    /// Made when it was handed off.
    pub(super) id: RecordId,
    pub(super) about: About,
    /// What the browser's cookie must digest to.
    browser: String,
    /// Who was signed in with it.
    pub(super) session: Option<RecordId>,
}

/// Hands a browser off: gives the address of the app with a reference to what is asked.
pub async fn hand_off(
    engine: &Engine,
    browser: &Browser,
    kind: Kind,
    request: &str,
    now: Timestamp,
) -> Result<String, Failure> {
    let url = engine.policy.login_app.takes(kind);
    let url = url.ok_or_else(|| Fault::lasting("hand a browser off", "there is no login app for this"))?;
    let about = match kind {
        Kind::Login => About::Login(Interaction::resume(engine, browser, request, now).await?.0),
        Kind::Consent => About::Consent(Interaction::resume(engine, browser, request, now).await?.0),
        Kind::Logout => About::Logout(Exit::open(engine, request, now).await?),
    };
    let session = signed_in(engine, browser, None, now).await?.map(|signed_in| signed_in.session.id);
    let id = random::record_id(&*engine.entropy, now)?;
    let handed = HandOff { id, about, browser: URL_SAFE_NO_PAD.encode(browser.binding()), session };
    let reference = envelope::seal(engine, (PURPOSE, &[]), &handed)?;
    let mut query = String::new();
    form::append(&mut query, "request", &reference);
    Ok(format!("{url}{}{query}", if url.contains('?') { "&" } else { "?" }))
}

/// What a reference stands for, for the app.
pub async fn read(engine: &Engine, asker: &Asker, reference: &str, now: Timestamp) -> Result<Value, Failure> {
    let handed = open(engine, asker, reference, now).await?;
    let client = match &handed.about {
        About::Login(interaction) | About::Consent(interaction) => Some(interaction.client),
        About::Logout(exit) => exit.client,
    };
    let client = match client {
        Some(id) => engine.store.client_by_id(id).await?,
        None => None,
    };
    let mut told = Map::new();
    told.insert("kind".to_owned(), handed.about.kind().as_str().into());
    told.insert("expires_at".to_owned(), handed.ends(&engine.policy.login_app).seconds().into());
    if let Some(client) = &client {
        told.insert("client".to_owned(), shown(client));
    }
    match &handed.about {
        About::Login(interaction) | About::Consent(interaction) => told.extend(asked(interaction)),
        About::Logout(exit) => told.extend(exit.told()),
    }
    if let Some(id) = handed.session
        && let Some(signed_in) = engine.store.session(id, None).await?
        && signed_in.is_live(now, engine.policy.session_idle)
    {
        told.insert("session".to_owned(), session_of(&signed_in.session));
    }
    Ok(told.into())
}

/// What a client asks of somebody, by the names of the protocol.
fn asked(interaction: &Interaction) -> Map<String, Value> {
    let request = &interaction.request;
    let prompt = request.prompt;
    let words = [("login", prompt.login), ("consent", prompt.consent), ("select_account", prompt.select_account)];
    let prompt: Vec<_> = words.into_iter().filter(|(_, asked)| *asked).map(|(word, _)| word).collect();
    let members = [
        ("scope", Some(json!(request.scope))),
        ("resource", (!request.resource.is_empty()).then(|| json!(request.resource))),
        ("authorization_details", request.authorization_details.clone()),
        ("claims", request.claims.clone()),
        ("prompt", (!prompt.is_empty()).then(|| json!(prompt))),
        ("max_age", request.max_age.map(Value::from)),
        ("acr_values", (!request.acr_values.is_empty()).then(|| json!(request.acr_values))),
        ("login_hint", request.login_hint.clone().map(Value::from)),
        ("ui_locales", (!request.hints.ui_locales.is_empty()).then(|| json!(request.hints.ui_locales))),
        ("redirect_host", Some(request.redirect_uri.host().into())),
        ("user_code", interaction.waiting.as_ref().and_then(|of| of.user_code()).map(Value::from)),
    ];
    members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

fn shown(client: &Client) -> Value {
    let metadata = &client.metadata;
    json!({
        "client_id": client.client_id,
        "client_name": metadata.client_name,
        "client_uri": metadata.client_uri,
        "logo_uri": metadata.logo_uri,
        "policy_uri": metadata.policy_uri,
        "tos_uri": metadata.tos_uri,
        "skip_consent": client.policy.skip_consent,
    })
}

fn session_of(session: &Session) -> Value {
    json!({
        "subject": session.subject.as_str(),
        "username": session.details.username,
        "auth_time": session.auth_time.seconds(),
        "amr": session.details.amr,
        "acr": session.details.acr,
    })
}

impl HandOff {
    /// It is taken once: this is what stands for it then.
    pub(super) fn once(&self, engine: &Engine) -> Once {
        Once {
            namespace: OnceNamespace::HandOff,
            digest: Once::digest(engine.number, b"hand-off", &self.id.to_string()),
            // Not by settings: every node looks in the same day.
            expires_at: self.id.made_at().plus(LONGEST),
        }
    }

    fn ends(&self, policy: &LoginAppPolicy) -> Timestamp {
        self.id.made_at().plus(policy.life)
    }

    /// Whether it has not waited too long.
    pub(super) fn is_alive(&self, policy: &LoginAppPolicy, now: Timestamp) -> bool {
        now < self.ends(policy)
    }

    /// What its browser's cookie digests to.
    pub(super) fn binding(&self) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(&self.browser).unwrap_or_default()
    }
}

/// Opens a reference that the app shows, unless the browser has come back with an answer to it.
pub(super) async fn open(engine: &Engine, asker: &Asker, reference: &str, now: Timestamp) -> Result<HandOff, Failure> {
    engine.policy.login_app.must_be_the_app(asker)?;
    let handed: HandOff = envelope::open(engine, (PURPOSE, &[]), reference, now).await?.ok_or_else(gone)?;
    if !handed.is_alive(&engine.policy.login_app, now) {
        return Err(gone().into());
    }
    let once = handed.once(engine);
    let taken = engine.store.winner(RowKey::Once(once.day(), once.namespace, once.digest)).await?.is_some();
    Ok((!taken).then_some(handed).ok_or_else(gone)?)
}

fn gone() -> Denied {
    invalid_request("request: not a reference of this server, or it has expired, or was answered before")
}
