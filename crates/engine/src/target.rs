//! Whom an access token is for, and what that makes of it (RFC 8707).

use std::sync::Arc;

use firman_proto::authorization_details::Details;
use firman_proto::error::{Denied, ErrorCode};
use firman_proto::resource::{canonical, invalid_target};
use firman_proto::scope::Scope;
use firman_proto::seal::{Caveat, Caveats, Thumbprint, Words};
use firman_proto::time::Lifetime;
use firman_store::record::{Client, Grant, Resource, TokenFormat};

use crate::Engine;
use crate::failure::{Failure, Fault};
use crate::operator;

/// Scopes about a person and a grant: they are known wherever a token is for.
const EVERYWHERE: &str = "address email offline_access openid phone profile";

/// Whom one access token is for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Target {
    resources: Vec<Arc<Resource>>,
    /// The identifiers, in alphabetical order; empty: this server.
    audience: Vec<String>,
    /// Whether these are fewer than the grant's.
    narrowed: bool,
}

/// What an indicator means.
enum Named {
    /// This server itself: userinfo and the rest of our own API.
    Own(String),
    Resource(Arc<Resource>),
}

impl Named {
    fn identifier(&self) -> &str {
        match self {
            Self::Own(issuer) => issuer,
            Self::Resource(resource) => &resource.identifier,
        }
    }
}

/// What a request that names resources asks for: their identifiers, and what they know of the scope (RFC 8707 §2.1).
pub(crate) async fn requested(
    engine: &Engine,
    client: &Client,
    named: &[String],
    scope: &Scope,
) -> Result<(Vec<String>, Scope), Failure> {
    if named.is_empty() {
        return Ok((Vec::new(), scope.clone()));
    }
    let target = Target::new(all(engine, client, named).await?);
    let (known, _) = target.cut(scope, scope)?;
    Ok((target.audience, known))
}

/// Whom a token of a grant is for: all that the grant is for, or those of them that the token request names (RFC 8707 §2.2).
pub(crate) async fn of(
    engine: &Engine,
    client: &Client,
    granted: &[String],
    asked: &[String],
) -> Result<Target, Failure> {
    if asked.is_empty() {
        // One that was removed since is no audience any more.
        let mut left = Vec::new();
        for identifier in granted {
            left.extend(find(engine, client, identifier).await?);
        }
        if left.is_empty() && !granted.is_empty() {
            return Err(invalid_target("resource: none of those that the grant is for is there any more").into());
        }
        let target = Target::new(left);
        let narrowed = target.audience.len() < granted.len();
        return Ok(Target { narrowed, ..target });
    }
    let target = Target::new(all(engine, client, asked).await?);
    let own = [engine.issuer.to_string()];
    let granted = if granted.is_empty() { own.as_slice() } else { granted };
    // RFC 8707 §2.2: nothing beyond what was granted.
    if let Some(beyond) = target.audience.iter().find(|identifier| !granted.contains(identifier)) {
        let text = format!("resource: {beyond} is not among those that were asked for in the beginning");
        return Err(invalid_target(text).into());
    }
    let narrowed = target.audience.len() < granted.len();
    Ok(Target { narrowed, ..target })
}

/// Whom a token is for that a client asks for itself: there is a standing grant for each choice.
pub(crate) async fn chosen(engine: &Engine, client: &Client, asked: &[String]) -> Result<Target, Failure> {
    let target = Target::new(all(engine, client, asked).await?);
    // Whoever names this server alone has named what is meant anyway.
    Ok(if target.resources.is_empty() { Target::default() } else { target })
}

/// Whom a token is for that rests on a grant of its own: at most those that somebody said, any where nobody said.
pub(crate) async fn within(
    engine: &Engine,
    client: &Client,
    most: Option<&[String]>,
    asked: &[String],
) -> Result<Target, Failure> {
    let Some(most) = most else { return chosen(engine, client, asked).await };
    let mut target = of(engine, client, most, &[]).await?;
    if !asked.is_empty() {
        target = of(engine, client, &target.audience, asked).await?;
    }
    // Nothing of the grant is left out: it is made for these alone.
    Ok(if target.resources.is_empty() { Target::default() } else { Target { narrowed: false, ..target } })
}

/// Whom a grant's tokens are for at most.
pub(crate) fn audience_of<'a>(engine: &'a Engine, grant: &'a Grant) -> Vec<&'a str> {
    if grant.terms.resource.is_empty() {
        return vec![engine.issuer.as_str()];
    }
    grant.terms.resource.iter().map(String::as_str).collect()
}

/// What people call these resources; one without a name is called as clients do.
pub(crate) async fn names_of(engine: &Engine, identifiers: &[String]) -> Result<Vec<String>, Failure> {
    let mut names = Vec::new();
    for identifier in identifiers {
        if let Some(api) = engine.admin.as_ref().filter(|api| api.identifier == *identifier) {
            names.push(api.name.clone());
            continue;
        }
        let resource = engine.store.resource(Resource::key(engine.number, identifier)).await?;
        let name = resource.map(|resource| resource.name.clone()).filter(|name| !name.is_empty());
        names.push(name.unwrap_or_else(|| identifier.clone()));
    }
    Ok(names)
}

async fn all(engine: &Engine, client: &Client, named: &[String]) -> Result<Vec<Named>, Failure> {
    let mut found = Vec::with_capacity(named.len());
    for text in named {
        // RFC 8707 §2: invalid_target for a resource that is not known here.
        let known = find(engine, client, text).await?;
        found.push(known.ok_or_else(|| invalid_target("resource: not one that this server issues tokens for"))?);
    }
    Ok(found)
}

async fn find(engine: &Engine, client: &Client, text: &str) -> Result<Option<Named>, Failure> {
    if canonical(text) == canonical(engine.issuer.as_str()) {
        return Ok(Some(Named::Own(engine.issuer.to_string())));
    }
    // The admin API is for clients that are told so, and for no other.
    if let Some(api) = engine.admin.as_ref().filter(|api| canonical(&api.identifier) == canonical(text)) {
        return Ok(operator::names_the_api(engine, &client.policy).then(|| Named::Resource(Arc::clone(api))));
    }
    let resource = engine.store.resource(Resource::key(engine.number, text)).await?;
    let may = |resource: &Arc<Resource>| {
        let among = |list: &Vec<String>| list.iter().any(|one| canonical(one) == canonical(&resource.identifier));
        resource.enabled && client.policy.resources.as_ref().is_none_or(among)
    };
    Ok(resource.filter(may).map(Named::Resource))
}

impl Target {
    fn new(mut named: Vec<Named>) -> Self {
        named.sort_by(|one, other| one.identifier().cmp(other.identifier()));
        named.dedup_by(|one, other| one.identifier() == other.identifier());
        let audience = named.iter().map(|one| one.identifier().to_owned()).collect();
        let resource = |one| if let Named::Resource(resource) = one { Some(resource) } else { None };
        Self { resources: named.into_iter().filter_map(resource).collect(), audience, narrowed: false }
    }

    /// The audience of the token (RFC 7519 §4.1.3).
    pub(crate) fn audience(&self, engine: &Engine) -> Vec<String> {
        // RFC 9068 §3: where none was asked for, a default.
        if self.audience.is_empty() { vec![engine.issuer.to_string()] } else { self.audience.clone() }
    }

    /// The registered identifiers that were named; empty if none was.
    pub(crate) fn identifiers(&self) -> &[String] {
        &self.audience
    }

    /// What the resources know of a scope, whether that is less than the grant's, and whether there is room for it in a token.
    pub(crate) fn cut(&self, scope: &Scope, granted: &Scope) -> Result<(Scope, bool), Denied> {
        let known = match self.known() {
            Some(known) => scope.intersect(&known.union(&Scope::parse(EVERYWHERE).unwrap_or_default())),
            None => scope.clone(),
        };
        if known.is_empty() && !scope.is_empty() {
            return Err(Denied::new(ErrorCode::InvalidScope, "scope: the resource knows nothing of it"));
        }
        let less = known != *granted;
        if (less || self.narrowed) && self.widest(less.then_some(&known), None).is_none() {
            let text = "scope: too long to narrow a token to; ask for less of it";
            return Err(Denied::new(ErrorCode::InvalidScope, text));
        }
        Ok((known, less))
    }

    /// The caveats that such a token has at most: room must be left for what binds it to its sender.
    pub(crate) fn widest(&self, scope: Option<&Scope>, details: Option<&Details>) -> Option<Caveats> {
        let print = Thumbprint::from_bytes([0; 32]);
        let scope = scope.map(|scope| Caveat::Scope(scope.clone()));
        let details = details.map(|details| Caveat::Details(details.clone()));
        let sender = [Caveat::Key(print), Caveat::Certificate(print)];
        Caveats::new(scope.into_iter().chain(self.caveat().ok()?).chain(details).chain(sender).collect()).ok()
    }

    /// What binds the token to its audience, where that is less than the grant's.
    pub(crate) fn caveat(&self) -> Result<Option<Caveat>, Fault> {
        if !self.narrowed {
            return Ok(None);
        }
        let words = Words::new(self.audience.iter().map(String::as_str));
        let illegal = || Fault::lasting("bind a token to its audience", "an identifier has characters of no caveat");
        Ok(Some(Caveat::Audience(words.ok_or_else(illegal)?)))
    }

    /// The part of a scope that has a meaning for this audience (RFC 9068 §2.2.3).
    pub(crate) fn meaning(&self, scope: &Scope) -> Scope {
        self.known().map_or_else(|| scope.clone(), |known| scope.intersect(&known))
    }

    /// How long the token lives: what the strictest resource says, or else the client or the server.
    pub(crate) fn lifetime(&self, engine: &Engine, client: &Client) -> Lifetime {
        let said = self.resources.iter().filter_map(|resource| resource.access_token_seconds).min();
        said.map_or_else(|| engine.policy.access_token_of(client), Lifetime::from_seconds)
    }

    /// How the token looks: what the resources say, if they agree, or else the client or the server.
    pub(crate) fn format(&self, engine: &Engine, client: &Client) -> TokenFormat {
        let mut said = self.resources.iter().filter_map(|resource| resource.token_format);
        let usual = client.policy.access_token_format.unwrap_or(engine.policy.access_token_format);
        match said.next() {
            None => usual,
            Some(first) if said.all(|other| other == first) => first,
            // Some of them could not read a JWT; all of them can ask.
            Some(_) => TokenFormat::Opaque,
        }
    }

    /// Every scope the resources know; `None` if one of them takes any, as this server does.
    fn known(&self) -> Option<Scope> {
        let own = self.resources.len() < self.audience.len();
        if self.audience.is_empty() || own || self.resources.iter().any(|resource| resource.scope.is_empty()) {
            return None;
        }
        Some(self.resources.iter().fold(Scope::default(), |known, resource| known.union(&resource.scope)))
    }
}
