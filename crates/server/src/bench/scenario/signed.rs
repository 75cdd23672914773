//! The client credentials grant, by a client that signs an assertion for each request (RFC 7523 §3), or with a proof of a key
//! beside each (RFC 9449 §5).

use std::time::Duration;

use firman_engine::{Clock as _, SystemClock};
use firman_proto::credentials::JWT_BEARER;
use firman_proto::form;
use firman_proto::metadata::path;
use serde_json::{Value, json};

use super::Scenario;
use crate::bench::BenchError;
use crate::bench::client::{Answer, Connection};
use crate::bench::load::Work;
use crate::bench::request::Post;
use crate::bench::signer::Signer;
use crate::bench::site::Site;
use crate::bench::stop::Stop;

/// At most, whatever the rate.
const MOST: f64 = 500_000.0;
/// For an assertion: longer than a run, shorter than the server's limit.
const LIFE: i64 = 3000;

/// What is signed for each request.
enum What {
    /// Who the client is.
    Assertion { client_id: String, rest: String },
    /// That the client holds a key.
    Proof,
}

/// Requests of which each has a signature of its own.
pub(super) struct Signed {
    what: What,
    post: Post,
    signer: Signer,
    issuer: String,
    ready: Vec<Box<str>>,
}

impl Signed {
    /// A client that registers its key.
    pub(super) fn assertions(site: &Site) -> Result<Self, BenchError> {
        let signer = Signer::new()?;
        let metadata = json!({"client_name": "Bench", "grant_types": ["client_credentials"], "scope": "profile",
            "token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [signer.jwk()]}});
        let body = metadata.to_string();
        let request = format!(
            "POST {} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            path::REGISTER,
            site.address,
            body.len()
        );
        let mut connection = Connection::open(site.address)?;
        let answer = connection.exchange(request.as_bytes())?;
        answer.must_be(201)?;
        let client_id = answer.member("client_id")?.to_owned();
        let mut rest = String::from("&");
        form::append(&mut rest, "client_assertion_type", JWT_BEARER);
        let post = Post::anonymous(site.address, path::TOKEN);
        Ok(Self {
            what: What::Assertion { client_id, rest },
            post,
            signer,
            issuer: site.issuer().to_owned(),
            ready: Vec::new(),
        })
    }

    /// The demo's service, with a key.
    pub(super) fn proofs(site: &Site) -> Result<Self, BenchError> {
        let (signer, post) = (Signer::new()?, site.service(path::TOKEN));
        Ok(Self { what: What::Proof, post, signer, issuer: site.issuer().to_owned(), ready: Vec::new() })
    }

    fn sign(&mut self) -> Result<Box<str>, BenchError> {
        let now = SystemClock.now().seconds();
        let (header, claims) = match &self.what {
            What::Assertion { client_id, .. } => {
                let claims =
                    json!({"iss": client_id, "sub": client_id, "aud": self.issuer, "iat": now, "exp": now + LIFE});
                (json!({"alg": "ES256"}), claims)
            }
            What::Proof => {
                let htu = format!("{}{}", self.issuer, path::TOKEN);
                let header: Value = json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": self.signer.jwk()});
                (header, json!({"htm": "POST", "htu": htu, "iat": now}))
            }
        };
        self.signer.sign(&header, claims)
    }
}

impl Work for Signed {
    fn ask(&mut self, _: usize, out: &mut Vec<u8>) -> bool {
        let Some(signed) = self.ready.pop() else { return false };
        match &self.what {
            What::Assertion { rest, .. } => {
                self.post.write(out, &["grant_type=client_credentials&client_assertion=", &signed, rest]);
            }
            What::Proof => self.post.write_with(out, ("dpop", &signed), &["grant_type=client_credentials"]),
        }
        true
    }

    fn answered(&mut self, _: usize, answer: &Answer<'_>) -> Result<(), BenchError> {
        answer.must_be(200)
    }
}

impl Scenario for Signed {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded above and positive")]
    fn stock(&mut self, _: &Site, time: Duration, rate: f64, stop: &Stop) -> Result<(), BenchError> {
        let wanted = (rate * time.as_secs_f64()).clamp(1_000.0, MOST) as usize;
        // Those that were left over may be too old.
        self.ready.clear();
        for _ in 0..wanted {
            stop.check()?;
            let signed = self.sign()?;
            self.ready.push(signed);
        }
        Ok(())
    }
}
