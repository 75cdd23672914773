//! Tokens that travel through the browser (Multiple Response Types, OpenID Connect Core §3.2 and §3.3).

use firman_proto::claims_parameter::ClaimsParameter;
use firman_proto::feed::LivesBy;
use firman_proto::seal::Caveats;
use firman_proto::time::Timestamp;
use firman_store::Change;
use firman_store::record::{Approval, AuthContext, Client, Grant, GrantKind, Rest, Terms, TokenFormat};
use serde_json::{Map, Value};

use super::Interaction;
use crate::Engine;
use crate::access_token::{AccessToken, Dressed};
use crate::encrypt::{self, Registered};
use crate::failure::Failure;
use crate::hooks::{self, Occasion, Place};
use crate::issue::IdTokenFor;
use crate::person;
use crate::random;
use crate::target;

/// Members of a response, and what must be written before it may be sent.
pub(super) type Brought = (Vec<(&'static str, String)>, Option<Change>);

/// The tokens a request asked for, beside its code.
pub(super) async fn tokens(
    engine: &Engine,
    client: &Client,
    interaction: &Interaction,
    approval: &Approval,
    code: Option<&str>,
    now: Timestamp,
) -> Result<Brought, Failure> {
    let asked = interaction.request.response_type;
    let (mut members, mut change, mut access) = (Vec::new(), None, None);
    if asked.token {
        let (text, grant) = access_token(engine, client, interaction, approval, now).await?;
        members.extend([
            ("access_token", text.clone()),
            ("token_type", "Bearer".to_owned()),
            ("expires_in", grant.expires_at.since(now).seconds().to_string()),
            ("scope", grant.scope.to_string()),
        ]);
        change = Some(Change::InsertGrant(Box::new(grant)));
        access = Some(text);
    }
    if asked.id_token {
        // OpenID Connect Core §5.4: without an access token, what the scopes ask for is in the ID token.
        let alone = (!asked.code && !asked.token).then_some(&approval.scope);
        let kept = kept_claims(interaction);
        let mut claims = person::in_id_token(engine, &approval.subject, alone, kept.as_ref()).await?;
        let audience = [engine.issuer.to_string()];
        let occasion = Occasion {
            client,
            subject: Some(&approval.subject),
            scope: &approval.scope,
            audience: if interaction.request.resource.is_empty() { &audience } else { &interaction.request.resource },
            grant: None,
        };
        if !asked.token {
            hooks::before_issue(engine, &occasion).await?;
        }
        claims.extend(hooks::claims(engine, Place::IdToken, &occasion).await?);
        let id_token = IdTokenFor {
            client,
            subject: &approval.subject,
            session: approval.session,
            auth: &auth_of(approval),
            nonce: interaction.request.nonce.clone(),
            access_token: access.as_deref(),
            code,
            claims,
            encryption: encrypt::to(engine, client, Registered::id_token(&client.metadata), now).await?,
        };
        members.push(("id_token", id_token.sign(engine, now)?));
    }
    Ok((members, change))
}

/// What was asked for one by one, as it is kept.
fn kept_claims(interaction: &Interaction) -> Option<Value> {
    let request = &interaction.request;
    ClaimsParameter::kept(request.claims.as_ref()).in_languages(request.claims_locales.as_deref()).to_value()
}

fn auth_of(approval: &Approval) -> AuthContext {
    AuthContext {
        auth_time: Some(approval.auth_time),
        acr: approval.acr.clone(),
        amr: approval.amr.clone(),
        nonce: None,
    }
}

/// RFC 6749 §4.2.2: an access token of a grant of its own, that ends with it and is never refreshed.
async fn access_token(
    engine: &Engine,
    client: &Client,
    interaction: &Interaction,
    approval: &Approval,
    now: Timestamp,
) -> Result<(String, Grant), Failure> {
    let target = target::of(engine, client, &interaction.request.resource, &[]).await?;
    let expires_at = now.plus(target.lifetime(engine, client));
    let grant = Grant {
        id: random::record_id(&*engine.entropy, now)?,
        issuer: engine.number,
        kind: GrantKind::AuthorizationCode,
        client: client.id,
        subject: Some(approval.subject.clone()),
        session: approval.session,
        scope: approval.scope.without("offline_access"),
        salt: random::salt(&*engine.entropy)?,
        refresh: None,
        epochs: approval.epochs,
        parent: None,
        expires_at,
        revoked_at: None,
        reason: None,
        auth: auth_of(approval),
        terms: Terms {
            resource: target.identifiers().to_vec(),
            authorization_details: interaction.request.authorization_details.clone(),
            claims: kept_claims(interaction),
            ..Terms::default()
        },
        last_used_at: None,
        rest: Rest::new(),
    };
    let (subject, audience) = (grant.subject.as_ref(), target.audience(engine));
    let occasion = Occasion { client, subject, scope: &grant.scope, audience: &audience, grant: Some(grant.id) };
    hooks::before_issue(engine, &occasion).await?;
    let extra = match target.format(engine, client) {
        TokenFormat::Jwt => hooks::claims(engine, Place::AccessToken, &occasion).await?,
        TokenFormat::Opaque => Map::new(),
    };
    let serial = random::serial(&*engine.entropy)?;
    let seal_key = engine.keys.current().keyring.current_number();
    let token = AccessToken { serial, issued_at: now, expires_at, seal_key };
    let (scope, caveats) = (&grant.scope, Caveats::default());
    let lineage = LivesBy::default();
    let dressed = Dressed { token, client, grant: &grant, scope, target: &target, caveats, lineage, extra };
    Ok((dressed.text(engine, now)?, grant))
}
