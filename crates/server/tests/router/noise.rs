//! Damaged requests at every address: an answer of ours to each, never a fault, and nobody is sent anywhere else.

use std::rc::Rc;

use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, LOCATION};
use axum::http::{HeaderValue, Method, Request, Uri};
use firman_engine::registration::Mode;
use firman_proto::metadata::path;
use serde_json::json;

use crate::endpoints::ENDPOINTS;
use crate::mutator::{Noise, rounds, shown};
use crate::signer::{Signer, jti};
use crate::world::{Ask, BACK, CALLBACK, ISSUER, NOW, Reply, World, encoded};

/// A good request, in pieces that can be damaged.
#[derive(Clone)]
struct Seed {
    name: String,
    method: Method,
    path: Vec<u8>,
    headers: Vec<(&'static str, Vec<u8>)>,
    body: Vec<u8>,
}

impl Seed {
    fn of(name: &str, ask: &Ask) -> Self {
        let mut headers: Vec<_> = ask.headers.iter().map(|(name, value)| (*name, value.clone().into_bytes())).collect();
        let kind = if ask.json.is_some() { "application/json" } else { "application/x-www-form-urlencoded" };
        if ask.json.is_some() || !ask.form.is_empty() {
            headers.push((CONTENT_TYPE.as_str(), kind.as_bytes().to_vec()));
        }
        let body = ask.json.clone().unwrap_or_else(|| encoded(&ask.form)).into_bytes();
        Self { name: name.to_owned(), method: ask.method.clone(), path: ask.path.clone().into_bytes(), headers, body }
    }

    /// With one or two of its pieces damaged.
    fn damaged(&self, noise: &mut Noise, pieces: &[Vec<u8>]) -> Self {
        let mut damaged = self.clone();
        for _ in 0..=noise.below(2) {
            let at = noise.below(damaged.headers.len() + 2);
            let piece = match at {
                0 => &mut damaged.path,
                1 => &mut damaged.body,
                header => &mut damaged.headers[header - 2].1,
            };
            // Mostly the piece itself; now and then one of somewhere else.
            *piece = if noise.below(8) == 0 { noise.damage(pieces) } else { noise.damage(std::slice::from_ref(piece)) };
        }
        damaged
    }

    /// `None` for what no HTTP library lets through.
    fn request(&self) -> Option<Request<Body>> {
        let uri = Uri::try_from(self.path.as_slice()).ok().filter(|uri| uri.path().starts_with('/'))?;
        let mut request = Request::builder().method(&self.method).uri(uri);
        for (name, value) in &self.headers {
            request = request.header(*name, HeaderValue::from_bytes(value).ok()?);
        }
        request.body(Body::from(self.body.clone())).ok()
    }
}

fn form(path: &str, header: (&'static str, String), fields: &[(&str, &str)]) -> Ask {
    let form = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Ask { method: Method::POST, path: path.to_owned(), form, json: None, headers: vec![header] }
}

/// A server that never tires of anybody.
async fn server() -> Rc<World> {
    let world = World::with(|parts, client| {
        parts.policy.registration.mode = Mode::Open;
        parts.policy.registration.scope = client.metadata.scope.clone();
        parts.policy.registration.each_minute = u32::MAX;
        parts.policy.device.guesses = firman_engine::GuessLimits { each: u32::MAX, all: u32::MAX };
        parts.policy.failed_redemptions = 0;
    });
    Rc::new(world.await)
}

/// Good requests to every address, each with the server that it is good for. Those that check passwords are slow, and read
/// nothing that others do not.
async fn seeds() -> Vec<(Rc<World>, Seed)> {
    let mut seeds = Vec::new();
    for endpoint in ENDPOINTS {
        let slow = endpoint.name.starts_with("login") && !["login page", "login cancelled"].contains(&endpoint.name);
        if !slow {
            let world = server().await;
            let ask = (endpoint.prepare)(&world).await;
            seeds.push((world, Seed::of(endpoint.name, &ask)));
        }
    }
    let world = server().await;
    let seed = bound(&world);
    seeds.push((world, seed));
    seeds
}

/// With a proof of a key beside it (RFC 9449).
fn bound(world: &World) -> Seed {
    let signer = Signer::of("ES256");
    let claims = json!({"jti": jti(), "htm": "POST", "htu": format!("{ISSUER}{}", path::TOKEN), "iat": NOW.seconds()});
    let proof = signer.sign(&json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": signer.jwk()}), &claims);
    let mut bound = Seed::of("proof", &form(path::TOKEN, world.basic(), &[("grant_type", "client_credentials")]));
    bound.headers.push(("dpop", proof.into_bytes()));
    bound
}

fn must_be_ours(seed: &Seed, reply: &Reply) {
    let case = || {
        format!(
            "{}: {} {:?} {:?} gets {} {}",
            seed.name,
            shown(&seed.path),
            seed.headers,
            shown(&seed.body),
            reply.status,
            reply.body
        )
    };
    let busy = reply.status.as_u16() == 503 && reply.body.contains("temporarily_unavailable");
    assert!(!reply.status.is_server_error() || busy, "{}", case());
    if let Some(location) = reply.headers.get(LOCATION) {
        let location = location.to_str().unwrap();
        assert!(
            [ISSUER, CALLBACK, BACK].iter().any(|ours| location
                .strip_prefix(ours)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?', '#']))),
            "{location} {}",
            case()
        );
    }
    if reply.status.is_client_error() && !reply.body.is_empty() {
        let kind = reply.headers[CONTENT_TYPE].to_str().unwrap();
        let is_error = kind != "application/json" || reply.body.contains("\"error\":\"");
        assert!(is_error && reply.headers.get("x-content-type-options").is_some(), "{}", case());
    }
}

#[test]
fn every_damaged_request_gets_an_answer_of_ours() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let seeds = seeds().await;
        let pieces: Vec<_> = seeds.iter().flat_map(|(_, seed)| [seed.path.clone(), seed.body.clone()]).collect();
        let mut noise = Noise::new("requests");
        let mut answered = 0;
        for _ in 0..rounds() {
            let (world, seed) = &seeds[noise.below(seeds.len())];
            let seed = seed.damaged(&mut noise, &pieces);
            let Some(request) = seed.request() else { continue };
            let reply = world.give(request).await;
            must_be_ours(&seed, &reply);
            answered += 1;
        }
        assert!(answered > rounds() / 2, "{answered}");
    });
}

#[tokio::test]
async fn a_registration_whose_address_is_no_text_is_nobodys() {
    let world = server().await;
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let request = Request::builder().method(method).uri(format!("{}/%ff", path::REGISTER));
        let request = request.header(CONTENT_TYPE, "application/json").header(AUTHORIZATION, "Bearer x");
        let reply = world.give(request.body(Body::from("{}")).unwrap()).await;
        assert!(reply.status == 401 && reply.body.contains("\"error\":\"invalid_token\""), "{}", reply.body);
    }
}

#[test]
fn a_header_full_of_cookies_is_read_once() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let world = World::new().await;
        for cookies in ["fm_browser=x; ".repeat(10_000), "=;".repeat(30_000), ";".repeat(60_000), "a=".repeat(30_000)] {
            let request = Request::get(path::AUTHORIZE).header(COOKIE, cookies).body(Body::empty()).unwrap();
            assert_eq!(world.give(request).await.status, 400);
        }
    });
}
