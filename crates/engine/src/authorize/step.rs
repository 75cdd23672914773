//! What an authorization request needs next (OpenID Connect Core §3.1.2.3 and §3.1.2.4).

use firman_proto::acr::Classes;
use firman_proto::claims_parameter::ClaimsParameter;
use firman_proto::error::{Denied, ErrorCode};
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::SignedIn;
use firman_store::record::{Client, Consent};

use super::Interaction;
use super::interaction::Chosen;

/// The next step.
#[derive(Debug)]
pub(super) enum Step<'s> {
    /// Somebody has to sign in, or again.
    Login,
    /// Somebody wants to make an account.
    SignUp,
    /// Somebody has to say with which account they go on.
    Select,
    /// Somebody has to be asked.
    Consent,
    /// Nothing more is needed.
    Approve(&'s SignedIn),
    /// Something would have to be shown, and that was forbidden.
    Refuse(Denied),
}

/// `visitor` is who is signed in, live, and how the client knows them. Pure: the same for the same arguments.
pub(super) fn decide<'s>(
    interaction: &Interaction,
    client: &Client,
    visitor: Option<(&'s SignedIn, &str)>,
    classes: &Classes,
    now: Timestamp,
) -> Step<'s> {
    let request = &interaction.request;
    let asked = &request.acr_values;
    // RFC 9470 §5: unmet_authentication_requirements, where no sign-in here could be of a class that is asked for.
    if !classes.could_satisfy(asked) {
        return unmet();
    }
    // OpenID Connect Core §3.1.2.6: login_required.
    let login = || {
        if request.prompt.none {
            Step::Refuse(Denied::new(ErrorCode::LoginRequired, "nobody is signed in as it was asked for"))
        } else {
            Step::Login
        }
    };
    // Who has signed in for this very request.
    let came_for_it = |signed_in: &SignedIn| signed_in.session.auth_time >= interaction.started_at;
    // Initiating User Registration §4.1.1: the person comes back with the account that they made, or with one that they had.
    if request.prompt.create && !visitor.is_some_and(|(signed_in, _)| came_for_it(signed_in)) {
        return Step::SignUp;
    }
    if let Some((signed_in, _)) = visitor
        && must_choose(interaction, signed_in)
        && !came_for_it(signed_in)
    {
        return Step::Select;
    }
    let Some((signed_in, known_as)) = visitor.filter(|(signed_in, _)| is_fresh_enough(interaction, signed_in, now))
    else {
        return login();
    };
    // OpenID Connect Core §3.1.2.1, §5.5.1: no answer is about somebody else than whom the client means.
    if !request.hints.subjects.is_empty() && !request.hints.subjects.iter().any(|subject| subject == known_as) {
        let denied = Denied::new(ErrorCode::LoginRequired, "somebody else signed in than the client means");
        return if came_for_it(signed_in) { Step::Refuse(denied) } else { login() };
    }
    if !is_of_class(interaction, signed_in, classes) {
        // Who has signed in for this very request, and not well enough, cannot do better.
        return if came_for_it(signed_in) { unmet() } else { login() };
    }
    if needs_consent(interaction, client, signed_in) {
        // OpenID Connect Core §3.1.2.6: consent_required.
        let denied = Denied::new(ErrorCode::ConsentRequired, "the person has not allowed this yet");
        return if request.prompt.none { Step::Refuse(denied) } else { Step::Consent };
    }
    Step::Approve(signed_in)
}

/// OpenID Connect Core §3.1.2.1: prompt=select_account asks with which account to go on, until that was said of this session.
fn must_choose(interaction: &Interaction, signed_in: &SignedIn) -> bool {
    match interaction.account {
        None => interaction.request.prompt.select_account,
        Some(Chosen::Session(session)) => session != signed_in.session.id,
        Some(Chosen::Another) => false,
    }
}

/// Whether a sign-in is of a class that was asked for.
fn is_of_class(interaction: &Interaction, signed_in: &SignedIn, classes: &Classes) -> bool {
    let details = &signed_in.session.details;
    let claims = ClaimsParameter::kept(interaction.request.claims.as_ref());
    let required: Vec<String> = claims.required_acr().into_iter().map(str::to_owned).collect();
    // OpenID Connect Core §5.5.1.1: an essential acr with values is one of these, or the sign-in has failed.
    let told = classes.of(&details.amr, &required).or(details.acr.as_deref());
    let is_required = required.is_empty() || told.is_some_and(|told| required.iter().any(|class| class == told));
    is_required && classes.satisfy(&details.amr, &interaction.request.acr_values)
}

fn unmet<'s>() -> Step<'s> {
    let text = "acr_values: nobody can sign in here in one of these ways";
    Step::Refuse(Denied::new(ErrorCode::UnmetAuthenticationRequirements, text))
}

pub(super) fn is_fresh_enough(interaction: &Interaction, signed_in: &SignedIn, now: Timestamp) -> bool {
    let (request, auth_time) = (&interaction.request, signed_in.session.auth_time);
    // OpenID Connect Core §3.1.2.1: prompt=login asks again, even if somebody is signed in.
    let again = request.prompt.login || interaction.account == Some(Chosen::Another);
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
    // OpenID Connect Core §5.5: claims that are asked for one by one are allowed like those of scopes.
    let claims = ClaimsParameter::kept(interaction.request.claims.as_ref());
    let covers = |consent: &Consent| consent.covers(scope, resources) && consent.covers_claims(&claims.names());
    !signed_in.consent.as_ref().is_some_and(covers)
}
