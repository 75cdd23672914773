//! People who are kept elsewhere: an engine of your own over the table of users that you have, by the port `Accounts`.
//!
//! `cargo run --example accounts`

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use firman_engine::backchannel::NoNotify;
use firman_engine::keys::KeyPolicy;
use firman_engine::{Accounts, Clock as _, Engine, Fault, NoFetch, Parts, Policy, SystemClock, SystemEntropy, User};
use firman_proto::id::IssuerNumber;
use firman_proto::issuer::Issuer;
use firman_proto::seal::MasterKey;
use firman_proto::time::Timestamp;
use firman_store::MemoryStore;
use firman_store::record::{Rest, Subject};
use serde_json::json;
use zeroize::Zeroizing;

/// What you have: here a map, in earnest a table, a directory, or a service.
struct Users(HashMap<&'static str, Row>);

struct Row {
    id: u64,
    password: &'static str,
    email: &'static str,
    may_sign_in: bool,
}

impl Users {
    fn by_subject(&self, subject: &Subject) -> Option<&Row> {
        self.0.values().find(|row| row.may_sign_in && subject_of(row).as_ref() == Some(subject))
    }
}

/// Stands for this person for ever: the key of the row, never a name or an address that somebody else may have later.
fn subject_of(row: &Row) -> Option<Subject> {
    Subject::new(format!("user-{}", row.id))
}

fn user(name: &str, row: &Row, amr: &[&str]) -> Option<User> {
    let amr = amr.iter().map(|method| (*method).to_owned()).collect();
    Some(User { subject: subject_of(row)?, username: name.to_owned(), amr, epochs: None, upstream: None })
}

#[async_trait]
impl Accounts for Users {
    async fn authenticate(&self, username: &str, password: &str, _now: Timestamp) -> Result<Option<User>, Fault> {
        // In earnest a slow hash, that takes as long for names that do not exist.
        let row = self.0.get(username).filter(|row| row.may_sign_in && row.password == password);
        Ok(row.and_then(|row| user(username, row, &["pwd"])))
    }

    // For requests that name somebody (OpenID Connect CIBA) and for assertions of trusted issuers.
    async fn find(&self, username: &str, _now: Timestamp) -> Result<Option<User>, Fault> {
        Ok(self.0.get(username).filter(|row| row.may_sign_in).and_then(|row| user(username, row, &[])))
    }

    // Asked at userinfo each time, so nothing is out of date: None ends what somebody who has left could still see.
    async fn claims(&self, subject: &Subject) -> Result<Option<Rest>, Fault> {
        let claims = |row: &Row| Rest::from_iter([("email".to_owned(), json!(row.email))]);
        Ok(self.by_subject(subject).map(claims))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let row = Row { id: 7, password: "open sesame", email: "reader@example.org", may_sign_in: true };
    let accounts = Arc::new(Users(HashMap::from([("reader", row)])));
    let now = SystemClock.now();
    let parts = Parts {
        issuer: Issuer::parse("https://login.example")?,
        number: IssuerNumber(0),
        store: Arc::new(MemoryStore::new()),
        accounts: Arc::clone(&accounts) as Arc<dyn Accounts>,
        entropy: Arc::new(SystemEntropy::default()),
        fetch: Arc::new(NoFetch),
        notify: Arc::new(NoNotify),
        hooks: None,
        master: MasterKey::from_bytes(&Zeroizing::new([7; 32]))?,
        policy: Policy::default(),
        key_policy: KeyPolicy::default(),
    };
    let engine = Engine::start(parts, now).await?;
    assert!(accounts.authenticate("reader", "wrong", now).await?.is_none());
    let user = accounts.authenticate("reader", "open sesame", now).await?.ok_or("nobody")?;
    let claims = accounts.claims(&user.subject).await?.ok_or("nobody")?;
    let said = format!("{}: {} is {claims:?}", engine.issuer(), user.subject);
    assert_eq!(claims.get("email"), Some(&"reader@example.org".into()), "{said}");
    Ok(())
}
