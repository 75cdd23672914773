//! Off to a provider (OpenID Connect Core §3.1.2.1).

use firman_proto::error::invalid_request;
use firman_proto::form;
use firman_proto::pkce::Challenge;
use firman_proto::time::{Lifetime, Timestamp};
use firman_proto::upstream::ProviderMetadata;

use super::errand::{Errand, word};
use super::provider::{Mode, Provider};
use super::redirect_uri;
use super::trouble::Trouble;
use crate::Engine;
use crate::authorize::{Browser, ClientView, Interaction};
use crate::failure::Failure;

/// A browser on its way to a provider.
pub struct Departure {
    /// Where to.
    pub to: String,
    /// The handle of its errand.
    pub state: String,
    /// The errand, sealed: for a cookie.
    pub errand: String,
    /// How long the browser should keep that.
    pub lifetime: Lifetime,
}

/// What came of sending somebody off.
pub enum Went {
    /// They go.
    Off(Departure),
    /// They cannot.
    Trouble(Trouble),
}

/// Sends somebody to a provider.
pub async fn go(
    engine: &Engine,
    browser: &Browser,
    request: &str,
    name: &str,
    now: Timestamp,
) -> Result<Went, Failure> {
    let (interaction, _) = Interaction::resume(engine, browser, request, now).await?;
    let provider = engine.policy.upstream.providers.find(name);
    let provider = provider.ok_or_else(|| invalid_request("upstream: no such identity provider"))?;
    let metadata = match engine.upstreams.alive(engine, provider, now).await {
        Ok(metadata) => metadata,
        Err(broken) => return Ok(Went::Trouble(broken.trouble(engine, browser, provider, &interaction)?)),
    };
    let (state, prompt) = (word(engine)?, interaction.request.prompt);
    let errand = Errand {
        provider: provider.name.clone(),
        anew: prompt.login,
        interaction,
        nonce: word(engine)?,
        verifier: word(engine)?,
        begun_at: now,
    };
    let to = address(engine, provider, &metadata, &errand, &state);
    let errand = errand.seal(engine, browser, &state)?;
    Ok(Went::Off(Departure { to, state, errand, lifetime: engine.policy.upstream.life }))
}

/// The authorization request.
fn address(engine: &Engine, provider: &Provider, metadata: &ProviderMetadata, errand: &Errand, state: &str) -> String {
    let asked = &errand.interaction.request;
    let mut url = metadata.authorization_endpoint.clone();
    url.push(if url.contains('?') { '&' } else { '?' });
    let mut add = |name: &str, value: &str| form::append(&mut url, name, value);
    add("response_type", "code");
    add("client_id", &provider.client_id);
    add("redirect_uri", &redirect_uri(engine, provider));
    add("scope", &provider.scope.to_string());
    add("state", state);
    add("nonce", &errand.nonce);
    // RFC 7636 §4.3: of its own for each sign-in.
    add("code_challenge", &Challenge::s256(&errand.verifier));
    add("code_challenge_method", "S256");
    if provider.response_mode == Mode::FormPost {
        add("response_mode", "form_post");
    }
    // OpenID Connect Core §3.1.2.1: what the client asks of the sign-in is asked where it happens.
    // OpenID Connect Core §11: offline access is for those who were asked for it.
    let offline = provider.scope.contains("offline_access");
    let words = [(asked.prompt.login, "login"), (asked.prompt.select_account, "select_account"), (offline, "consent")];
    let words: Vec<_> = words.into_iter().filter(|(asked, _)| *asked).map(|(_, word)| word).collect();
    if !words.is_empty() {
        add("prompt", &words.join(" "));
    }
    if let Some(seconds) = max_age(errand) {
        add("max_age", &seconds.to_string());
    }
    let classes: Vec<_> =
        asked.acr_values.iter().filter_map(|ours| provider.acr.get(ours)).map(String::as_str).collect();
    if !classes.is_empty() {
        add("acr_values", &classes.join(" "));
    }
    if let Some(hint) = &asked.login_hint {
        add("login_hint", hint);
    }
    url
}

/// How long ago the person may have proved who they are, in seconds. Where they are to prove it anew, that is asked as an age,
/// too: only then must the answer say when they did (OpenID Connect Core §2 `auth_time`).
pub(super) fn max_age(errand: &Errand) -> Option<u32> {
    if errand.anew { Some(0) } else { errand.interaction.request.max_age }
}

/// Where somebody goes without being asked which way they sign in: where the client says, or where they all go.
pub fn at_once<'e>(engine: &'e Engine, view: &ClientView) -> Option<&'e Provider> {
    let policy = &engine.policy.upstream;
    let request = &view.interaction.request;
    let hinted = request.idp_hint.as_deref().and_then(|hint| policy.providers.by_hint(hint));
    let by_class = || request.acr_values.iter().find_map(|value| policy.providers.by_hint(value));
    let by_domain = || request.login_hint.as_deref().and_then(|typed| policy.providers.by_domain(typed));
    let only = || policy.providers.only().filter(|_| !policy.local);
    hinted.or_else(by_class).or_else(by_domain).or_else(only).map(|provider| &**provider)
}
