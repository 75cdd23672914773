//! An address that is proved by a link.

use std::net::IpAddr;

use firman_proto::error::{Denied, invalid_request};
use firman_proto::id::RecordId;
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::Change;
use firman_store::record::Account;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::link::{self, Dated, Looked};
use super::{About, Mail, Written, acceptable, count_of, held_by, names, noted, send};
use crate::Engine;
use crate::accounts::{Edited, edit};
use crate::attempts::places;
use crate::counts;
use crate::failure::Failure;
use crate::security::Fresh;

const PURPOSE: &str = "e-mail address";

/// How long the link is good.
const LIFE: Lifetime = Lifetime::from_seconds(86_400);

/// What came of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verified {
    /// The address is proved.
    Done,
    /// It is another account's.
    Taken,
    /// The link is too old, was used, or is none of ours.
    Expired,
}

#[derive(Serialize, Deserialize)]
struct Claim {
    account: RecordId,
    address: String,
    /// What was there when the mail was sent: a later word goes first.
    before: Option<Value>,
    proved: Option<Value>,
}

/// Sends a link to an address that the owner of an account says is theirs. Refused: what is no address, and too many mails.
pub async fn ask_to_verify(
    engine: &Engine,
    (from, fresh): (Option<IpAddr>, &Fresh),
    address: &str,
    written: Written,
    now: Timestamp,
) -> Result<(), Failure> {
    let (account, address) = (fresh.owner().account(), acceptable(address)?);
    let counted = counts::begin(engine, [&*places(engine, from), &[count_of(account.id)]].concat(), now).await?;
    counted.map_err(|_| invalid_request("there were several mails already; wait ten minutes for the next"))?;
    let claim = Claim {
        account: account.id,
        address: address.to_owned(),
        before: account.claims.get("email").cloned(),
        proved: account.claims.get("email_verified").cloned(),
    };
    let token = link::seal(engine, PURPOSE, &claim, now)?;
    let mail = Mail {
        to: address.to_owned(),
        about: About::Verify,
        username: account.username.clone(),
        link: link::address(engine, written.page, &token),
        language: written.language.to_owned(),
    };
    let event = noted(engine, account.id, "email", now)?;
    engine.commit(vec![send(engine, &mail, LIFE, now)?, Change::Append(Box::new(event))]).await?;
    Ok(())
}

/// The address of a link and the user name it is claimed for, to be shown to whoever opened it.
pub async fn whose(
    engine: &Engine,
    from: Option<IpAddr>,
    token: &str,
    now: Timestamp,
) -> Result<Looked<(String, String)>, Failure> {
    let claimed =
        async { Ok(claimed(engine, token, now).await?.map(|(claim, account)| (claim.says.address, account.username))) };
    link::look(engine, from, claimed, now).await
}

/// The address of a link is theirs whose account it names.
pub async fn confirm(
    engine: &Engine,
    from: Option<IpAddr>,
    token: &str,
    now: Timestamp,
) -> Result<Looked<Verified>, Failure> {
    let confirmed = async {
        let verified = confirm_once(engine, token, now).await?;
        Ok(Some(verified).filter(|verified| *verified != Verified::Expired))
    };
    link::look(engine, from, confirmed, now).await
}

async fn confirm_once(engine: &Engine, token: &str, now: Timestamp) -> Result<Verified, Failure> {
    let Some((link, _)) = claimed(engine, token, now).await? else { return Ok(Verified::Expired) };
    let claim = &link.says;
    if held_by(engine, &claim.address, now).await?.is_some_and(|holder| holder.id != claim.account) {
        return Ok(Verified::Taken);
    }
    let changed = edit(engine, claim.account, now, |account| {
        if !claim.holds(account) {
            return Err(expired().into());
        }
        let before = account.claims.clone();
        account.claims.insert("email".to_owned(), claim.address.clone().into());
        account.claims.insert("email_verified".to_owned(), true.into());
        account.updated_at = now;
        let names = names(engine, account.id, &before, &account.claims, now);
        let used = link.used(engine, token, LIFE);
        Ok(Edited {
            changes: names.take.into_iter().chain(names.release).chain([used]).collect(),
            what: "email_verified",
        })
    });
    match changed.await {
        Ok(_) => Ok(Verified::Done),
        Err(Failure::Denied(_)) => Ok(Verified::Expired),
        Err(fault) => Err(fault),
    }
}

impl Claim {
    fn holds(&self, account: &Account) -> bool {
        account.enabled
            && account.claims.get("email") == self.before.as_ref()
            && account.claims.get("email_verified") == self.proved.as_ref()
    }
}

async fn claimed(engine: &Engine, token: &str, now: Timestamp) -> Result<Option<(Dated<Claim>, Account)>, Failure> {
    let link: Option<Dated<Claim>> = link::open(engine, PURPOSE, LIFE, token, now).await?;
    let Some(link) = link else { return Ok(None) };
    let account = engine.store.account(link.says.account).await?;
    let account = account.filter(|account| account.issuer == engine.number && link.says.holds(account));
    Ok(account.map(|account| (link, account)))
}

fn expired() -> Denied {
    invalid_request("this link was used already, or is too old")
}
