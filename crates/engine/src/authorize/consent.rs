//! The consent page's form.

use std::sync::Arc;

use firman_proto::error::{Denied, ErrorCode};
use firman_proto::time::Timestamp;
use firman_store::record::Client;

use super::step::Step;
use super::{Browser, Interaction, Next, Waiting, approve, browser, device, next_step, remember};
use crate::Engine;
use crate::failure::{Failure, Fault};

/// How often a consent that was edited meanwhile, by another page of the same person, is read again.
const LOOKS: usize = 4;

/// What somebody answered on the consent page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Yes, and remember it.
    Allow,
    /// No.
    Deny,
}

/// Carries out what somebody decided.
pub async fn consent(
    engine: &Engine,
    browser: &Browser,
    request: &str,
    decision: Decision,
    now: Timestamp,
) -> Result<Next, Failure> {
    let asked = Interaction::resume(engine, browser, request, now).await?;
    decided(engine, browser, asked, decision, now).await
}

/// The same wherever they decided it.
pub(crate) async fn decided(
    engine: &Engine,
    browser: &Browser,
    (interaction, client): (Interaction, Arc<Client>),
    decision: Decision,
    now: Timestamp,
) -> Result<Next, Failure> {
    for _ in 0..LOOKS {
        let signed_in = browser::signed_in(engine, browser, Some(client.id), now).await?;
        match next_step(engine, &interaction, &client, signed_in.as_ref(), now) {
            // The session ended, or grew too old, while the page was open, or is somebody else's by now.
            Step::Login => return Ok(Next::Login(interaction.seal(engine, browser)?)),
            Step::SignUp => return Ok(Next::SignUp(interaction.seal(engine, browser)?)),
            Step::Select => return Ok(Next::Select(interaction.seal(engine, browser)?)),
            Step::Refuse(denied) => return interaction.redirectable(client).refuse(engine, &denied, now).await,
            Step::Consent | Step::Approve(_) => {}
        }
        let Some(signed_in) = signed_in else { return Ok(Next::Login(interaction.seal(engine, browser)?)) };
        interaction.must_ask(&signed_in.session.subject)?;
        if decision == Decision::Deny {
            if let Some(Waiting::Device { flow, .. }) = &interaction.waiting {
                return device::deny(engine, *flow, now).await;
            }
            // RFC 6749 §4.1.2.1: access_denied.
            let denied = Denied::new(ErrorCode::AccessDenied, "the person said no");
            return interaction.redirectable(client).refuse(engine, &denied, now).await;
        }
        let remember = remember(engine, &interaction, &signed_in, now);
        if let Some(next) = approve(engine, interaction.clone(), &client, &signed_in, Some(remember), now).await? {
            return Ok(next);
        }
    }
    Err(Fault::temporary("remember a consent", "it was edited by others each time it was looked at").into())
}
