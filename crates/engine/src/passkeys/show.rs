//! A passkey that is shown to sign in (Web Authentication §7.2).

use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use firman_proto::error::{Denied, ErrorCode};
use firman_proto::id::RecordId;
use firman_proto::time::Timestamp;
use firman_store::Change;
use firman_store::record::{Account, EventKind, Namespace, Passkey, Subject};
use webauthn_rp::bin::{Decode as _, Encode as _};
use webauthn_rp::request::auth::AuthenticationVerificationOptions;
use webauthn_rp::response::auth::error::AuthCeremonyErr;
use webauthn_rp::response::register::{DynamicState, StaticState};
use webauthn_rp::response::{AuthenticatorAttachment, Backup, CredentialId};
use webauthn_rp::{
    AuthenticatedCredential, DiscoverableAuthentication16, DiscoverableAuthenticationServerState,
    DiscoverableCredentialRequestOptions,
};

use super::{Asked, Question, TIMEOUT, broken, handle_of, name_of, relying_party};
use crate::Engine;
use crate::accounts::{Edited, edit};
use crate::authorize::Browser;
use crate::failure::{Failure, Fault};
use crate::ports::User;

const PURPOSE: &str = "passkey";

/// Whose passkey it may be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Owner<'a> {
    /// Anybody's: it says who they are.
    Anybody,
    /// Theirs: they have shown something else before.
    Of(&'a Subject),
}

/// Asks for any passkey; `None` where there are none, because of the issuer's address or because accounts are kept elsewhere.
pub fn question(engine: &Engine, browser: &Browser, now: Timestamp) -> Result<Option<Question>, Fault> {
    if engine.accounts.local().is_none() {
        return Ok(None);
    }
    let Some(relying_party) = relying_party(engine) else { return Ok(None) };
    let mut options = DiscoverableCredentialRequestOptions::passkey(&relying_party);
    options.0.timeout = TIMEOUT;
    let (state, question) = options.start_ceremony().map_err(|error| broken(&error))?;
    let state = state.encode().map_err(|error| broken(&error))?;
    let sealed = Asked::new(None, &state, now).seal(engine, browser, PURPOSE)?;
    let options = serde_json::to_string(&question).map_err(|error| broken(&error))?;
    Ok(Some(Question { sealed, options }))
}

/// Who showed a passkey; `None` if the answer is none to our question, or none of theirs.
pub(crate) async fn check(
    engine: &Engine,
    browser: &Browser,
    answer: (&str, &str),
    owner: Owner<'_>,
    now: Timestamp,
) -> Result<Option<User>, Failure> {
    match shown(engine, browser, answer, owner, now).await? {
        Ok(user) => Ok(Some(user)),
        Err(Refused { who, why, is_noted }) => {
            tracing::info!(%why, address = ?browser.address(), "a passkey is refused");
            if !is_noted {
                engine.sign_in_refused(who.as_ref(), "passkey", &why, now).await;
            }
            Ok(None)
        }
    }
}

/// Why a passkey is not taken.
struct Refused {
    /// Whose it is, if that is known.
    who: Option<Subject>,
    why: String,
    /// Whether the audit trail has it already.
    is_noted: bool,
}

async fn shown(
    engine: &Engine,
    browser: &Browser,
    (sealed, answer): (&str, &str),
    owner: Owner<'_>,
    now: Timestamp,
) -> Result<Result<User, Refused>, Failure> {
    let refused = |who: Option<&Subject>, why: &dyn std::fmt::Display| {
        Ok(Err(Refused { who: who.cloned(), why: why.to_string(), is_noted: false }))
    };
    let Some(asked) = Asked::open(engine, browser, (PURPOSE, sealed), now).await? else {
        return refused(None, &"the question is of another browser, or too old");
    };
    let answer = match DiscoverableAuthentication16::from_json_relaxed(answer.as_bytes()) {
        Ok(answer) => answer,
        Err(error) => return refused(None, &error),
    };
    let id = URL_SAFE_NO_PAD.encode(answer.raw_id().as_ref());
    let named = engine.store.account_by_name(Namespace::Credential, name_of(engine, &id), now).await?;
    let subject = named.as_ref().and_then(Account::subject);
    let (Some(account), Some(subject)) = (named, subject) else {
        return refused(None, &"nobody has this one");
    };
    if matches!(owner, Owner::Of(whose) if *whose != subject) {
        return refused(Some(&subject), &"it is somebody else's");
    }
    // From before the proof is looked at: whoever signs this person out from now on ends what comes of it.
    let epochs = engine.store.epochs(None, Some(subject.key(engine.number))).await?;
    let cloned = AtomicBool::new(false);
    let changed = edit(engine, account.id, now, |account| {
        let (owner, enabled) = (account.id, account.enabled);
        let known = account.factors.passkeys.iter_mut().find(|known| known.id == id).filter(|_| enabled);
        let known = known.ok_or_else(|| wrong("it is no longer there"))?;
        let counter = verify(engine, owner, known, &asked, &answer).map_err(|why| {
            cloned.store(matches!(why, AuthCeremonyErr::SignatureCounter), Ordering::Relaxed);
            wrong(&why.to_string())
        })?;
        known.counter = counter;
        known.last_used_at = Some(now);
        Ok(Edited { changes: vec![asked.answered(engine)], what: "passkey_used" })
    });
    match changed.await {
        Ok(account) => {
            let shown = account.factors.passkeys.iter().find(|known| known.id == id);
            let amr = amr_of(shown.is_some_and(|passkey| passkey.backup_eligible));
            Ok(Ok(User { subject, username: account.username, amr, epochs: Some(epochs), upstream: None }))
        }
        Err(Failure::Denied(denied)) => {
            if cloned.load(Ordering::Relaxed) {
                note_clone(engine, account.id, &subject, now).await?;
                return Ok(Err(Refused { who: Some(subject), why: denied.why.into_owned(), is_noted: true }));
            }
            refused(Some(&subject), &denied.why)
        }
        Err(fault) => Err(fault),
    }
}

/// RFC 8176 §2: the key is in hardware, or copied between devices by software; the user was there and was verified, which makes two
/// factors: what they have, and what they know or are.
fn amr_of(copied: bool) -> Vec<String> {
    let key = if copied { "swk" } else { "hwk" };
    [key, "user", "mfa"].map(str::to_owned).to_vec()
}

/// How often the passkey has signed by now, if the answer is one to our question.
fn verify(
    engine: &Engine,
    owner: RecordId,
    known: &Passkey,
    asked: &Asked,
    answer: &DiscoverableAuthentication16,
) -> Result<u32, AuthCeremonyErr> {
    // What we wrote ourselves is readable; where it is not, nobody's passkey is accepted.
    let unreadable = || AuthCeremonyErr::CredentialIdMismatch;
    let relying_party = relying_party(engine).ok_or(AuthCeremonyErr::RpIdHashMismatch)?;
    let state = DiscoverableAuthenticationServerState::decode(&*asked.state()).map_err(|_| unreadable())?;
    let (id, key) = (decoded(&known.id), decoded(&known.key));
    let handle = handle_of(owner).ok_or(AuthCeremonyErr::UserHandleMismatch)?;
    let dynamic = DynamicState {
        // None is added without.
        user_verified: true,
        backup: if known.backup_eligible { Backup::Eligible } else { Backup::NotEligible },
        sign_count: known.counter,
        authenticator_attachment: AuthenticatorAttachment::None,
    };
    let mut credential = AuthenticatedCredential::new(
        CredentialId::<&[u8]>::decode(&id).map_err(|_| unreadable())?,
        &handle,
        StaticState::decode(&*key).map_err(|_| unreadable())?,
        dynamic,
    )
    .map_err(AuthCeremonyErr::Credential)?;
    // Web Authentication §7.2: challenge, origin, relying party and owner are right, the user was verified, the signature is the key's,
    // and the counter has gone on (Web Authentication §6.1.1).
    let expected = AuthenticationVerificationOptions::<&str, &str> {
        allowed_origins: &[engine.issuer.origin()],
        // Web Authentication §9: what was not asked for is passed over.
        error_on_unsolicited_extensions: false,
        ..Default::default()
    };
    state.verify(&relying_party, answer, &mut credential, &expected)?;
    Ok(credential.dynamic_state().sign_count)
}

/// Web Authentication §6.1.1: a counter that goes back says that somebody has a copy of the key. The owner and the operators learn it.
async fn note_clone(engine: &Engine, account: RecordId, subject: &Subject, now: Timestamp) -> Result<(), Failure> {
    tracing::warn!(%account, "the counter of a passkey went back: somebody may have a copy of it");
    let mut event = engine.event(EventKind::SignInFailed, account, now)?;
    event.subject = Some(subject.to_string());
    event.details.insert("what".to_owned(), "passkey_cloned".into());
    engine.commit(vec![Change::Append(Box::new(event))]).await?;
    Ok(())
}

fn wrong(why: &str) -> Denied {
    Denied::new(ErrorCode::AccessDenied, "this passkey is not accepted").because(why.to_owned())
}

fn decoded(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap_or_default()
}
