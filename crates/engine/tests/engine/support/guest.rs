//! People who sign in at another identity provider.

use std::sync::Arc;

use firman_engine::accounts::{LocalAccounts, Passwords};
use firman_engine::authorize::{LoggedIn, Next};
use firman_engine::upstream::{
    self, ClientSecret, Departure, Provider, Providers, Returned, Trouble, UpstreamPolicy, Went,
};
use firman_engine::{Failure, Parts};
use firman_proto::form::{self, Form};
use firman_proto::time::Timestamp;
use serde_json::{Value, json};

use super::{Ask, Dice, IDP, Idp, Visitor, World, parameter};

/// A world whose people are local accounts, or come from a provider called `uni`.
pub(crate) async fn world_of(idp: &Arc<Idp>, settings: &Value) -> World {
    world_with(idp, settings, |_| {}).await
}

pub(crate) async fn world_with(idp: &Arc<Idp>, settings: &Value, edit: impl FnOnce(&mut Parts)) -> World {
    World::with(|parts| {
        parts.fetch = Arc::clone(idp) as _;
        let passwords = Arc::new(Passwords::new(1, Dice::new(77)));
        parts.accounts = Arc::new(LocalAccounts::new(Arc::clone(&parts.store), parts.number, passwords));
        parts.policy.upstream = UpstreamPolicy { providers: providers(settings), ..UpstreamPolicy::default() };
        edit(parts);
    })
    .await
}

/// The provider `uni` with these settings, and one more that nobody uses.
pub(crate) fn providers(settings: &Value) -> Providers {
    let mut uni = json!({"name": "uni", "issuer": IDP, "client_id": "us", "authentication": "client_secret_basic"});
    uni.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    let other = json!({"name": "lab", "issuer": "https://lab.example", "client_id": "us", "authentication": "none"});
    let mut all: Vec<Provider> = serde_json::from_value(json!([uni, other])).unwrap();
    if matches!(uni["authentication"].as_str(), Some("client_secret_basic" | "client_secret_post")) {
        all[0].client_secret = Some(ClientSecret::new("hush:hush"));
    }
    Providers::new(all).unwrap()
}

/// Somebody who is at the provider, and the browser they will come back with.
pub(crate) struct Away {
    pub(crate) visitor: Visitor,
    pub(crate) departure: Departure,
}

impl Away {
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        parameter(&self.departure.to, name)
    }

    pub(crate) fn nonce(&self) -> String {
        self.parameter("nonce").expect("a nonce")
    }

    /// What the browser brings with a code.
    pub(crate) fn answer(&self) -> Vec<(&'static str, String)> {
        vec![("code", "a code".to_owned()), ("state", self.departure.state.clone())]
    }
}

impl World {
    /// Sends a new visitor to the provider.
    pub(crate) async fn off(&self, ask: &Ask, now: Timestamp) -> Away {
        self.off_with(Visitor::new(self), ask, now).await
    }

    pub(crate) async fn off_with(&self, visitor: Visitor, ask: &Ask, now: Timestamp) -> Away {
        let next = self.authorize(&visitor, ask, now).await.unwrap();
        let Next::Login(request) = next else { panic!("no login page: {next:?}") };
        match upstream::go(&self.engine, &visitor.browser(), &request, "uni", now).await.unwrap() {
            Went::Off(departure) => Away { visitor, departure },
            Went::Trouble(trouble) => panic!("{trouble:?}"),
        }
    }

    /// The browser comes back with this.
    pub(crate) async fn back(
        &self,
        away: &Away,
        answer: &[(&'static str, String)],
        now: Timestamp,
    ) -> Result<Returned, Failure> {
        let mut query = String::new();
        for (name, value) in answer {
            form::append(&mut query, name, value);
        }
        let form = Form::parse(query.as_bytes()).unwrap();
        let errand = Some(away.departure.errand.as_str());
        upstream::back(&self.engine, &away.visitor.browser(), ("uni", &form, errand), now).await
    }

    /// Somebody comes back with a code for this ID token, and is let in.
    pub(crate) async fn welcomed(&self, away: &mut Away, now: Timestamp) -> Next {
        match self.back(away, &away.answer(), now).await.unwrap() {
            Returned::Welcome(LoggedIn::Welcome { cookie, next }, _) => {
                away.visitor.session = Some(cookie.value.reveal().to_owned());
                next
            }
            Returned::Welcome(..) => panic!("not welcome"),
            Returned::Trouble(trouble) => panic!("{trouble:?}"),
        }
    }

    /// The same for somebody who is not.
    pub(crate) async fn troubled(&self, away: &Away, answer: &[(&'static str, String)], now: Timestamp) -> Trouble {
        match self.back(away, answer, now).await.unwrap() {
            Returned::Trouble(trouble) => trouble,
            Returned::Welcome(..) => panic!("welcome"),
        }
    }

    /// Goes all the way as somebody of the provider: a code for what was asked.
    pub(crate) async fn code_of_guest(&self, idp: &Idp, ask: &Ask, claims: &Value, now: Timestamp) -> String {
        let mut away = self.off(ask, now).await;
        let mut all = Idp::claims("alice", &away.nonce(), now);
        all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
        idp.vouch(&all);
        let next = match self.welcomed(&mut away, now).await {
            Next::Consent(request) => self.allow(&away.visitor, &request, now).await.unwrap(),
            other => other,
        };
        let Next::Client(url) = next else { panic!("not sent back: {next:?}") };
        parameter(&url, "code").unwrap_or_else(|| panic!("no code: {url}"))
    }
}
