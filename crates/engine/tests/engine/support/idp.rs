//! An identity provider that says what a test wants.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use firman_engine::{Call, Document, Fetch, FetchError, Reply, Wanted};
use firman_proto::form::Form;
use firman_proto::time::Timestamp;
use serde_json::{Value, json};

use super::{Signer, at, seconds};

pub(crate) const IDP: &str = "https://idp.example";

/// Its token endpoint gives what was put there; everything it is sent is kept.
pub(crate) struct Idp {
    pub(crate) signer: Signer,
    said: Mutex<Said>,
}

struct Said {
    metadata: Value,
    down: bool,
    held: HashMap<String, Arc<Document>>,
    authorization: u16,
    reply: (u16, String),
    userinfo: Value,
    heard: Vec<Heard>,
}

/// A request that it got.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    pub(crate) url: String,
    pub(crate) authorization: Option<String>,
    pub(crate) body: String,
}

impl Heard {
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        Form::parse(self.body.as_bytes()).unwrap().get(name).map(str::to_owned)
    }
}

impl Idp {
    pub(crate) fn new() -> Arc<Self> {
        let metadata = json!({
            "issuer": IDP,
            "authorization_endpoint": format!("{IDP}/auth"),
            "token_endpoint": format!("{IDP}/token"),
            "userinfo_endpoint": format!("{IDP}/userinfo"),
            "jwks_uri": format!("{IDP}/keys"),
        });
        let (held, reply) = (HashMap::new(), (500, String::new()));
        let said =
            Said { metadata, down: false, held, authorization: 303, reply, userinfo: json!({}), heard: Vec::new() };
        Arc::new(Self { signer: Signer::new(), said: Mutex::new(said) })
    }

    pub(crate) fn set_metadata(&self, name: &str, value: Value) {
        self.said.lock().unwrap().metadata[name] = value;
    }

    /// From now on nobody is there, or somebody is again.
    pub(crate) fn set_down(&self, down: bool) {
        self.said.lock().unwrap().down = down;
    }

    pub(crate) fn set_userinfo(&self, claims: Value) {
        self.said.lock().unwrap().userinfo = claims;
    }

    /// The status with which its authorization endpoint answers.
    pub(crate) fn set_authorization(&self, status: u16) {
        self.said.lock().unwrap().authorization = status;
    }

    /// What the token endpoint answers from now on.
    pub(crate) fn set_reply(&self, status: u16, body: &Value) {
        self.said.lock().unwrap().reply = (status, body.to_string());
    }

    /// Claims of a good ID token for somebody, made now.
    pub(crate) fn claims(sub: &str, nonce: &str, now: Timestamp) -> Value {
        let times = (now.seconds(), now.plus(seconds(300)).seconds());
        json!({"iss": IDP, "aud": "us", "sub": sub, "nonce": nonce, "iat": times.0, "exp": times.1})
    }

    /// The token endpoint gives this ID token from now on.
    pub(crate) fn vouch(&self, claims: &Value) {
        let id_token = self.signer.sign(claims);
        let answer = json!({"access_token": "at", "token_type": "Bearer", "id_token": id_token, "refresh_token": "rt"});
        self.set_reply(200, &answer);
    }

    /// The ID token that it gives.
    pub(crate) fn id_token(&self) -> String {
        let said: Value = serde_json::from_str(&self.said.lock().unwrap().reply.1).unwrap();
        said["id_token"].as_str().unwrap().to_owned()
    }

    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.said.lock().unwrap().heard.clone()
    }
}

#[async_trait]
impl Fetch for Idp {
    async fn get(&self, wanted: &Wanted<'_>, now: Timestamp) -> Result<Arc<Document>, FetchError> {
        let mut said = self.said.lock().unwrap();
        if said.down {
            // What was fetched before is held, for who does not ask for something newer.
            let held = said.held.get(wanted.url).filter(|_| wanted.fetched_since.is_none());
            return held.cloned().ok_or_else(|| FetchError::Failed("nobody is there".into()));
        }
        let body = match wanted.url.strip_prefix(IDP) {
            Some("/.well-known/openid-configuration") => said.metadata.to_string(),
            Some("/keys") => self.signer.jwks().to_string(),
            _ => return Err(FetchError::Failed("nobody is there".into())),
        };
        let (body, media_type) = (body.into_bytes(), "application/json".to_owned());
        let document = Arc::new(Document { body, media_type, fetched_at: now, fresh_until: at(1_000_000) });
        said.held.insert(wanted.url.to_owned(), Arc::clone(&document));
        Ok(document)
    }

    async fn send(&self, call: &Call<'_>) -> Result<Reply, FetchError> {
        let mut said = self.said.lock().unwrap();
        if said.down {
            return Err(FetchError::Failed("nobody is there".into()));
        }
        let authorization = call.headers.iter().find(|(name, _)| *name == "authorization");
        said.heard.push(Heard {
            url: call.url.to_owned(),
            authorization: authorization.map(|(_, value)| (*value).to_owned()),
            body: call.body.map(|(_, body)| String::from_utf8(body.to_vec()).unwrap()).unwrap_or_default(),
        });
        let (status, body) = match call.url.strip_prefix(IDP) {
            Some("/token") => said.reply.clone(),
            Some(path) if path.starts_with("/auth?") => (said.authorization, String::new()),
            Some("/userinfo") => (200, said.userinfo.to_string()),
            other => panic!("no such place: {other:?}"),
        };
        Ok(Reply { status, media_type: "application/json".to_owned(), body: body.into_bytes() })
    }
}
