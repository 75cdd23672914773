//! Who somebody of a provider is here.

use firman_proto::digest::Digest16;
use firman_proto::id::RecordId;
use firman_proto::time::Timestamp;
use firman_store::record::{
    Account, Attempts, Event, EventKind, Factors, Name, Namespace, Rest, Subject, UpstreamLink, Upstreams,
};
use firman_store::{Change, Commit, Editable};

use super::kept::Kept;
use super::provider::{Provider, SubjectFrom};
use super::said::{Said, is_in};
use super::trouble::Broken;
use crate::Engine;
use crate::failure::Fault;
use crate::{mail, random};

/// How often an account that was made or edited meanwhile is looked at again.
const LOOKS: usize = 4;

/// Somebody whom a provider has just vouched for.
pub(super) struct Arrival<'a> {
    pub(super) provider: &'a Provider,
    pub(super) said: &'a Said,
    /// What asks again later.
    pub(super) refresh_token: Option<&'a str>,
}

/// What there is to do for somebody.
enum Plan {
    /// Their account is known, or was found: it becomes this.
    Edit { known: Box<Account>, edited: Box<Account> },
    /// They get an account.
    Make(Box<Account>),
    /// They are nobody here.
    Refuse(&'static str),
}

/// The subject and name of somebody, who gets an account if that is so configured.
pub(super) async fn admit(
    engine: &Engine,
    arrival: &Arrival<'_>,
    now: Timestamp,
) -> Result<Result<(Subject, String), Broken>, Fault> {
    let provider = arrival.provider;
    if !provider.allowed_groups.is_empty() && !is_in(&arrival.said.claims, &provider.allowed_groups) {
        return Ok(Err(Broken::not_admitted("none of their groups is let in")));
    }
    for _ in 0..LOOKS {
        let (account, changes) = match plan(engine, arrival, now).await? {
            Plan::Refuse(why) => return Ok(Err(Broken::not_admitted(why))),
            Plan::Make(account) => {
                let changes = made(engine, arrival, &account, now)?;
                (account, changes)
            }
            Plan::Edit { known, edited } => {
                let changes = edits(engine, arrival, (&known, &edited), now)?;
                (edited, changes)
            }
        };
        let Some(subject) = account.subject() else {
            return Ok(Err(Broken::not_admitted("their subject cannot stand for anybody here")));
        };
        if changes.is_empty() || engine.commit(changes).await? == Commit::Done {
            return Ok(Ok((subject, account.username)));
        }
    }
    Err(Fault::temporary("let somebody in", "their account was edited by others each time it was looked at"))
}

async fn plan(engine: &Engine, arrival: &Arrival<'_>, now: Timestamp) -> Result<Plan, Fault> {
    let known = match arrival.provider.subject {
        SubjectFrom::Upstream => match own_subject(arrival) {
            Some(subject) => engine.store.account(Account::id_of(&subject, engine.number)).await?,
            None => return Ok(Plan::Refuse("their subject is too long to stand for anybody here")),
        },
        SubjectFrom::Account => {
            let digest = link_digest(engine, arrival);
            engine.store.account_by_name(Namespace::Upstream, digest, now).await?
        }
    };
    if let Some(known) = known {
        return Ok(edited(engine, arrival, known, now));
    }
    if let Some(found) = by_email(engine, arrival, now).await? {
        // Somebody else of this provider has it already.
        if found.upstreams.links.iter().any(|link| link.provider == arrival.provider.name) {
            return Ok(Plan::Refuse("the account of their e-mail address is linked to somebody else there"));
        }
        return Ok(edited(engine, arrival, found, now));
    }
    if arrival.provider.create { Ok(new(engine, arrival, now)?) } else { Ok(Plan::Refuse("they have no account here")) }
}

/// OpenID Connect Core §5.7: an e-mail address identifies nobody; an operator may decide that this provider's verified ones do. It is
/// theirs here who have proved it here, too.
async fn by_email(engine: &Engine, arrival: &Arrival<'_>, now: Timestamp) -> Result<Option<Account>, Fault> {
    let Some(email) = arrival.said.email().filter(|_| arrival.provider.link_by_email) else { return Ok(None) };
    let found = mail::held_by(engine, email, now).await?;
    // Letters beyond ASCII that have one lower case (the Kelvin sign and k) are two mailboxes to a mail server.
    let is_theirs = |account: &Account| mail::of(account).is_some_and(|proved| proved.eq_ignore_ascii_case(email));
    Ok(found.filter(is_theirs))
}

fn edited(engine: &Engine, arrival: &Arrival<'_>, known: Account, now: Timestamp) -> Plan {
    if !known.enabled || known.issuer != engine.number {
        return Plan::Refuse("their account is disabled");
    }
    let mut edited = known.clone();
    let is_this = |link: &&mut UpstreamLink| is_of(link, arrival);
    let link = link_of(engine, arrival, known.id, now);
    if let Some(before) = edited.upstreams.links.iter_mut().find(is_this) {
        // Some give a refresh token only the first time.
        let refresh_token = link.refresh_token.clone().or_else(|| before.refresh_token.clone());
        *before = UpstreamLink { since: before.since, refresh_token, rest: before.rest.clone(), ..link };
    } else {
        edited.upstreams.links.push(link);
    }
    Plan::Edit { known: Box::new(known), edited: Box::new(edited) }
}

fn is_of(link: &UpstreamLink, arrival: &Arrival<'_>) -> bool {
    link.issuer == arrival.provider.issuer && link.subject == arrival.said.subject
}

fn new(engine: &Engine, arrival: &Arrival<'_>, now: Timestamp) -> Result<Plan, Fault> {
    let subject = match arrival.provider.subject {
        SubjectFrom::Upstream => own_subject(arrival),
        SubjectFrom::Account => None,
    };
    let id = match &subject {
        Some(subject) => Account::id_of(subject, engine.number),
        None => random::record_id(&*engine.entropy, now)?,
    };
    Ok(Plan::Make(Box::new(Account {
        id,
        issuer: engine.number,
        username: arrival.said.username(),
        enabled: true,
        password: None,
        claims: Rest::new(),
        created_at: now,
        updated_at: now,
        factors: Factors::default(),
        attempts: Attempts::default(),
        upstreams: Upstreams { subject, links: vec![link_of(engine, arrival, id, now)], rest: Rest::new() },
        revision: 0,
        rest: Rest::new(),
    })))
}

fn made(engine: &Engine, arrival: &Arrival<'_>, account: &Account, now: Timestamp) -> Result<Vec<Change>, Fault> {
    let mut changes = vec![Change::Insert(Editable::Account(Box::new(account.clone())))];
    changes.push(take_name(engine, arrival, account.id, now));
    let event = event(engine, EventKind::AccountCreated, arrival, account, now)?;
    changes.push(Change::Append(Box::new(event)));
    Ok(changes)
}

fn edits(
    engine: &Engine,
    arrival: &Arrival<'_>,
    (known, edited): (&Account, &Account),
    now: Timestamp,
) -> Result<Vec<Change>, Fault> {
    if !is_worth_a_write(arrival, known, edited) {
        return Ok(Vec::new());
    }
    let record = Editable::Account(Box::new(edited.clone()));
    let mut changes = vec![Change::Replace { record, if_revision: known.revision }];
    changes.extend(mail::told(engine, known, edited, now)?);
    if edited.upstreams.links.len() > known.upstreams.links.len() {
        changes.push(take_name(engine, arrival, edited.id, now));
        let mut event = event(engine, EventKind::UpstreamLinked, arrival, edited, now)?;
        let by = match arrival.provider.subject {
            SubjectFrom::Account => "email",
            // The provider has the same name and another issuer.
            SubjectFrom::Upstream => "subject",
        };
        event.details.insert("by".to_owned(), by.into());
        changes.push(Change::Append(Box::new(event)));
    }
    Ok(changes)
}

/// When somebody was there last is of no use by itself; where it is asked again, it says from when on.
fn is_worth_a_write(arrival: &Arrival<'_>, known: &Account, edited: &Account) -> bool {
    let of = |account: &Account| account.upstreams.links.iter().find(|link| is_of(link, arrival)).cloned();
    match (of(known), of(edited)) {
        (Some(known), Some(edited)) => arrival.provider.recheck().is_some() || known.claims != edited.claims,
        _ => true,
    }
}

/// The name by which somebody of a provider is found again; of two who come at once, one makes the account.
fn take_name(engine: &Engine, arrival: &Arrival<'_>, id: RecordId, now: Timestamp) -> Change {
    let digest = link_digest(engine, arrival);
    let name = Name { namespace: Namespace::Upstream, digest, id, expires_at: Timestamp::NEVER };
    Change::TakeName { name, now }
}

fn link_digest(engine: &Engine, arrival: &Arrival<'_>) -> Digest16 {
    link_name(engine, &arrival.provider.issuer, &arrival.said.subject)
}

/// OpenID Connect Core §5.7: issuer and subject together are who somebody is.
pub(crate) fn link_name(engine: &Engine, issuer: &str, subject: &str) -> Digest16 {
    Name::digest(engine.number, Namespace::Upstream, &format!("{issuer} {subject}"))
}

fn own_subject(arrival: &Arrival<'_>) -> Option<Subject> {
    Subject::new(format!("{}:{}", arrival.provider.name, arrival.said.subject))
}

fn link_of(engine: &Engine, arrival: &Arrival<'_>, account: RecordId, now: Timestamp) -> UpstreamLink {
    let Arrival { provider, said, refresh_token } = arrival;
    let kept = refresh_token.filter(|_| provider.recheck().is_some());
    UpstreamLink {
        provider: provider.name.clone(),
        issuer: provider.issuer.clone(),
        subject: said.subject.clone(),
        since: now,
        checked_at: now,
        asked_at: None,
        refused_at: None,
        claims: said.claims.clone(),
        refresh_token: kept.and_then(|token| Kept::RefreshToken.seal(engine, account, token)),
        rest: Rest::new(),
    }
}

fn event(
    engine: &Engine,
    kind: EventKind,
    arrival: &Arrival<'_>,
    account: &Account,
    now: Timestamp,
) -> Result<Event, Fault> {
    let subject = account.subject().map(|subject| subject.to_string());
    let mut event = Event { subject, ..engine.event(kind, account.id, now)? };
    event.details.insert("upstream".to_owned(), arrival.provider.name.clone().into());
    Ok(event)
}
