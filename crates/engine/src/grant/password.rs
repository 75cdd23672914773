//! The resource owner password credentials grant (RFC 6749 §4.3): off unless it is asked for, to replace old systems. RFC 9700
//! §2.4 says not to use it.

use firman_proto::error::{Denied, ErrorCode};
use firman_proto::scope::Scope;
use firman_proto::time::Timestamp;
use firman_proto::token::{PasswordRequest, TokenResponse};
use firman_store::record::{AuthContext, Client, Epochs, EventKind, GrantKind, Terms};

use super::make::{Allowed, Making};
use crate::Engine;
use crate::authenticate::AuthenticatedClient;
use crate::failure::{Failure, Fault};
use crate::ports::User;
use crate::sender::Sender;
use crate::sign_in::password::{self, Checked, Guesser};
use crate::{issue, random, sign_in, target};

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
    let user = person(engine, request, now).await?;
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

/// Whose password it is, if that is all they sign in with.
async fn person(engine: &Engine, request: &PasswordRequest, now: Timestamp) -> Result<User, Failure> {
    // RFC 6749 §4.3.2: the server must protect against brute force. It is counted with what is typed on our own pages; where the
    // person is, only the client knows.
    let guesser = Guesser::default();
    match password::check(engine, &guesser, &request.username, &request.password, now).await? {
        // A second step cannot be asked for here, and is not left out either: one answer, whatever is wrong.
        Checked::Right(user) if sign_in::has_second(engine, &user.subject).await? => Err(wrong().into()),
        Checked::Right(user) => Ok(user),
        Checked::Wrong => Err(wrong().into()),
        Checked::Wait(_) => {
            let text = "username: too many wrong passwords; try again in a minute";
            Err(Denied::new(ErrorCode::TemporarilyUnavailable, text).into())
        }
    }
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
