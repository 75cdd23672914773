//! Grants: the hot rows. What rotation writes and what a check needs stands first.

use firman_proto::id::RecordId;
use firman_proto::time::{Day, Timestamp};
use firman_store::record::{
    AuthContext, FirstAccess, Grant, GrantKind, LastAccess, Refresh, RefreshStep, Rest, RevokeReason, Terms,
};
use firman_store::{CommitId, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{body, read_json, read_uris, uris_text};
use crate::row::{Columns, list_text};
use crate::value::{Value, values};

/// A whole row.
pub(crate) fn row(grant: &Grant, by: CommitId) -> Vec<Value> {
    let (subject, auth) = (grant.subject.as_ref(), &grant.auth);
    let mut row = values![
        grant.id,
        grant.refresh.as_ref().map(|refresh| refresh.generation),
        grant.revoked_at,
        grant.expires_at,
        &grant.salt,
    ];
    row.extend(refresh_values(grant.refresh.as_ref()));
    row.extend(values![
        grant.issuer,
        grant.kind.number(),
        grant.client,
        subject.map(firman_store::record::Subject::as_str),
        subject.map(|subject| subject.key(grant.issuer)),
        grant.session,
        grant.scope.as_str(),
        grant.parent,
        grant.reason.map(RevokeReason::number),
        grant.epochs.everything,
        grant.epochs.client,
        grant.epochs.subject,
        auth.auth_time,
        auth.acr.as_deref(),
        list_text(&auth.amr),
        auth.nonce.as_deref(),
        purge_day(grant.expires_at),
        by,
        body::write(with_terms(grant)),
    ]);
    row.extend(terms_values(&grant.terms));
    row.push(grant.last_used_at.into());
    row
}

/// When a sweep looks at it; at what never ends it looks at once, and says when again.
fn purge_day(expires_at: Timestamp) -> Day {
    if expires_at == Timestamp::NEVER { Day::from_number(0) } else { expires_at.day() }
}

fn terms_values(terms: &Terms) -> Vec<Value> {
    values![
        uris_text(&terms.resource),
        terms.authorization_details.as_ref().map(ToString::to_string),
        terms.claims.as_ref().map(ToString::to_string),
        terms.dpop_jkt.as_deref(),
        terms.certificate_thumbprint.as_deref(),
        terms.name.as_deref(),
        terms.idle_seconds,
    ]
}

fn refresh_values(refresh: Option<&Refresh>) -> Vec<Value> {
    let current = refresh.map(|refresh| &refresh.current);
    let before = refresh.and_then(|refresh| refresh.before.as_ref());
    let earlier = refresh.and_then(|refresh| refresh.earlier.as_ref());
    values![
        current.map(|step| &step.salt),
        current.map(|step| step.since),
        before.map(|step| &step.salt),
        before.map(|step| step.since),
        earlier.map(|step| &step.salt),
        earlier.map(|step| step.since),
        refresh.is_some_and(|refresh| refresh.retry_closed),
        refresh.map(|refresh| refresh.seal_key),
        refresh.map(|refresh| refresh.last_access.serial),
        refresh.map(|refresh| refresh.last_access.expires_at),
    ]
}

/// Reads a row.
pub(crate) fn read(columns: &mut Columns<'_>) -> Result<Grant, StoreError> {
    let id = columns.id()?;
    let generation = columns.maybe_int()?;
    let (revoked_at, expires_at, salt) = (columns.maybe_time()?, columns.time()?, columns.salt()?);
    let refresh = read_refresh(generation, columns)?;
    let (issuer, kind) = (columns.issuer()?, columns.numbered(GrantKind::from_number)?);
    let (client, subject) = (columns.id()?, columns.maybe_subject()?);
    columns.skip(1);
    let (session, scope, parent) = (columns.maybe_id()?, columns.scope()?, columns.maybe_id()?);
    let reason = read_reason(columns)?;
    let epochs = columns.epochs()?;
    let auth = AuthContext {
        auth_time: columns.maybe_time()?,
        acr: columns.maybe_string()?,
        amr: columns.list()?,
        nonce: columns.maybe_string()?,
    };
    columns.skip(2);
    let mut rest = body::read(columns)?;
    let in_body = take_terms(&mut rest, columns)?;
    let terms = read_terms(in_body, columns)?;
    let last_used_at = columns.maybe_time()?;
    Ok(Grant {
        id,
        issuer,
        kind,
        client,
        subject,
        session,
        scope,
        salt,
        refresh,
        epochs,
        parent,
        expires_at,
        revoked_at,
        reason,
        auth,
        terms,
        last_used_at,
        rest,
    })
}

fn read_terms(in_body: InBody, columns: &mut Columns<'_>) -> Result<Terms, StoreError> {
    Ok(Terms {
        resource: read_uris(columns)?,
        authorization_details: read_json(columns)?,
        claims: read_json(columns)?,
        dpop_jkt: columns.maybe_string()?,
        certificate_thumbprint: columns.maybe_string()?,
        name: columns.maybe_string()?,
        idle_seconds: columns.maybe_int()?,
        ends_at: in_body.ends_at,
        actor: in_body.act,
        via: in_body.via,
        first_access: in_body.first_access,
        upstream: in_body.upstream,
    })
}

/// The terms that few grants have: they are members of the body.
#[derive(Default, Serialize, Deserialize)]
struct InBody {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ends_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    act: Option<Json>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    via: Vec<RecordId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first_access: Option<FirstAccess>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    upstream: Option<String>,
}

/// The members of the body: those that nobody knows, and the terms that stand there.
fn with_terms(grant: &Grant) -> Rest {
    let Terms { ends_at, actor, via, first_access, upstream, .. } = &grant.terms;
    let in_body = InBody {
        ends_at: *ends_at,
        act: actor.clone(),
        via: via.clone(),
        first_access: *first_access,
        upstream: upstream.clone(),
    };
    let mut members = grant.rest.clone();
    members.extend(body::members(&in_body));
    members
}

fn take_terms(rest: &mut Rest, columns: &Columns<'_>) -> Result<InBody, StoreError> {
    let names = ["ends_at", "act", "via", "first_access", "upstream"];
    let members: Rest = names.into_iter().filter_map(|name| rest.remove_entry(name)).collect();
    if members.is_empty() { Ok(InBody::default()) } else { body::made_of(members, columns) }
}

/// The ten columns of the refresh chain, all empty where there is no generation.
fn read_refresh(generation: Option<i64>, columns: &mut Columns<'_>) -> Result<Option<Refresh>, StoreError> {
    let Some(generation) = generation else {
        columns.skip(10);
        return Ok(None);
    };
    let current = RefreshStep { salt: columns.salt()?, since: columns.time()? };
    Ok(Some(Refresh {
        generation: generation.cast_unsigned(),
        current,
        before: read_step(columns)?,
        earlier: read_step(columns)?,
        retry_closed: columns.flag()?,
        seal_key: columns.small()?,
        last_access: LastAccess { serial: columns.unsigned()?, expires_at: columns.time()? },
    }))
}

fn read_step(columns: &mut Columns<'_>) -> Result<Option<RefreshStep>, StoreError> {
    let (salt, since) = (columns.maybe_salt()?, columns.maybe_time()?);
    Ok(salt.zip(since).map(|(salt, since)| RefreshStep { salt, since }))
}

fn read_reason(columns: &mut Columns<'_>) -> Result<Option<RevokeReason>, StoreError> {
    let Some(number) = columns.maybe_int()? else { return Ok(None) };
    let reason = u8::try_from(number).ok().and_then(RevokeReason::from_number);
    reason.map(Some).ok_or_else(|| columns.wrong("known reason"))
}
