//! What is known of people whom the login app signs in: what it said of them, or what it says when it is asked.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use firman_proto::form;
use firman_proto::id::IssuerNumber;
use firman_proto::time::Timestamp;
use firman_store::record::{Rest, SessionDetails, Subject};
use firman_store::{Page, Store};

use crate::failure::Fault;
use crate::fetch::{Call, Fetch};
use crate::ports::{Accounts, User};

/// The member of a session's details that keeps what was said.
const TOLD: &str = "told";
/// How many sessions of a person are looked through at once.
const PAGE: u32 = 100;

/// What the app said at a sign-in, beyond who it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    /// Of which class the sign-in is.
    pub(crate) acr: Option<String>,
    /// Claims about the person.
    pub(crate) claims: Rest,
}

impl Told {
    /// The details of a sign-in with what was said.
    pub(crate) fn within(self, mut details: SessionDetails) -> SessionDetails {
        details.acr = self.acr.or(details.acr);
        if !self.claims.is_empty() {
            details.rest.insert(TOLD.to_owned(), self.claims.into());
        }
        details
    }
}

/// Where claims are asked for: the address of the app that gives them, and the secret that is shown there.
#[derive(Clone)]
pub struct ClaimsOf {
    /// Gets the parameter `sub`, and answers with a JSON object of claims (OpenID Connect Core §5.1), or 404.
    pub url: String,
    /// Shown as a bearer token.
    pub secret: Option<String>,
}

impl fmt::Debug for ClaimsOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClaimsOf({})", self.url)
    }
}

/// The people of a login app. Nobody signs in here by a password.
pub struct ToldAccounts {
    store: Arc<dyn Store>,
    number: IssuerNumber,
    asks: Option<(ClaimsOf, Arc<dyn Fetch>)>,
}

impl ToldAccounts {
    /// Of this store; claims are asked for at an address, or else those count that were given at the last sign-in.
    pub fn new(store: Arc<dyn Store>, number: IssuerNumber, asks: Option<(ClaimsOf, Arc<dyn Fetch>)>) -> Self {
        Self { store, number, asks }
    }

    /// What was said when the person signed in the last time, as long as that session is kept.
    async fn told(&self, subject: &Subject) -> Result<Rest, Fault> {
        let (key, mut after, mut told) = (subject.key(self.number), None, Rest::new());
        let mut since = Timestamp::from_millis(0);
        loop {
            let page = self.store.sessions_of(key, Page { after, limit: PAGE }).await?;
            after = page.last().map(|session| session.id);
            for session in &page {
                let claims = session.details.rest.get(TOLD).and_then(|claims| claims.as_object());
                if let Some(claims) = claims.filter(|_| session.auth_time >= since) {
                    (since, told) = (session.auth_time, claims.clone());
                }
            }
            if page.len() < PAGE as usize {
                return Ok(told);
            }
        }
    }
}

#[async_trait]
impl Accounts for ToldAccounts {
    async fn authenticate(&self, _: &str, _: &str, _: Timestamp) -> Result<Option<User>, Fault> {
        Ok(None)
    }

    async fn claims(&self, subject: &Subject) -> Result<Option<Rest>, Fault> {
        match &self.asks {
            Some((of, fetch)) => asked(of, &**fetch, subject).await,
            // Nothing is known of who is gone: that is for the app to end.
            None => self.told(subject).await.map(Some),
        }
    }
}

async fn asked(of: &ClaimsOf, fetch: &dyn Fetch, subject: &Subject) -> Result<Option<Rest>, Fault> {
    let failed = |why: String| Fault::temporary("ask the login app for claims", why);
    let mut url = format!("{}{}", of.url, if of.url.contains('?') { "&" } else { "?" });
    form::append(&mut url, "sub", subject.as_str());
    let bearer = of.secret.as_ref().map(|secret| format!("Bearer {secret}"));
    let headers: Vec<_> = bearer.iter().map(|bearer| ("authorization", bearer.as_str())).collect();
    let call = Call { url: &url, headers: &headers, body: None, wants_body: true };
    let reply = fetch.send(&call).await.map_err(|error| failed(error.to_string()))?;
    match reply.status {
        200 => serde_json::from_slice(&reply.body).map(Some).map_err(|_| failed("no JSON object came".to_owned())),
        404 | 410 => Ok(None),
        status => Err(failed(format!("it answered {status}"))),
    }
}
