//! Who is signed in, and how lately they proved it.

use firman_proto::time::Timestamp;
use firman_store::record::{Account, Session};

use crate::Engine;
use crate::authorize::{self, Browser};
use crate::failure::Failure;

/// The account of whoever is signed in with a browser.
#[derive(Debug)]
pub struct Owner {
    account: Account,
    session: Session,
}

/// The same, of somebody who has proved it lately: only they change how the account is signed in to.
#[derive(Debug)]
pub struct Fresh(Owner);

/// The local account of whoever is signed in with this browser; `None` if nobody is, or if their account is kept elsewhere.
pub async fn owner(engine: &Engine, browser: &Browser, now: Timestamp) -> Result<Option<Owner>, Failure> {
    let Some(local) = engine.accounts.local() else { return Ok(None) };
    let Some(signed_in) = authorize::signed_in(engine, browser, None, now).await? else { return Ok(None) };
    let account = local.of(&signed_in.session.subject).await?;
    Ok(account.map(|account| Owner { account, session: signed_in.session }))
}

impl Owner {
    /// The account.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// The session.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Whether they have proved lately who they are.
    pub fn is_fresh(&self, engine: &Engine, now: Timestamp) -> bool {
        now.since(self.session.auth_time) <= engine.policy.fresh_sign_in
    }

    /// Proof of that; `None` if they have to sign in again.
    pub fn fresh(self, engine: &Engine, now: Timestamp) -> Option<Fresh> {
        self.is_fresh(engine, now).then_some(Fresh(self))
    }
}

impl Fresh {
    /// Whose account it is.
    pub fn owner(&self) -> &Owner {
        &self.0
    }
}
