//! Who may use the admin API.

use firman_proto::error::invalid_request;
use firman_proto::scope::Scope;
use firman_proto::time::Timestamp;
use firman_store::record::{Account, Event, EventKind};
use firman_store::{Change, Commit, Editable};

use super::AdminError;
use crate::Engine;
use crate::operator::{EVERYTHING, all_scopes, with_role};

/// Makes the person of an account an operator who may do this much; `None`: whatever there is, also of later versions.
pub async fn grant(
    engine: &Engine,
    seen: &Account,
    scope: Option<&Scope>,
    now: Timestamp,
) -> Result<Account, AdminError> {
    if let Some(scope) = scope
        && (scope.is_empty() || !scope.is_within(&all_scopes()))
    {
        return Err(invalid_request(format!("scope: some of {}", all_scopes())).into());
    }
    set(engine, seen, Some(scope.map_or(EVERYTHING, Scope::as_str)), now).await
}

/// The person of this account is no operator any more: at once, whatever tokens they hold.
pub async fn withdraw(engine: &Engine, seen: &Account, now: Timestamp) -> Result<Account, AdminError> {
    set(engine, seen, None, now).await
}

async fn set(engine: &Engine, seen: &Account, role: Option<&str>, now: Timestamp) -> Result<Account, AdminError> {
    let changed = Account { updated_at: now, ..with_role(seen, role) };
    let about = Event { subject: Some(seen.id.to_string()), ..engine.event(EventKind::AccountUpdated, seen.id, now)? };
    let mut event = about;
    event.details.insert("operator".to_owned(), role.into());
    let record = Editable::Account(Box::new(changed.clone()));
    let changes = vec![Change::Replace { record, if_revision: seen.revision }, Change::Append(Box::new(event))];
    match engine.commit(changes).await? {
        Commit::Done => Ok(Account { revision: seen.revision + 1, ..changed }),
        Commit::Conflict(_) => Err(AdminError::Edited("the account")),
    }
}
