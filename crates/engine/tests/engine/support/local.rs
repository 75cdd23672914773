//! A world whose people are local accounts.

use std::sync::Arc;

use firman_engine::accounts::{LocalAccounts, Passwords};
use firman_engine::admin::accounts::{self, NewAccount};
use firman_engine::{Accounts, Failure, Parts, User};
use firman_store::record::Account;
use firman_store::{Change, Editable};
use serde_json::json;

use super::{Dice, Watched, World, at};

/// A world whose people are local accounts.
pub(crate) struct Local {
    pub(crate) world: World,
    pub(crate) accounts: Arc<LocalAccounts>,
    pub(crate) passwords: Arc<Passwords>,
}

impl Local {
    pub(crate) async fn new() -> Arc<Self> {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(edit: impl FnOnce(&mut Parts)) -> Arc<Self> {
        let passwords = Arc::new(Passwords::new(2, Dice::new(42)));
        let mut accounts = None;
        let world = World::with(|parts| {
            let store = Arc::clone(&parts.store);
            let local = Arc::new(LocalAccounts::new(store, parts.number, Arc::clone(&passwords)));
            parts.accounts = Arc::clone(&local) as Arc<dyn Accounts>;
            accounts = Some(local);
            edit(parts);
        })
        .await;
        Arc::new(Self { world, accounts: accounts.unwrap(), passwords })
    }

    pub(crate) async fn create(&self, username: &str, password: &str) -> Result<Account, Failure> {
        let serde_json::Value::Object(claims) = json!({"name": "N"}) else { panic!() };
        let new = NewAccount { username: username.to_owned(), password: password.to_owned(), claims };
        accounts::create(&self.world.engine, &self.passwords, new, at(0)).await.map_err(Failure::from)
    }

    pub(crate) async fn set_password(&self, username: &str, password: &str) -> Result<Account, Failure> {
        let (engine, password) = (&self.world.engine, password.to_owned());
        accounts::set_password(engine, &self.passwords, username, password, at(5)).await.map_err(Failure::from)
    }

    pub(crate) async fn authenticate(&self, username: &str, password: &str) -> Option<User> {
        self.accounts.authenticate(username, password, at(1)).await.unwrap()
    }

    pub(crate) async fn edit(&self, account: &Account, edit: impl FnOnce(&mut Account)) {
        let mut edited = account.clone();
        edit(&mut edited);
        let record = Editable::Account(Box::new(edited));
        self.world.commit(Change::Replace { record, if_revision: account.revision }).await;
    }

    pub(crate) fn store(&self) -> &Watched {
        &self.world.store
    }
}
