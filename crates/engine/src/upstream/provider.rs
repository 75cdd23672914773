//! Identity providers whose people may sign in here, as an operator configures them.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use firman_proto::extra_claims::is_reserved;
use firman_proto::jws::Algorithm;
use firman_proto::scope::Scope;
use firman_proto::time::Lifetime;
use firman_proto::upstream::MOST_SKEW;
use serde::Deserialize;
use zeroize::Zeroizing;

/// A provider, and how far it is trusted.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// What it is called in addresses, subjects and logs: small letters, digits and `-`.
    pub name: String,
    /// Its issuer identifier, exactly as it writes it.
    pub issuer: String,
    /// Who this server is there.
    pub client_id: String,
    /// How this server proves it.
    #[serde(default)]
    pub authentication: Authentication,
    /// The file with the client secret.
    #[serde(default)]
    pub client_secret_file: Option<PathBuf>,
    /// What stands in that file.
    #[serde(skip)]
    pub client_secret: Option<ClientSecret>,
    /// The algorithm of `private_key_jwt`; none said: the one this server prefers.
    #[serde(default)]
    pub signing_alg: Option<Algorithm>,
    /// What is asked for there.
    #[serde(default = "openid")]
    pub scope: Scope,
    /// What people know it as; none said: its name.
    #[serde(default)]
    pub display_name: Option<String>,
    /// The address of its picture.
    #[serde(default)]
    pub logo: Option<String>,
    /// The domains of the names that its people type: who types one is sent there.
    #[serde(default)]
    pub domains: Vec<String>,
    /// What a client may say (`idp_hint`, `acr_values`) to have somebody sent there, beside its name.
    #[serde(default)]
    pub hints: Vec<String>,
    /// Who its people are here.
    #[serde(default)]
    pub subject: SubjectFrom,
    /// Whether somebody who comes for the first time gets an account.
    #[serde(default = "yes")]
    pub create: bool,
    /// Whether its `email_verified` is believed.
    #[serde(default)]
    pub trust_email_verified: bool,
    /// Whether somebody with the verified e-mail address of an account here is taken for its owner.
    #[serde(default)]
    pub link_by_email: bool,
    /// How its answer travels.
    #[serde(default)]
    pub response_mode: Mode,
    /// Claims here and what they are called there; what OpenID Connect has a name for is taken as it is.
    #[serde(default)]
    pub claims: BTreeMap<String, String>,
    /// The claim that names the groups of a person there; kept as the claim `groups`.
    #[serde(default)]
    pub groups: Option<String>,
    /// Only people of one of these groups are let in; none said: everybody.
    #[serde(default)]
    pub allowed_groups: Vec<String>,
    /// Scopes that only people of one of these groups can allow.
    #[serde(default)]
    pub scopes: BTreeMap<String, Vec<String>>,
    /// Classes of sign-ins here (`login.acr_classes`), and what the provider calls them.
    #[serde(default)]
    pub acr: BTreeMap<String, String>,
    /// What a sign-in there counts as (`amr`), beside what the provider says.
    #[serde(default)]
    pub amr: Vec<String>,
    /// Whether its userinfo is asked, too.
    #[serde(default)]
    pub userinfo: bool,
    /// After how many seconds, at a refresh, it is asked whether somebody is still there; 0: never.
    #[serde(default)]
    pub recheck_seconds: u32,
    /// What becomes of a grant whose person is not there any more.
    #[serde(default)]
    pub on_refusal: OnRefusal,
    /// For how many seconds refreshes go on while it cannot be asked.
    #[serde(default = "an_hour")]
    pub outage_seconds: u32,
    /// How far its clock may be from ours, for the times in its ID tokens.
    #[serde(default = "a_minute")]
    pub clock_skew_seconds: u32,
    /// Whether who signs out here is sent there to sign out, too.
    #[serde(default)]
    pub logout: bool,
}

/// How this server authenticates at a provider (OpenID Connect Core §9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Authentication {
    /// By its secret, in a header.
    #[default]
    ClientSecretBasic,
    /// By its secret, in the form.
    ClientSecretPost,
    /// By a signature with the keys that this server publishes.
    PrivateKeyJwt,
    /// Not at all: a public client.
    None,
}

impl Authentication {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ClientSecretBasic => "client_secret_basic",
            Self::ClientSecretPost => "client_secret_post",
            Self::PrivateKeyJwt => "private_key_jwt",
            Self::None => "none",
        }
    }

    const fn needs_secret(self) -> bool {
        matches!(self, Self::ClientSecretBasic | Self::ClientSecretPost)
    }
}

/// Which subject stands for somebody of a provider.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectFrom {
    /// The one of their account here.
    #[default]
    Account,
    /// The name of the provider, a colon, and their subject there.
    Upstream,
}

/// How an answer travels (Multiple Response Types §2.1, Form Post Response Mode §2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// In the address.
    #[default]
    Query,
    /// In a form that the browser posts.
    FormPost,
}

/// What becomes of a grant whose person a provider does not know any more, or does not let in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnRefusal {
    /// It stays, and may be refreshed when they are there again.
    #[default]
    Keep,
    /// It is revoked.
    Revoke,
}

/// A client secret. Its Debug shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientSecret(Zeroizing<String>);

impl ClientSecret {
    /// Keeps a secret.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(Zeroizing::new(secret.into()))
    }

    /// The secret: the only way out.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientSecret(..)")
    }
}

fn openid() -> Scope {
    Scope::parse("openid profile email").unwrap_or_default()
}

const fn yes() -> bool {
    true
}

const fn an_hour() -> u32 {
    3600
}

const fn a_minute() -> u32 {
    60
}

impl Provider {
    /// What people know it as.
    pub fn label(&self) -> &str {
        self.display_name.as_deref().unwrap_or(&self.name)
    }

    /// How long what it said counts at refreshes; none: for ever.
    pub fn recheck(&self) -> Option<Lifetime> {
        (self.recheck_seconds > 0).then(|| Lifetime::from_seconds(i64::from(self.recheck_seconds)))
    }

    /// How long refreshes go on while it cannot be asked.
    pub fn outage(&self) -> Lifetime {
        Lifetime::from_seconds(i64::from(self.outage_seconds))
    }

    /// How far its clock may be from ours.
    pub(super) fn clock_skew(&self) -> Lifetime {
        Lifetime::from_seconds(i64::from(self.clock_skew_seconds))
    }

    fn check(&self) -> Result<(), String> {
        let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if !(1..=32).contains(&self.name.len()) || !self.name.bytes().all(is_name) {
            return Err("name: 1 to 32 small letters, digits and -".to_owned());
        }
        let is_address = |text: &str| text.starts_with("https://") || text.starts_with("http://");
        if !is_address(&self.issuer) || self.issuer.contains(['?', '#']) {
            return Err("issuer: an address without query and fragment".to_owned());
        }
        if self.client_id.is_empty() {
            return Err("client_id: empty".to_owned());
        }
        let has_secret = self.client_secret.is_some() || self.client_secret_file.is_some();
        match (self.authentication.needs_secret(), has_secret) {
            (true, false) => return Err("client_secret_file: missing, or say authentication".to_owned()),
            (false, true) => return Err("client_secret_file: not for this authentication".to_owned()),
            _ => {}
        }
        if !self.scope.contains("openid") {
            return Err("scope: without openid nobody learns who signed in".to_owned());
        }
        if let Some(name) = self.claims.keys().find(|name| is_reserved(name) || *name == "groups") {
            return Err(format!("claims: {name} is given by this server, or by groups"));
        }
        if self.groups.is_none() && !(self.allowed_groups.is_empty() && self.scopes.is_empty()) {
            return Err("groups: missing: which claim names them?".to_owned());
        }
        if self.link_by_email && !self.trust_email_verified {
            return Err("link_by_email: needs trust_email_verified".to_owned());
        }
        if self.link_by_email && self.subject == SubjectFrom::Upstream {
            return Err("link_by_email: not where the subject is the upstream's".to_owned());
        }
        if self.clock_skew() > MOST_SKEW {
            return Err(format!("clock_skew_seconds: at most {}", MOST_SKEW.seconds()));
        }
        if self.logo.as_deref().is_some_and(|logo| !logo.starts_with("https://") && !logo.starts_with("data:image/")) {
            return Err("logo: an https address, or a data: URI of an image".to_owned());
        }
        Ok(())
    }

    fn is_hinted(&self, hint: &str) -> bool {
        self.name == hint || self.hints.iter().any(|known| known == hint)
    }

    fn has_domain_of(&self, typed: &str) -> bool {
        let domain = typed.rsplit_once('@').map(|(_, domain)| domain.trim_end_matches('.').trim());
        domain.is_some_and(|domain| self.domains.iter().any(|known| known.eq_ignore_ascii_case(domain)))
    }
}

/// The providers whose people may sign in here.
#[derive(Clone, Debug, Default)]
pub struct Providers(Vec<Arc<Provider>>);

impl Providers {
    /// A list of providers; an error says what is wrong with which.
    pub fn new(providers: Vec<Provider>) -> Result<Self, String> {
        for (place, provider) in providers.iter().enumerate() {
            provider.check().map_err(|wrong| format!("{}: {wrong}", provider.name))?;
            let twice = |other: &Provider| {
                other.name == provider.name
                    || other.hints.iter().any(|hint| provider.is_hinted(hint))
                    || other.domains.iter().any(|domain| provider.has_domain_of(&format!("@{domain}")))
            };
            if providers.iter().take(place).any(twice) {
                return Err(format!("{}: its name, a hint or a domain is given twice", provider.name));
            }
        }
        Ok(Self(providers.into_iter().map(Arc::new).collect()))
    }

    /// Each of them, in the order of the configuration.
    pub fn iter(&self) -> impl Iterator<Item = &Provider> {
        self.0.iter().map(|provider| &**provider)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a scope is for people of certain groups alone.
    pub(super) fn keeps(&self, scope: &str) -> bool {
        self.0.iter().any(|provider| provider.scopes.contains_key(scope))
    }

    /// The one of this name.
    pub fn find(&self, name: &str) -> Option<&Arc<Provider>> {
        self.0.iter().find(|provider| provider.name == name)
    }

    /// The one that a client means by a hint.
    pub fn by_hint(&self, hint: &str) -> Option<&Arc<Provider>> {
        self.0.iter().find(|provider| provider.is_hinted(hint))
    }

    /// The one whose people type such names.
    pub fn by_domain(&self, typed: &str) -> Option<&Arc<Provider>> {
        self.0.iter().find(|provider| provider.has_domain_of(typed))
    }

    /// The one there is, if there is one alone.
    pub(super) fn only(&self) -> Option<&Arc<Provider>> {
        if let [only] = &self.0[..] { Some(only) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(list: Value) -> Result<Providers, String> {
        let providers: Vec<Provider> = serde_json::from_value(list).map_err(|error| error.to_string())?;
        Providers::new(providers)
    }

    fn good(name: &str) -> Value {
        json!({"name": name, "issuer": "https://idp.example", "client_id": "us", "authentication": "none"})
    }

    fn with(name: &str, value: Value) -> Value {
        let mut provider = good("uni");
        provider[name] = value;
        provider
    }

    #[test]
    fn what_is_wrong_with_a_provider_is_said() {
        read(json!([good("uni"), good("lab-2")])).unwrap();
        for (list, told) in [
            (json!([good("uni"), good("uni")]), "twice"),
            (
                json!([with("domains", json!(["a.example"])), {"name": "b", "issuer": "https://b.example", "client_id": "x",
                "authentication": "none", "domains": ["A.example"]}]),
                "twice",
            ),
            (json!([good("Uni")]), "name"),
            (json!([good("")]), "name"),
            (json!([with("issuer", "idp.example".into())]), "issuer"),
            (json!([with("client_id", "".into())]), "client_id"),
            (json!([with("authentication", "client_secret_basic".into())]), "client_secret_file"),
            (json!([with("client_secret_file", "/s".into())]), "client_secret_file"),
            (json!([with("scope", "profile".into())]), "openid"),
            (json!([with("claims", json!({"sub": "uid"}))]), "claims"),
            (json!([with("allowed_groups", json!(["a"]))]), "groups"),
            (json!([with("link_by_email", true.into())]), "trust_email_verified"),
            (json!([with("logo", "http://idp.example/logo.png".into())]), "logo"),
            (json!([with("clock_skew_seconds", 301.into())]), "at most 300"),
            (json!([with("colour", "red".into())]), "colour"),
        ] {
            let error = read(list.clone()).unwrap_err();
            assert!(error.contains(told), "{list}: {error}");
        }
    }

    #[test]
    fn a_provider_is_found_by_name_hint_and_domain() {
        let mut uni = with("domains", json!(["uni.example"]));
        uni["hints"] = json!(["idp:uni"]);
        let providers = read(json!([uni, good("lab")])).unwrap();
        let name = |found: Option<&Arc<Provider>>| found.map(|provider| provider.name.clone());
        assert_eq!(name(providers.by_hint("idp:uni")).as_deref(), Some("uni"));
        assert_eq!(name(providers.by_hint("lab")).as_deref(), Some("lab"));
        for typed in ["a@uni.example", "a@b@UNI.example ", "a@uni.example."] {
            assert_eq!(name(providers.by_domain(typed)).as_deref(), Some("uni"), "{typed}");
        }
        for typed in ["uni.example", "a@sub.uni.example", "a@uni.example.evil", ""] {
            assert_eq!(name(providers.by_domain(typed)), None, "{typed}");
        }
        assert!(providers.only().is_none() && read(json!([good("lab")])).unwrap().only().is_some());
    }

    #[test]
    fn a_secret_is_not_shown() {
        let mut provider: Provider = serde_json::from_value(good("uni")).unwrap();
        provider.client_secret = Some(ClientSecret::new("hush"));
        assert!(!format!("{provider:?}").contains("hush"));
    }
}
