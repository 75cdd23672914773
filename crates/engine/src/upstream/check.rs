//! Whether a provider would do, looked at before somebody has to sign in there. Nothing that is sent does anything: it asks for a sign-in
//! without anybody there, and presents a code that is none.

use firman_proto::form;
use firman_proto::jose::{Alg, Jwks};
use firman_proto::pkce::Challenge;
use firman_proto::time::Timestamp;
use firman_proto::upstream::ProviderMetadata;

use super::exchange::Desk;
use super::provider::{Mode, Provider};
use super::redirect_uri;
use crate::Engine;
use crate::fetch::{Call, Wanted};

/// How bad it is what was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grade {
    /// As it should be.
    Good,
    /// People can sign in, and something could be better, or could not be seen.
    Warning,
    /// Nobody can sign in there.
    Wrong,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// How it is.
    pub grade: Grade,
    /// What was looked at, in one word that stays the same.
    pub check: &'static str,
    /// What was seen.
    pub what: String,
}

/// Looks at everything about a provider that can be seen from here.
pub async fn check(engine: &Engine, provider: &Provider, now: Timestamp) -> Vec<Seen> {
    let metadata = match engine.upstreams.of(engine, provider, now).await {
        Ok(metadata) => metadata,
        Err(broken) => return vec![seen(Grade::Wrong, "discovery", broken.why())],
    };
    let mut all = vec![seen(Grade::Good, "discovery", provider.issuer.as_str())];
    all.extend(offers(provider, &metadata));
    all.push(keys(engine, &metadata, now).await);
    all.push(redirect(engine, provider, &metadata).await);
    all.push(credentials(&Desk { engine, provider, metadata: &metadata, now }).await);
    all
}

fn seen(grade: Grade, check: &'static str, what: impl Into<String>) -> Seen {
    Seen { grade, check, what: what.into() }
}

/// What it says that it does (OpenID Connect Discovery §3).
fn offers(provider: &Provider, metadata: &ProviderMetadata) -> Vec<Seen> {
    let has = |list: &Option<Vec<String>>, wanted: &str| list.as_ref().map(|list| list.iter().any(|one| one == wanted));
    let method = provider.authentication.as_str();
    // Who is nobody in particular authenticates by nothing, and few say so.
    let takes = method == "none" || metadata.takes(method);
    let mut all = vec![if takes {
        seen(Grade::Good, "authentication", method)
    } else {
        seen(Grade::Wrong, "authentication", format!("it does not take {method}"))
    }];
    // RFC 8414 §2: where nothing is said, PKCE is not supported; many do, and do not say.
    all.push(match has(&metadata.code_challenge_methods_supported, "S256") {
        Some(true) => seen(Grade::Good, "pkce", "S256"),
        _ => seen(Grade::Warning, "pkce", "it does not say that it knows S256"),
    });
    for scope in provider.scope.iter() {
        if has(&metadata.scopes_supported, scope) == Some(false) {
            all.push(seen(Grade::Warning, "scope", format!("it does not say that it knows {scope}")));
        }
    }
    let (mode, default) = match provider.response_mode {
        Mode::Query => ("query", true),
        Mode::FormPost => ("form_post", false),
    };
    if !has(&metadata.response_modes_supported, mode).unwrap_or(default) {
        all.push(seen(Grade::Wrong, "response-mode", format!("it does not say that it knows {mode}")));
    }
    if provider.userinfo && metadata.userinfo_endpoint.is_none() {
        all.push(seen(Grade::Wrong, "userinfo", "it has none"));
    }
    if provider.logout && metadata.end_session_endpoint.is_none() {
        all.push(seen(
            Grade::Warning,
            "logout",
            "it has no end_session_endpoint: who signs out here stays signed in there",
        ));
    }
    let grants = &metadata.grant_types_supported;
    if provider.recheck().is_some() && has(grants, "refresh_token") == Some(false) {
        all.push(seen(Grade::Warning, "refresh", "it gives no refresh tokens: nobody can be asked about again"));
    }
    // RFC 9207 §3.
    if !metadata.authorization_response_iss_parameter_supported {
        all.push(seen(Grade::Warning, "iss", "its answers do not say whose they are (RFC 9207)"));
    }
    all
}

/// Whether it publishes a key for an algorithm that it signs with and that is taken here.
async fn keys(engine: &Engine, metadata: &ProviderMetadata, now: Timestamp) -> Seen {
    let wanted = Wanted {
        url: &metadata.jwks_uri,
        types: &["application/json", "application/jwk-set+json"],
        fetched_since: None,
    };
    let document = match engine.fetch.get(&wanted, now).await {
        Ok(document) => document,
        Err(error) => return seen(Grade::Wrong, "keys", format!("its keys {error}")),
    };
    let keys = match Jwks::parse(&document.body) {
        Ok(keys) => keys,
        Err(why) => return seen(Grade::Wrong, "keys", format!("its keys: {why}")),
    };
    let signs = |alg: &Alg| {
        let said = metadata.id_token_signing_alg_values_supported.as_ref();
        said.is_none_or(|said| said.iter().any(|one| Alg::parse(one) == Some(*alg)))
    };
    let usable: Vec<&str> = Alg::PUBLIC
        .iter()
        .filter(|alg| signs(alg) && keys.keys().iter().any(|key| key.suits(**alg)))
        .map(|alg| alg.as_str())
        .collect();
    if usable.is_empty() {
        return seen(Grade::Wrong, "keys", "none is for an algorithm that it signs with and that is taken here");
    }
    seen(Grade::Good, "keys", usable.join(" "))
}

/// Whether our redirect URI is registered: a request that nobody may see is answered there, and only there (RFC 6749 §4.1.2.1).
async fn redirect(engine: &Engine, provider: &Provider, metadata: &ProviderMetadata) -> Seen {
    let ours = redirect_uri(engine, provider);
    let mut url = metadata.authorization_endpoint.clone();
    url.push(if url.contains('?') { '&' } else { '?' });
    let challenge = Challenge::s256("of no sign-in, so nobody will ever have to know it");
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", &provider.client_id),
        ("redirect_uri", &ours),
        ("scope", "openid"),
        ("state", "check"),
        ("nonce", "check"),
        ("prompt", "none"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ] {
        form::append(&mut url, name, value);
    }
    match engine.fetch.send(&Call { url: &url, headers: &[], body: None, wants_body: false }).await {
        Ok(reply) if (300..400).contains(&reply.status) => seen(Grade::Good, "redirect-uri", ours),
        Ok(reply) if (400..500).contains(&reply.status) => seen(
            Grade::Wrong,
            "redirect-uri",
            format!("{}: register {ours} for {} there", reply.status, provider.client_id),
        ),
        Ok(reply) => {
            seen(Grade::Warning, "redirect-uri", format!("{}: cannot tell whether {ours} is registered", reply.status))
        }
        Err(error) => seen(Grade::Wrong, "redirect-uri", format!("its authorization endpoint {error}")),
    }
}

/// Whether it takes us for the client that we say we are: then only the code is wrong (RFC 6749 §5.2).
async fn credentials(desk: &Desk<'_>) -> Seen {
    let ours = redirect_uri(desk.engine, desk.provider);
    let parameters = [
        ("grant_type", "authorization_code"),
        ("code", "none"),
        ("redirect_uri", &*ours),
        ("code_verifier", "of no sign-in, so nobody will ever have to know it"),
    ];
    match desk.tokens(&parameters).await {
        Err(broken) if broken.says_no() => seen(Grade::Good, "credentials", desk.provider.client_id.as_str()),
        Err(broken) => seen(Grade::Wrong, "credentials", broken.why()),
        Ok(_) => seen(Grade::Wrong, "credentials", "it gave tokens for a code that is none"),
    }
}
