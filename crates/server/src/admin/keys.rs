//! The keys that sign and seal.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::Commit;
use firman_store::record::{KeyState, Schedule};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Shared;
use super::page::seconds;
use super::problem::Problem;
use super::read::Body;

/// Every key. The private halves are never shown.
#[derive(Serialize, ToSchema)]
pub(super) struct Keys {
    /// Those that sign ID tokens and other answers.
    signing: Vec<SigningKey>,
    /// Those that seal tokens.
    sealing: Vec<SealKey>,
}

/// A key that signs.
#[derive(Serialize, ToSchema)]
pub(super) struct SigningKey {
    /// Its `kid`.
    kid: String,
    /// Its algorithm.
    alg: String,
    #[serde(flatten)]
    schedule: When,
}

/// A key that seals.
#[derive(Serialize, ToSchema)]
pub(super) struct SealKey {
    /// Its number.
    number: u32,
    #[serde(flatten)]
    schedule: When,
}

/// When a key is what.
#[derive(Serialize, ToSchema)]
pub(super) struct When {
    /// `next`, `current`, `retired` or `ended`.
    #[schema(value_type = String)]
    state: KeyState,
    /// When it was made.
    made_at: Option<i64>,
    /// When it is used from.
    current_from: Option<i64>,
    /// When it is no longer used; null: not known yet.
    retired_from: Option<i64>,
    /// When it is no longer trusted; null: not known yet.
    ends_at: Option<i64>,
}

impl When {
    fn of(schedule: &Schedule, now: Timestamp) -> Self {
        Self {
            state: schedule.state(now),
            made_at: seconds(schedule.made_at),
            current_from: seconds(schedule.current_from),
            retired_from: seconds(schedule.retired_from),
            ends_at: seconds(schedule.ends_at),
        }
    }
}

/// List keys.
#[utoipa::path(get, path = "/keys", tag = "keys", operation_id = "list_keys",
    security(("operator" = ["firman.keys.read"])), responses((status = 200, body = Keys, description = "Every key.")))]
pub(super) async fn list(State(admin): State<Shared>) -> Result<Json<Keys>, Problem> {
    let (keys, now, number) = (admin.engine.store().keys().await?, admin.now(), admin.engine.number());
    let signing = keys.signing.iter().filter(|key| key.issuer == number).map(|key| SigningKey {
        kid: key.jwk.kid.clone(),
        alg: key.algorithm.as_str().to_owned(),
        schedule: When::of(&key.schedule, now),
    });
    let sealing = keys.seal.iter().filter(|key| key.issuer == number);
    let sealing = sealing.map(|key| SealKey { number: key.number, schedule: When::of(&key.schedule, now) });
    Ok(Json(Keys { signing: signing.collect(), sealing: sealing.collect() }))
}

/// Make new signing keys that sign from now on. The old ones stay published until what they signed has expired.
#[utoipa::path(post, path = "/keys/signing/rotate", tag = "keys", operation_id = "rotate_signing_keys",
    security(("operator" = ["firman.keys.write"])), responses((status = 200, body = Keys, description = "Every key."), (status = 412, description = "Others did the same.")))]
pub(super) async fn rotate_signing(State(admin): State<Shared>) -> Result<Json<Keys>, Problem> {
    must_be_done(admin.engine.make_keys().rotate_signing_now(admin.now()).await?)?;
    used_here(&admin).await?;
    list(State(admin)).await
}

/// End a signing key at once: nothing that it signed is good any more, also at resource servers that follow the revocation feed.
#[utoipa::path(post, path = "/keys/signing/{kid}/revoke", tag = "keys", operation_id = "revoke_signing_key",
    params(("kid" = String, Path, description = "Its `kid`.")),
    security(("operator" = ["firman.keys.write"])), responses((status = 200, body = Keys, description = "Every key."), (status = 412, description = "Others did the same.")))]
pub(super) async fn revoke_signing(
    State(admin): State<Shared>,
    Path(kid): Path<String>,
) -> Result<Json<Keys>, Problem> {
    let outcome = admin.engine.make_keys().revoke_signing(&kid, admin.now()).await?;
    must_be_done(outcome.ok_or_else(no_such_key)?)?;
    used_here(&admin).await?;
    list(State(admin)).await
}

/// When the next key seals.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct After {
    /// In how many seconds; nodes look at the keys every few seconds.
    #[serde(default = "usual")]
    #[schema(minimum = 0, maximum = 86_400, default = 30)]
    after_seconds: u32,
}

const fn usual() -> u32 {
    30
}

/// Make a new seal key. The old one opens until the last token it sealed has expired.
#[utoipa::path(post, path = "/keys/sealing/rotate", tag = "keys", operation_id = "rotate_seal_keys", request_body = After,
    security(("operator" = ["firman.keys.write"])), responses((status = 200, body = Keys, description = "Every key."), (status = 412, description = "Others did the same.")))]
pub(super) async fn rotate_sealing(
    State(admin): State<Shared>,
    Body(after): Body<After>,
) -> Result<Json<Keys>, Problem> {
    if after.after_seconds > 86_400 {
        return Err(Problem::invalid("after_seconds: from 0 to 86400"));
    }
    let after = Lifetime::from_seconds(after.after_seconds.into());
    must_be_done(admin.engine.make_keys().rotate_sealing(after, admin.now()).await?)?;
    used_here(&admin).await?;
    list(State(admin)).await
}

/// End a seal key at once: no token it sealed opens any more.
#[utoipa::path(post, path = "/keys/sealing/{number}/revoke", tag = "keys", operation_id = "revoke_seal_key",
    params(("number" = u32, Path, description = "Its number.")),
    security(("operator" = ["firman.keys.write"])), responses((status = 200, body = Keys, description = "Every key."), (status = 412, description = "Others did the same.")))]
pub(super) async fn revoke_sealing(
    State(admin): State<Shared>,
    number: Result<Path<u32>, axum::extract::rejection::PathRejection>,
) -> Result<Json<Keys>, Problem> {
    let Ok(Path(number)) = number else { return Err(no_such_key()) };
    let outcome = admin.engine.make_keys().revoke_sealing(number, admin.now()).await?;
    must_be_done(outcome.ok_or_else(no_such_key)?)?;
    used_here(&admin).await?;
    list(State(admin)).await
}

/// This node does so at once; others when they next look.
async fn used_here(admin: &Shared) -> Result<(), Problem> {
    Ok(admin.engine.keys().reload(&**admin.engine.store(), admin.now()).await?)
}

fn no_such_key() -> Problem {
    Problem::not_found("no such key")
}

fn must_be_done(commit: Commit) -> Result<(), Problem> {
    match commit {
        Commit::Done => Ok(()),
        Commit::Conflict(_) => Err(Problem::new(
            StatusCode::PRECONDITION_FAILED,
            "edited_meanwhile",
            "the keys were changed at the same time; look at them again",
        )),
    }
}
