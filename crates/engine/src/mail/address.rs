//! E-mail addresses: which are taken, and which are one.

use firman_proto::digest::Digest16;
use firman_proto::error::{Denied, invalid_request};
use firman_proto::id::{IssuerNumber, RecordId};
use firman_proto::time::Timestamp;
use firman_store::Change;
use firman_store::record::{Account, Name, Namespace, Rest};
use serde_json::Value;

use crate::Engine;
use crate::failure::Fault;

/// RFC 5321 §4.5.3.1.3: a path has 256 bytes, two of which are its brackets.
const LONGEST: usize = 254;

/// An address that mail is sent to, as it was typed. Whether it is one shows when the mail arrives; here is refused what could be something
/// else to a mail server.
pub(crate) fn acceptable(typed: &str) -> Result<&str, Denied> {
    let address = typed.trim();
    // RFC 5321 §4.1.2: neither quoted nor with what has a meaning in commands and headers.
    let odd = |c: char| c.is_control() || c.is_whitespace() || "\"(),:;<>[\\]".contains(c);
    let label = |label: &str| {
        let ends = !label.starts_with('-') && !label.ends_with('-');
        !label.is_empty() && ends && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    let good = match address.rsplit_once('@') {
        Some((local, host)) => {
            let dots = !local.starts_with('.') && !local.ends_with('.') && !local.contains("..");
            let local = !local.is_empty() && local.len() <= 64 && dots && !local.contains('@') && !local.contains(odd);
            local && host.contains('.') && host.split('.').all(label)
        }
        None => false,
    };
    if good && address.len() <= LONGEST { Ok(address) } else { Err(invalid_request("email: write it as name@host")) }
}

/// The key under which an address is found: nobody has two mailboxes whose names differ by case alone.
pub(crate) fn name_of(issuer: IssuerNumber, address: &str) -> Digest16 {
    Name::digest(issuer, Namespace::Email, &address.trim().to_lowercase())
}

/// The address of an account, if it was proved to be theirs.
pub fn of(account: &Account) -> Option<&str> {
    proved(&account.claims)
}

fn proved(claims: &Rest) -> Option<&str> {
    let proved = claims.get("email_verified").is_some_and(|proved| *proved == Value::Bool(true));
    claims.get("email").and_then(Value::as_str).filter(|_| proved)
}

/// What becomes of the name of an address with the claims of an account.
#[derive(Clone, Debug, Default)]
pub(crate) struct Taken {
    /// What is taken: a conflict says that another account has proved it.
    pub(crate) take: Option<Change>,
    /// What is free again.
    pub(crate) release: Option<Change>,
}

/// What it is for an account with these claims, which had those before.
pub(crate) fn names(engine: &Engine, id: RecordId, before: &Rest, after: &Rest, now: Timestamp) -> Taken {
    let digest = |claims| proved(claims).map(|address| name_of(engine.number, address));
    let (before, after) = (digest(before), digest(after));
    let namespace = Namespace::Email;
    let take = |digest| Change::TakeName { name: Name { namespace, digest, id, expires_at: Timestamp::NEVER }, now };
    let release = |digest| Change::ReleaseName { namespace, digest, id };
    Taken { take: after.map(take), release: before.filter(|before| Some(*before) != after).map(release) }
}

/// The account that has proved an address.
pub(crate) async fn held_by(engine: &Engine, address: &str, now: Timestamp) -> Result<Option<Account>, Fault> {
    Ok(engine.store.account_by_name(Namespace::Email, name_of(engine.number, address), now).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 5321 §4.1.2, §4.5.3.1.3.
    #[test]
    fn what_could_be_something_else_to_a_mail_server_is_no_address() {
        for good in [
            "a@b.example",
            " first.last+tag@mail.example ",
            "j\u{fc}rgen@b\u{fc}cher.example",
            "a@xn--bcher-kva.example",
        ] {
            assert!(acceptable(good).is_ok(), "{good}");
        }
        for odd in [
            "",
            "a",
            "@b.example",
            "a@",
            "a@b",
            "a@b..example",
            "a@-b.example",
            ".a@b.example",
            "a..b@c.example",
            "a b@c.example",
            "a@b.example\r\nBcc: c@d.example",
            "a@b.example,c@d.example",
            "<a@b.example>",
            "\"a\"@b.example",
            "a@b@c.example",
            "a@[192.0.2.1]",
            "a:b@c.example",
            &format!("{}@b.example", "a".repeat(65)),
            &format!("a@{}.example", "b".repeat(260)),
        ] {
            assert!(acceptable(odd).is_err(), "{odd:?}");
        }
        assert_eq!(name_of(IssuerNumber(0), "A@B.example "), name_of(IssuerNumber(0), "a@b.EXAMPLE"));
    }
}
