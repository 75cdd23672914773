//! The admin API through its router: who gets in, to what, and what they leave in the trail.

mod areas;
mod doors;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, IF_MATCH};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use firman::admin::Admin;
use firman::metrics::Metrics;
use firman_engine::accounts::Passwords;
use firman_engine::operator::{AdminPolicy, all_scopes, identifier};
use firman_engine::{Clock, SystemEntropy};
use firman_proto::scope::Scope;
use firman_proto::time::Timestamp;
use firman_store::Page;
use firman_store::record::Account;
use http_body_util::BodyExt as _;
use serde_json::Value;
use tower::ServiceExt as _;

use crate::world::{Ask, CLIENT, ISSUER, NOW, PASSWORD, USERNAME, World};

const ADDRESS: &str = "https://admin.example";

/// The time at which everything is tested.
struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        NOW
    }
}

/// A server with an admin API, and a client that may use it.
struct Office {
    world: World,
    router: Router,
}

/// An answer, read.
struct Told {
    status: StatusCode,
    headers: HeaderMap,
    body: Value,
}

impl Office {
    async fn new() -> Self {
        Self::of(Vec::new()).await
    }

    /// With these subjects as operators.
    async fn of(operators: Vec<String>) -> Self {
        let world = World::with(|parts, client| {
            parts.policy.admin = Some(AdminPolicy { address: ADDRESS.to_owned(), operators });
            parts.policy.password_grant = true;
            client.metadata.grant_types = parts.policy.grant_types().collect();
            client.metadata.scope = all_scopes().union(&Scope::parse("openid").unwrap());
            client.policy.resources = Some(vec![identifier(ISSUER), ISSUER.to_owned()]);
        })
        .await;
        let admin = Arc::new(Admin {
            engine: Arc::clone(&world.engine),
            clock: Arc::new(Still),
            passwords: Arc::new(Passwords::new(1, Arc::new(SystemEntropy::default()))),
            metrics: Arc::new(Metrics::default()),
            counter: None,
            max_body: 65_536,
            started: NOW,
        });
        Self { router: firman::admin::router(admin), world }
    }

    /// A token of the client for itself, of this scope.
    async fn token(&self, scope: &str) -> String {
        self.token_by(&[("grant_type", "client_credentials"), ("scope", scope)]).await
    }

    /// A token of the person, of this scope.
    async fn persons_token(&self, scope: &str) -> String {
        let asked = [("grant_type", "password"), ("username", USERNAME), ("password", PASSWORD), ("scope", scope)];
        self.token_by(&asked).await
    }

    async fn token_by(&self, form: &[(&str, &str)]) -> String {
        let told = self.ask_token(form, &identifier(ISSUER), Vec::new()).await;
        told["access_token"].as_str().unwrap_or_else(|| panic!("{told}")).to_owned()
    }

    async fn ask_token(&self, form: &[(&str, &str)], resource: &str, headers: Vec<(&'static str, String)>) -> Value {
        let target = [("resource", resource)];
        let fields = form.iter().chain(&target);
        let ask = Ask {
            method: Method::POST,
            path: "/oauth2/token".to_owned(),
            form: fields.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            json: None,
            headers: headers.into_iter().chain([self.world.basic()]).collect(),
        };
        serde_json::from_str(&self.world.send(&ask).await.body).unwrap()
    }

    async fn send(&self, request: Request<Body>) -> Told {
        let (head, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap_or_default() };
        Told { status: head.status, headers: head.headers, body }
    }

    /// Asks for something below the prefix, with a token and a body if there is one.
    async fn ask(&self, method: &str, path: &str, token: &str, body: Option<Value>) -> Told {
        self.send(request(method, path, Some(token), body, None)).await
    }

    /// Edits what has this tag.
    async fn edit(&self, method: &str, path: &str, token: &str, tag: &str, body: Option<Value>) -> Told {
        self.send(request(method, path, Some(token), body, Some(tag))).await
    }

    async fn account(&self) -> Account {
        let accounts = self.world.engine.store().accounts(self.world.engine.number(), Page::first(10)).await.unwrap();
        accounts.into_iter().find(|account| account.username == USERNAME).unwrap()
    }
}

fn request(method: &str, path: &str, token: Option<&str>, body: Option<Value>, tag: Option<&str>) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(format!("/admin/v1{path}"));
    if let Some(token) = token {
        request = request.header(AUTHORIZATION, format!("Bearer {token}"));
    }
    if let Some(tag) = tag {
        request = request.header(IF_MATCH, tag);
    }
    match body {
        Some(body) => request.header(CONTENT_TYPE, "application/json").body(Body::from(body.to_string())).unwrap(),
        None => request.body(Body::empty()).unwrap(),
    }
}

fn own() -> String {
    format!("/clients/{CLIENT}")
}
