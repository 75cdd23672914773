//! The resource owner password credentials grant (RFC 6749 §4.3): off unless it is asked for, to replace old systems. RFC 9700
//! §2.4 says not to use it.

use firman_proto::digest::Digest16;
use firman_proto::error::{Denied, ErrorCode};
use firman_proto::scope::Scope;
use firman_proto::time::Timestamp;
use firman_proto::token::{PasswordRequest, TokenResponse};
use firman_store::record::{AuthContext, Client, Epochs, EventKind, GrantKind, Terms};

use super::make::{Allowed, Making};
use crate::Engine;
use crate::accounts::normalized;
use crate::authenticate::AuthenticatedClient;
use crate::failure::{Failure, Fault};
use crate::guesses::GuessLimits;
use crate::ports::User;
use crate::sender::Sender;
use crate::{issue, random, target};

/// How many passwords may be wrong in a minute on one node: at one name, whether or not somebody has it, and in all.
const GUESSES: GuessLimits = GuessLimits { each: 10, all: 10_000 };

pub(super) async fn redeem(
    engine: &Engine,
    client: &AuthenticatedClient,
    request: &PasswordRequest,
    now: Timestamp,
) -> Result<TokenResponse, Failure> {
    let sender = Sender::of(client)?;
    // Before the password, so that nothing is learned about that by asking for too much.
    let scope = scope_for(client.record(), request.scope.as_ref())?;
    let target = target::chosen(engine, client.record(), &request.resource).await?;
    let (scope, _) = target.cut(&scope, &scope)?;
    // RFC 6749 §4.3.2: the server must protect against brute force.
    let name = Digest16::of(&[b"name", normalized(&request.username).as_bytes()]);
    let guess = engine.password_guesses.begin(Some(name), GUESSES, now).ok_or_else(|| {
        let text = "username: too many wrong passwords; try again in a minute";
        Denied::new(ErrorCode::TemporarilyUnavailable, text)
    })?;
    let user = engine.accounts.authenticate(&request.username, &request.password, now).await?;
    // One answer, whatever is wrong.
    let user = user.ok_or_else(wrong)?;
    guess.was_right();
    let acr = engine.policy.acr.of(&user.amr, &[]);
    let allowed = Allowed {
        id: random::record_id(&*engine.entropy, now)?,
        kind: GrantKind::Password,
        session: None,
        epochs: epochs_of(engine, client.record(), &user).await?,
        parent: None,
        auth: AuthContext { auth_time: Some(now), acr: acr.map(str::to_owned), amr: user.amr, nonce: None },
        terms: Terms { resource: target.identifiers().to_vec(), ..Terms::default() },
        refreshable: issue::may_refresh(client.record(), &scope),
        until: Timestamp::NEVER,
        caveats: Vec::new(),
        subject: Some(user.subject),
        scope,
    };
    let making = Making { engine, client, allowed, target, sender, claim: None, event: EventKind::GrantMade, now };
    let lost = || Fault::temporary("make a grant", "a grant of this id is there already");
    Ok(making.make().await?.ok_or_else(lost)?)
}

fn wrong() -> Denied {
    Denied::new(ErrorCode::InvalidGrant, "the user name or the password is wrong")
}

/// RFC 6749 §4.3.2, §3.3: what was asked for, within what the client registered; by default all of it, short of offline access.
fn scope_for(client: &Client, asked: Option<&Scope>) -> Result<Scope, Denied> {
    let registered = &client.metadata.scope;
    match asked {
        None => Ok(registered.without("offline_access")),
        Some(asked) if asked.is_within(registered) => Ok(asked.clone()),
        Some(_) => Err(Denied::new(ErrorCode::InvalidScope, "scope: more than this client is registered for")),
    }
}

/// The epochs from before the password was looked at, as far as the port knows them.
async fn epochs_of(engine: &Engine, client: &Client, user: &User) -> Result<Epochs, Failure> {
    let now = engine.store.epochs(Some(client.id), Some(user.subject.key(engine.number))).await?;
    Ok(user.epochs.map_or(now, |before| Epochs { client: now.client, ..before }))
}
