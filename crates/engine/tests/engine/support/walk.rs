//! From the client to the login page, to the consent page, and back with a code.

use firman_engine::Failure;
use firman_engine::authorize::{self, Browser, Decision, LoggedIn, Next, SignIn, own};
use firman_proto::form::{self, Form};
use firman_proto::pkce::Challenge;
use firman_proto::time::Timestamp;
use firman_proto::token::TokenResponse;

use super::{App, CALLBACK, PASSWORD, World};

/// RFC 7636 Appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// An authorization request under construction.
#[derive(Clone, Debug)]
pub(crate) struct Ask(Vec<(&'static str, String)>);

impl Ask {
    pub(crate) fn empty() -> Self {
        Self(Vec::new())
    }

    /// A good request.
    pub(crate) fn new(app: &App, scope: &str) -> Self {
        Self(vec![
            ("client_id", app.client_id.clone()),
            ("redirect_uri", CALLBACK.to_owned()),
            ("response_type", "code".to_owned()),
            ("scope", scope.to_owned()),
            ("state", "a state".to_owned()),
            ("nonce", "a nonce".to_owned()),
            ("code_challenge", Challenge::s256(VERIFIER)),
            ("code_challenge_method", "S256".to_owned()),
        ])
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.0.retain(|(known, _)| *known != name);
        self.0.push((name, value.into()));
        self
    }

    /// One more of what may be there more than once.
    pub(crate) fn and(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.0.push((name, value.into()));
        self
    }

    pub(crate) fn without(mut self, name: &'static str) -> Self {
        self.0.retain(|(known, _)| *known != name);
        self
    }

    pub(crate) fn without_pkce(self) -> Self {
        self.without("code_challenge").without("code_challenge_method")
    }

    pub(crate) fn query(&self) -> String {
        let mut query = String::new();
        for (name, value) in &self.0 {
            form::append(&mut query, name, value);
        }
        query
    }
}

/// A browser with its cookies.
#[derive(Clone)]
pub(crate) struct Visitor {
    pub(crate) id: String,
    pub(crate) session: Option<String>,
}

impl Visitor {
    pub(crate) fn new(world: &World) -> Self {
        Self { id: Browser::first_seen(&world.engine).unwrap().id().to_owned(), session: None }
    }

    pub(crate) fn browser(&self) -> Browser {
        Browser::new(Some(&self.id), self.session.as_deref()).unwrap()
    }
}

impl World {
    pub(crate) async fn authorize(&self, visitor: &Visitor, ask: &Ask, now: Timestamp) -> Result<Next, Failure> {
        let query = ask.query();
        let form = Form::parse(query.as_bytes()).unwrap();
        authorize::authorize(&self.engine, &visitor.browser(), &form, now).await
    }

    /// Posts the login form; a right password gives the browser a new cookie.
    pub(crate) async fn sign_in(
        &self,
        visitor: &mut Visitor,
        request: &str,
        username: &str,
        now: Timestamp,
    ) -> Result<Next, Failure> {
        let form = SignIn { request, username, password: PASSWORD, cancelled: false };
        match authorize::login(&self.engine, &visitor.browser(), form, now).await? {
            LoggedIn::Welcome { cookie, next } => {
                visitor.session = Some(cookie.value.reveal().to_owned());
                Ok(next)
            }
            _ => panic!("not signed in"),
        }
    }

    /// The login page of somebody who came to a page of ours, for no client.
    pub(crate) async fn begin(&self, browser: &Browser, page: &'static str, now: Timestamp) -> String {
        match own::sign_in(&self.engine, browser, page, true, now).await.unwrap() {
            Next::Login(request) => request,
            next => panic!("no login page: {next:?}"),
        }
    }

    /// Signs in on a page of ours.
    pub(crate) async fn enter(&self, visitor: &mut Visitor, username: &str, now: Timestamp) {
        let request = self.begin(&visitor.browser(), "/requests", now).await;
        let next = self.sign_in(visitor, &request, username, now).await.unwrap();
        assert!(next == Next::Page("/requests".to_owned()), "{next:?}");
    }

    /// Presses the button that allows.
    pub(crate) async fn allow(&self, visitor: &Visitor, request: &str, now: Timestamp) -> Result<Next, Failure> {
        authorize::consent(&self.engine, &visitor.browser(), request, Decision::Allow, now).await
    }

    /// A visitor who has signed in and allowed everything that was asked, and the answer the client got.
    pub(crate) async fn walk(&self, ask: &Ask, username: &str, now: Timestamp) -> (Visitor, String) {
        let mut visitor = Visitor::new(self);
        let next = self.authorize(&visitor, ask, now).await.unwrap();
        let Next::Login(request) = next else { panic!("no login page: {next:?}") };
        let next = self.sign_in(&mut visitor, &request, username, now).await.unwrap();
        let next = match next {
            Next::Consent(request) => self.allow(&visitor, &request, now).await.unwrap(),
            other => other,
        };
        let Next::Client(url) = next else { panic!("not sent back: {next:?}") };
        (visitor, url)
    }

    /// A code for what was asked.
    pub(crate) async fn code_for(&self, ask: &Ask, now: Timestamp) -> String {
        let (_, url) = self.walk(ask, "somebody", now).await;
        parameter(&url, "code").unwrap_or_else(|| panic!("no code: {url}"))
    }

    pub(crate) async fn code(&self, app: &App, scope: &str, now: Timestamp) -> String {
        self.code_for(&Ask::new(app, scope), now).await
    }

    /// Tokens of a grant that was just made.
    pub(crate) async fn tokens(&self, app: &App, scope: &str, now: Timestamp) -> TokenResponse {
        let code = self.code(app, scope, now).await;
        self.redeem(app, &code, now).await.unwrap()
    }
}

/// A parameter of the URL the browser is sent to.
pub(crate) fn parameter(url: &str, name: &str) -> Option<String> {
    let (_, query) = url.split_once(['?', '#'])?;
    Form::parse(query.as_bytes()).unwrap().get(name).map(str::to_owned)
}
