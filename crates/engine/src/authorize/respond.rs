//! What an approved request brings back to the client, and how any answer travels there.

use firman_proto::client::GrantType;
use firman_proto::error::{Denied, ErrorCode};
use firman_proto::id::RecordId;
use firman_proto::jws::Algorithm;
use firman_proto::redirect_uri::RedirectUri;
use firman_proto::response::{Delivery, ResponseMode, ResponseType};
use firman_proto::seal::{Code, Reference, Sealed};
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::record::{
    Approval, AuthContext, Client, Flow, FlowRequest, FlowState, Grant, GrantKind, Rest, Terms,
};
use firman_store::{Change, SignedIn};
use serde_json::{Map, Value};

use super::{Interaction, Next};
use crate::Engine;
use crate::failure::{Failure, Fault};
use crate::issue::{AccessToken, IdTokenFor};
use crate::random;

/// How long a signed response is good (JARM §2.1 asks for a short life, at most ten minutes).
const SIGNED_RESPONSE: Lifetime = Lifetime::from_seconds(600);

/// Where an answer goes, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Address<'a> {
    pub(super) client: &'a Client,
    pub(super) redirect_uri: &'a RedirectUri,
    pub(super) mode: ResponseMode,
    pub(super) state: Option<&'a str>,
}

impl Address<'_> {
    /// Sends these members there.
    pub(super) fn send(
        self,
        engine: &Engine,
        mut members: Vec<(&'static str, String)>,
        now: Timestamp,
    ) -> Result<Next, Fault> {
        members.extend(self.state.map(|state| ("state", state.to_owned())));
        if self.mode.signed {
            members = vec![("response", self.signed(engine, members, now)?)];
        } else {
            // RFC 9207 §2: the issuer is in every response, errors included.
            members.push(("iss", engine.issuer.to_string()));
        }
        Ok(match Delivery::new(self.redirect_uri, self.mode.carrier, members) {
            Delivery::Redirect(url) => Next::Client(url),
            Delivery::Form { action, members } => Next::Post { action, members },
        })
    }

    /// JARM §2.1: the members as claims of a JWT, beside who made it, for whom, and until when.
    fn signed(self, engine: &Engine, members: Vec<(&'static str, String)>, now: Timestamp) -> Result<String, Fault> {
        let mut claims: Map<String, Value> =
            members.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        claims.insert("iss".to_owned(), engine.issuer.to_string().into());
        claims.insert("aud".to_owned(), self.client.client_id.clone().into());
        claims.insert("exp".to_owned(), now.plus(SIGNED_RESPONSE).seconds().into());
        let keys = engine.keys.current();
        // JARM §3: as the client registered it.
        let registered = self.client.metadata.jose.authorization_signed_response_alg.as_deref();
        let algorithm = registered.and_then(Algorithm::parse).or(engine.key_policy.algorithms.first().copied());
        let key = algorithm.and_then(|algorithm| keys.signer(algorithm, now)).ok_or_else(|| {
            Fault::lasting("sign a response", "there is no key for this client's algorithm: add it to keys.algorithms")
        })?;
        key.sign(&claims).map_err(|error| Fault::lasting("sign a response", error.to_string()))
    }
}

/// Refuses what a client is not registered to be answered with.
pub(super) fn must_be_allowed(engine: &Engine, client: &Client, of: ResponseType) -> Result<(), Denied> {
    // RFC 9700 §2.1.2: tokens in the front channel are off unless the operator says otherwise.
    if of.is_front_channel() && !engine.policy.front_channel_tokens {
        let text = "response_type: this server sends tokens through no browser; use code";
        return Err(Denied::new(ErrorCode::UnsupportedResponseType, text));
    }
    // RFC 6749 §4.1.2.1 unauthorized_client: asking for codes is something a client is registered for.
    if of.code && !client.metadata.may_use(GrantType::AuthorizationCode) {
        let text = "this client is not registered for authorization_code";
        return Err(Denied::new(ErrorCode::UnauthorizedClient, text));
    }
    // RFC 7591 §2 response_types: none said is code alone.
    if !client.metadata.may_be_answered_with(of) {
        let text = format!("response_type: this client is not registered for {}", of.as_str());
        return Err(Denied::new(ErrorCode::UnauthorizedClient, text));
    }
    Ok(())
}

/// What an approval writes, and what it sends.
pub(super) struct Brought {
    /// The first record that is made: the flow of the code, or else the grant of the access token.
    pub(super) record: Option<RecordId>,
    pub(super) changes: Vec<Change>,
    pub(super) members: Vec<(&'static str, String)>,
}

/// Makes what the request asked for: a code, an access token, an ID token, or nothing.
pub(super) async fn bring(
    engine: &Engine,
    client: &Client,
    interaction: &Interaction,
    signed_in: &SignedIn,
    now: Timestamp,
) -> Result<Brought, Failure> {
    let asked = interaction.request.response_type;
    let approval = approval_of(interaction, signed_in);
    let mut brought = Brought { record: None, changes: Vec::new(), members: Vec::new() };
    let code = if asked.code { Some(brought.code(engine, interaction, &approval, now)?) } else { None };
    let access = if asked.token { Some(brought.access_token(engine, client, &approval, now)?) } else { None };
    if asked.id_token {
        // OpenID Connect Core §5.4: without an access token, what the scopes ask for is in the ID token.
        let claims = if asked.code || asked.token {
            Map::new()
        } else {
            let all = engine.accounts.claims(&approval.subject).await?;
            all.map(|all| firman_proto::claims::for_scope(&all, &approval.scope)).unwrap_or_default()
        };
        let id_token = IdTokenFor {
            client,
            subject: &approval.subject,
            session: approval.session,
            auth: &auth_of(&approval, interaction),
            nonce: interaction.request.nonce.clone(),
            access_token: access.as_ref().map(Sealed::reveal),
            code: code.as_ref().map(Sealed::reveal),
            claims,
        };
        brought.members.push(("id_token", id_token.sign(engine, now)?));
    }
    Ok(brought)
}

fn approval_of(interaction: &Interaction, signed_in: &SignedIn) -> Approval {
    let session = &signed_in.session;
    Approval {
        subject: session.subject.clone(),
        session: Some(session.id),
        auth_time: session.auth_time,
        acr: session.details.acr.clone(),
        amr: session.details.amr.clone(),
        scope: interaction.request.scope.clone(),
        epochs: signed_in.epochs,
    }
}

fn auth_of(approval: &Approval, interaction: &Interaction) -> AuthContext {
    AuthContext {
        auth_time: Some(approval.auth_time),
        acr: approval.acr.clone(),
        amr: approval.amr.clone(),
        nonce: interaction.request.nonce.clone(),
    }
}

impl Brought {
    fn code(
        &mut self,
        engine: &Engine,
        interaction: &Interaction,
        approval: &Approval,
        now: Timestamp,
    ) -> Result<Sealed<Code>, Fault> {
        let flow = Flow {
            id: random::record_id(&*engine.entropy, now)?,
            issuer: engine.number,
            client: interaction.client,
            approval: Some(approval.clone()),
            request: FlowRequest::Code(interaction.request.clone()),
            state: FlowState::Ready,
            misses: 0,
            salt: random::salt(&*engine.entropy)?,
            expires_at: now.plus(engine.policy.code),
            certificate_thumbprint: None,
            rest: Rest::new(),
        };
        let expires_at = Some(flow.expires_at);
        let reference = Reference { record: flow.id, serial: 0, issued_at: now, expires_at, salt: &flow.salt };
        let code = engine.keys.current().keyring.seal::<Code>(&reference);
        self.members.push(("code", code.reveal().to_owned()));
        self.record = Some(flow.id);
        self.changes.push(Change::InsertFlow(Box::new(flow)));
        Ok(code)
    }

    /// RFC 6749 §4.2.2: an access token of a grant of its own, that ends with it and is never refreshed.
    fn access_token(
        &mut self,
        engine: &Engine,
        client: &Client,
        approval: &Approval,
        now: Timestamp,
    ) -> Result<Sealed<firman_proto::seal::Access>, Fault> {
        let keys = engine.keys.current();
        let expires_at = now.plus(engine.policy.access_token_of(client));
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
            auth: AuthContext {
                auth_time: Some(approval.auth_time),
                acr: approval.acr.clone(),
                amr: approval.amr.clone(),
                nonce: None,
            },
            terms: Terms::default(),
            rest: Rest::new(),
        };
        let serial = random::serial(&*engine.entropy)?;
        let seal_key = keys.keyring.current_number();
        let access = AccessToken { serial, issued_at: now, expires_at, seal_key }.seal(&keys, &grant, None, now)?;
        self.members.extend([
            ("access_token", access.reveal().to_owned()),
            ("token_type", "Bearer".to_owned()),
            ("expires_in", expires_at.since(now).seconds().to_string()),
            ("scope", grant.scope.to_string()),
        ]);
        self.record = self.record.or(Some(grant.id));
        self.changes.push(Change::InsertGrant(Box::new(grant)));
        Ok(access)
    }
}
