//! The passkeys of an account.

use firman_proto::error::invalid_request;
use firman_proto::time::Timestamp;
use firman_store::Change;
use firman_store::record::Namespace;

use super::Fresh;
use super::upstream::must_have_a_way;
use crate::Engine;
use crate::accounts::{Edited, edit, noted};
use crate::authorize::Browser;
use crate::failure::Failure;
use crate::passkeys::{self, Question};

pub use crate::passkeys::Added;

/// Asks for a new passkey; `None` where there are none.
pub fn begin_passkey(
    engine: &Engine,
    browser: &Browser,
    fresh: &Fresh,
    now: Timestamp,
) -> Result<Option<Question>, Failure> {
    passkeys::begin(engine, browser, fresh.owner().account(), now)
}

/// Adds it: the sealed question, what the authenticator answered, and what the owner calls it.
pub async fn add_passkey(
    engine: &Engine,
    browser: &Browser,
    fresh: &Fresh,
    typed: (&str, &str, &str),
    now: Timestamp,
) -> Result<Added, Failure> {
    passkeys::add(engine, browser, fresh.owner().account(), typed, now).await
}

/// Calls a passkey something else.
pub async fn rename_passkey(
    engine: &Engine,
    fresh: &Fresh,
    (id, name): (&str, &str),
    now: Timestamp,
) -> Result<(), Failure> {
    edit(engine, fresh.owner().account().id, now, |account| {
        let passkey = account.factors.passkeys.iter_mut().find(|passkey| passkey.id == id);
        passkey.ok_or_else(gone)?.name = passkeys::acceptable(name);
        Ok(noted("passkey_renamed"))
    })
    .await?;
    Ok(())
}

/// Takes a passkey away. The last one stays where nothing else would sign its owner in.
pub async fn remove_passkey(engine: &Engine, fresh: &Fresh, id: &str, now: Timestamp) -> Result<(), Failure> {
    edit(engine, fresh.owner().account().id, now, |account| {
        let before = account.factors.passkeys.len();
        account.factors.passkeys.retain(|passkey| passkey.id != id);
        if account.factors.passkeys.len() == before {
            return Err(gone().into());
        }
        must_have_a_way(engine, account)?;
        let digest = passkeys::name_of(engine, id);
        let freed = Change::ReleaseName { namespace: Namespace::Credential, digest, id: account.id };
        Ok(Edited { changes: vec![freed], what: "passkey_removed" })
    })
    .await?;
    Ok(())
}

fn gone() -> firman_proto::error::Denied {
    invalid_request("this passkey is no longer there")
}
