//! The form of the page that asks with which account to go on (OpenID Connect Core §3.1.2.1 `prompt=select_account`).

use firman_proto::error::{Denied, ErrorCode};
use firman_proto::time::Timestamp;

use super::interaction::Chosen;
use super::{Browser, Interaction, Next, browser, proceed};
use crate::Engine;
use crate::failure::Failure;

/// What somebody answered on that page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Account {
    /// Go on as who is signed in.
    Same,
    /// Sign in with another account.
    Another,
    /// Neither.
    Neither,
}

/// Carries out what somebody chose.
pub async fn select(
    engine: &Engine,
    browser: &Browser,
    request: &str,
    account: Account,
    now: Timestamp,
) -> Result<Next, Failure> {
    let (interaction, client) = Interaction::resume(engine, browser, request, now).await?;
    let signed_in = browser::signed_in(engine, browser, Some(client.id), now).await?;
    let chosen = match account {
        Account::Same => signed_in.as_ref().map(|signed_in| Chosen::Session(signed_in.session.id)),
        Account::Another => Some(Chosen::Another),
        Account::Neither => {
            let denied = Denied::new(ErrorCode::AccessDenied, "the person chose no account");
            return interaction.give_up(engine, client, &denied, now).await;
        }
    };
    let interaction = Interaction { account: chosen, ..interaction };
    proceed(engine, browser, interaction, &client, signed_in, now).await
}
