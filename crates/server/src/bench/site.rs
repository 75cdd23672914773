//! A demo server to be measured: where it is, its clients, and somebody who is signed in.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use firman_proto::form;
use firman_proto::metadata::path;
use firman_proto::pkce::Challenge;
use serde::Deserialize;
use serde_json::json;

use super::BenchError;
use super::child::Child;
use super::client::Answer;
use super::cores::Cores;
use super::load::{Load, Work};
use super::request::{self, Post};
use super::sign_in;
use super::stop::Stop;

/// RFC 7636 §4.1; one for all codes.
pub(super) const VERIFIER: &str = "a-verifier-that-is-the-same-for-every-code-of-the-run";
/// All that is asked for in the course of a run, allowed once.
const SCOPE: &str = "openid profile email offline_access";
/// Who verifies signatures and asks about nothing.
pub(super) const RESOURCE: &str = "https://api.example";
/// For making codes.
const LONGEST: Duration = Duration::from_mins(2);

/// What the demo prints when it is ready.
#[derive(Deserialize)]
pub(super) struct Ready {
    issuer: String,
    client_id: String,
    client_secret: String,
    pub(super) redirect_uri: String,
    pub(super) username: String,
    pub(super) password: String,
    service_client_id: String,
    service_client_secret: String,
}

/// A demo server.
pub(super) struct Site {
    pub(super) child: Child,
    pub(super) address: SocketAddr,
    pub(super) ready: Ready,
    /// From its start until it said that it was ready.
    pub(super) start: Duration,
    /// Of the browser of the user who is signed in.
    pub(super) cookies: String,
}

impl Site {
    /// Starts a server in a folder, which need not have one yet.
    pub(super) fn start(cores: &Cores, folder: &Path, environment: &[(&str, &str)]) -> Result<Self, BenchError> {
        // Codes and proofs are made ahead, and tokens are asked about until the run is over. A client registers its key.
        let settings = [
            ("FIRMAN__TOKENS__CODE_SECONDS", "600"),
            ("FIRMAN__TOKENS__DPOP_PROOF_SECONDS", "600"),
            ("FIRMAN__TOKENS__ACCESS_TOKEN_SECONDS", "86400"),
            ("FIRMAN__REGISTRATION__MODE", "open"),
            ("FIRMAN__REGISTRATION__GRANT_TYPES", "client_credentials"),
        ];
        let environment: Vec<_> = settings.iter().chain(environment).copied().collect();
        let words = ["serve", "--demo", "--dir", ".", "--port", "0", "--json"];
        let started = Instant::now();
        let (child, ready) = Child::start::<Ready>(cores, folder, &words, &environment)?;
        let address = ready.issuer.trim_start_matches("http://").parse();
        let address = address.map_err(|_| BenchError::Child(format!("no address in {}", ready.issuer)))?;
        Child::wait_ready(address)?;
        Ok(Self { child, address, ready, start: started.elapsed(), cookies: String::new() })
    }

    /// Registers the resource, signs the demo's user in and allows the demo's client everything.
    pub(super) fn sign_in(&mut self, folder: &Path) -> Result<(), BenchError> {
        let list = json!({"resources": [{"identifier": RESOURCE, "token_format": "jwt"}]});
        std::fs::write(folder.join("resources.json"), list.to_string()).map_err(BenchError::cannot("write a file"))?;
        Child::run(folder, &["client", "apply", "resources.json", "--dir", "."])?;
        self.cookies = sign_in::sign_in(self, &self.authorize(SCOPE))?;
        Ok(())
    }

    /// Who it says it is.
    pub(super) fn issuer(&self) -> &str {
        &self.ready.issuer
    }

    /// A request of the demo's application.
    pub(super) fn application(&self, path: &str) -> Post {
        Post::new(self.address, path, &self.ready.client_id, &self.ready.client_secret)
    }

    /// A request of the demo's service.
    pub(super) fn service(&self, path: &str) -> Post {
        Post::new(self.address, path, &self.ready.service_client_id, &self.ready.service_client_secret)
    }

    /// So many authorization codes, each with PKCE, by the session of the user who is signed in.
    pub(super) fn codes(&self, count: usize, scope: &str, stop: &Stop) -> Result<Vec<Box<str>>, BenchError> {
        let request = request::get(self.address, &self.authorize(scope), &self.cookies);
        let mut work = MakeCodes { request, left: count, codes: Vec::with_capacity(count) };
        Load::open(self.address, count.clamp(1, 64), stop)?.run(&mut work, LONGEST, &mut || Ok(()))?;
        Ok(work.codes)
    }

    fn authorize(&self, scope: &str) -> String {
        let mut target = format!("{}?", path::AUTHORIZE);
        for (name, value) in [
            ("response_type", "code"),
            ("client_id", &*self.ready.client_id),
            ("redirect_uri", &*self.ready.redirect_uri),
            ("scope", scope),
            ("state", "state-of-the-benchmark"),
            ("nonce", "nonce-of-the-benchmark"),
            ("code_challenge", &*Challenge::s256(VERIFIER)),
            ("code_challenge_method", "S256"),
        ] {
            form::append(&mut target, name, value);
        }
        target
    }
}

struct MakeCodes {
    request: Vec<u8>,
    left: usize,
    codes: Vec<Box<str>>,
}

impl Work for MakeCodes {
    fn ask(&mut self, _: usize, out: &mut Vec<u8>) -> bool {
        let Some(left) = self.left.checked_sub(1) else { return false };
        self.left = left;
        out.extend_from_slice(&self.request);
        true
    }

    fn answered(&mut self, _: usize, answer: &Answer<'_>) -> Result<(), BenchError> {
        let code = answer.header("location").and_then(sign_in::code_of);
        self.codes.push(code.ok_or_else(|| answer.unexpected())?.into());
        Ok(())
    }
}
