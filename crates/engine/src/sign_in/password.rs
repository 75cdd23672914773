//! A user name and a password, wherever they were typed.

use std::net::IpAddr;

use firman_proto::digest::Digest16;
use firman_proto::time::{Lifetime, Timestamp};

use crate::Engine;
use crate::accounts::normalized;
use crate::attempts::{Pace, of_address};
use crate::failure::Fault;
use crate::ports::User;

use super::shared;

/// Who guesses, as far as that is known.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Guesser {
    /// Where they are.
    pub(crate) address: Option<IpAddr>,
    /// The browser, if whom they say they are has signed in with it before.
    pub(crate) known: Option<Digest16>,
}

/// What came of it.
pub(crate) enum Checked {
    /// It is theirs.
    Right(User),
    /// One of the two is wrong, or both, or the account is disabled: nobody is told which.
    Wrong,
    /// Too many were wrong: it was not looked at.
    Wait(Lifetime),
}

/// Looks at a user name and a password, if there may be another attempt. It counts the same for a name that nobody has.
pub(crate) async fn check(
    engine: &Engine,
    guesser: &Guesser,
    username: &str,
    password: &str,
    now: Timestamp,
) -> Result<Checked, Fault> {
    let counts = counts(engine, guesser, username);
    let attempt = match engine.attempts.begin(counts, now) {
        Ok(attempt) => attempt,
        Err(wait) => {
            tracing::info!(address = ?guesser.address, "a sign-in has to wait: too many were wrong");
            return Ok(Checked::Wait(wait));
        }
    };
    // Looked for apart, so that it is the same work for a name that nobody has.
    let account = match engine.accounts.local() {
        Some(local) if guesser.known.is_none() => local.named(username, now).await?,
        _ => None,
    };
    let user = engine.accounts.authenticate(username, password, now).await?;
    let held = account.as_ref().is_some_and(|account| shared::is_held(account, now));
    let Some(user) = user.filter(|_| !held) else {
        tracing::info!(address = ?guesser.address, held, "a sign-in failed");
        // For a name that nobody has it is the same work.
        let who = engine.accounts.find(username, now).await?.map(|user| user.subject);
        engine.sign_in_refused(who.as_ref(), "password", "user name or password is wrong", now).await;
        if let Some(account) = account.filter(|_| !held) {
            shared::failed(engine, account.id, now)?;
        }
        return Ok(Checked::Wrong);
    };
    if let Some(account) = &account {
        shared::succeeded(engine, account)?;
    }
    attempt.was_right();
    Ok(Checked::Right(user))
}

/// What an attempt counts for.
pub(super) fn counts(engine: &Engine, guesser: &Guesser, username: &str) -> Vec<(Digest16, Pace)> {
    let limits = engine.policy.sign_in;
    let name = normalized(username);
    if let Some(device) = &guesser.known {
        return vec![(Digest16::of(&[b"device", &device.0, name.as_bytes()]), limits.device)];
    }
    let mut counts = vec![(of_name(&name), limits.account)];
    counts.extend(guesser.address.into_iter().flat_map(|address| of_address(address, limits.address)));
    counts
}

/// The count of a user name in one spelling.
pub(crate) fn of_name(normalized: &str) -> Digest16 {
    Digest16::of(&[b"account", normalized.as_bytes()])
}
