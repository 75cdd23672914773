//! What an authorization request needs next (OpenID Connect Core §3.1.2.3 and §3.1.2.4).

use firman_proto::acr::Classes;
use firman_proto::error::{Denied, ErrorCode};
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::SignedIn;
use firman_store::record::Client;

use super::Interaction;

/// The next step.
#[derive(Debug)]
pub(super) enum Step<'s> {
    /// Somebody has to sign in, or again.
    Login,
    /// Somebody has to be asked.
    Consent,
    /// Nothing more is needed.
    Approve(&'s SignedIn),
    /// Something would have to be shown, and that was forbidden.
    Refuse(Denied),
}

/// `signed_in` is live. Pure: the same for the same arguments.
pub(super) fn decide<'s>(
    interaction: &Interaction,
    client: &Client,
    signed_in: Option<&'s SignedIn>,
    classes: &Classes,
    now: Timestamp,
) -> Step<'s> {
    let silent = interaction.request.prompt.none;
    let asked = &interaction.request.acr_values;
    // RFC 9470 §5: unmet_authentication_requirements, where no sign-in here could be of a class that is asked for.
    if !classes.could_satisfy(asked) {
        return unmet();
    }
    // OpenID Connect Core §3.1.2.6: login_required.
    let login = || {
        if silent {
            Step::Refuse(Denied::new(ErrorCode::LoginRequired, "nobody is signed in as it was asked for"))
        } else {
            Step::Login
        }
    };
    let Some(signed_in) = signed_in.filter(|signed_in| is_fresh_enough(interaction, signed_in, now)) else {
        return login();
    };
    if !classes.satisfy(&signed_in.session.details.amr, asked) {
        // Who has signed in for this very request, and not well enough, cannot do better.
        let has_tried = signed_in.session.auth_time >= interaction.started_at;
        return if has_tried { unmet() } else { login() };
    }
    if needs_consent(interaction, client, signed_in) {
        // OpenID Connect Core §3.1.2.6: consent_required.
        let denied = Denied::new(ErrorCode::ConsentRequired, "the person has not allowed this yet");
        return if silent { Step::Refuse(denied) } else { Step::Consent };
    }
    Step::Approve(signed_in)
}

fn unmet<'s>() -> Step<'s> {
    let text = "acr_values: nobody can sign in here in one of these ways";
    Step::Refuse(Denied::new(ErrorCode::UnmetAuthenticationRequirements, text))
}

pub(super) fn is_fresh_enough(interaction: &Interaction, signed_in: &SignedIn, now: Timestamp) -> bool {
    let (request, auth_time) = (&interaction.request, signed_in.session.auth_time);
    // OpenID Connect Core §3.1.2.1: prompt=login asks again, even if somebody is signed in.
    let again = request.prompt.login || request.prompt.select_account;
    if again && auth_time < interaction.started_at {
        return false;
    }
    // OpenID Connect Core §3.1.2.1: max_age is the allowable time since the person last proved who they are.
    request.max_age.is_none_or(|seconds| {
        now.since(auth_time) <= Lifetime::from_seconds(i64::from(seconds)) || auth_time >= interaction.started_at
    })
}

fn needs_consent(interaction: &Interaction, client: &Client, signed_in: &SignedIn) -> bool {
    if interaction.request.prompt.consent {
        return true;
    }
    if client.policy.skip_consent {
        return false;
    }
    // RFC 9396 §12: what is asked for in detail was never asked for before: a payment that was allowed is not another.
    if interaction.request.authorization_details.is_some() {
        return true;
    }
    // OpenID Connect Core §11: offline access is for those who were asked for it; a remembered yes was asked.
    let (scope, resources) = (&interaction.request.scope, &interaction.request.resource);
    !signed_in.consent.as_ref().is_some_and(|consent| consent.covers(scope, resources))
}
