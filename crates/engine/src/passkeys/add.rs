//! A passkey that is added to an account (Web Authentication §7.1).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use firman_proto::error::{Denied, invalid_request};
use firman_proto::time::Timestamp;
use firman_store::Change;
use firman_store::record::{Account, Name, Namespace, Passkey};
use webauthn_rp::bin::{Decode as _, Encode as _};
use webauthn_rp::request::PublicKeyCredentialDescriptor;
use webauthn_rp::request::register::{
    CredProtect, Nickname, PublicKeyCredentialUserEntity, RegistrationVerificationOptions, Username,
};
use webauthn_rp::response::register::Registration;
use webauthn_rp::response::{Backup, CredentialId};
use webauthn_rp::{PublicKeyCredentialCreationOptions, RegistrationServerState};

use super::{Asked, Question, TIMEOUT, broken, handle_of, name_of, relying_party};
use crate::Engine;
use crate::accounts::{Edited, edit};
use crate::authorize::Browser;
use crate::failure::{Failure, Fault};

const PURPOSE: &str = "new passkey";

/// So many has one account.
const MOST: usize = 20;
/// So long is what an owner calls one, in characters.
const LONGEST_NAME: usize = 64;

/// What came of the answer.
#[derive(Debug)]
pub enum Added {
    /// It is theirs.
    Done,
    /// It is not taken; the log says why.
    Refused,
}

/// Asks for a new passkey: one that is found without a user name, and verifies its user.
pub(crate) fn begin(
    engine: &Engine,
    browser: &Browser,
    account: &Account,
    now: Timestamp,
) -> Result<Option<Question>, Failure> {
    let (Some(relying_party), Some(handle)) = (relying_party(engine), handle_of(account.id)) else { return Ok(None) };
    must_have_room(account)?;
    let id = account.id.to_string();
    let user = PublicKeyCredentialUserEntity {
        // A name from before there were rules is not shown.
        name: Username::try_from(&*account.username).or_else(|_| Username::try_from(&*id)).map_err(|e| broken(&e))?,
        id: &handle,
        display_name: Nickname::try_from(&*account.username).ok(),
    };
    let known = account.factors.passkeys.iter().filter_map(descriptor).collect();
    let mut options = PublicKeyCredentialCreationOptions::passkey(&relying_party, user, known);
    // Authenticators that do not know this protection are good, too: each use asks to verify the user anyway.
    options.extensions.cred_protect = CredProtect::None;
    options.timeout = TIMEOUT;
    let (state, question) = options.start_ceremony().map_err(|error| broken(&error))?;
    let state = state.encode().map_err(|error| broken(&error))?;
    let sealed = Asked::new(Some(account.id), &state, now).seal(engine, browser, PURPOSE)?;
    let options = serde_json::to_string(&question).map_err(|error| broken(&error))?;
    Ok(Some(Question { sealed, options }))
}

/// Adds the passkey, if the answer is one to our question.
pub(crate) async fn add(
    engine: &Engine,
    browser: &Browser,
    account: &Account,
    (sealed, answer, name): (&str, &str, &str),
    now: Timestamp,
) -> Result<Added, Failure> {
    let Some(asked) = Asked::open(engine, browser, (PURPOSE, sealed), now).await? else { return Ok(Added::Refused) };
    // A form that another account of the same browser got.
    if asked.account != Some(account.id) {
        return Ok(Added::Refused);
    }
    let passkey = match read(engine, &asked, answer, now)? {
        Ok(passkey) => Passkey { name: acceptable(name), ..passkey },
        Err(why) => {
            tracing::info!(%why, "a new passkey is refused");
            return Ok(Added::Refused);
        }
    };
    let digest = name_of(engine, &passkey.id);
    let taken = edit(engine, account.id, now, |account| {
        must_have_room(account)?;
        account.factors.passkeys.push(passkey.clone());
        let name = Name { namespace: Namespace::Credential, digest, id: account.id, expires_at: Timestamp::NEVER };
        let changes = vec![asked.answered(engine), Change::TakeName { name, now }];
        if account.factors.passkeys.iter().filter(|known| known.id == passkey.id).count() > 1 {
            return Err(invalid_request("this passkey is there already").into());
        }
        Ok(Edited { changes, what: "passkey_added" })
    });
    match taken.await {
        Ok(_) => Ok(Added::Done),
        Err(Failure::Denied(denied)) => {
            tracing::info!(%denied, "a new passkey is refused");
            Ok(Added::Refused)
        }
        Err(fault) => Err(fault),
    }
}

/// What an answer says of the new passkey, or why it is none.
fn read(engine: &Engine, asked: &Asked, answer: &str, now: Timestamp) -> Result<Result<Passkey, String>, Fault> {
    let Some(relying_party) = relying_party(engine) else { return Ok(Err("passkeys belong to names".to_owned())) };
    let state = asked.state();
    let state: RegistrationServerState<16> = match RegistrationServerState::decode(&*state) {
        Ok(state) => state,
        Err(error) => return Err(broken(&error)),
    };
    let answer = match Registration::from_json_relaxed(answer.as_bytes()) {
        Ok(answer) => answer,
        Err(error) => return Ok(Err(error.to_string())),
    };
    // Web Authentication §7.1: challenge, origin and relying party are ours, and the user was verified.
    let expected = RegistrationVerificationOptions::<&str, &str> {
        allowed_origins: &[engine.issuer.origin()],
        // Web Authentication §9: what was not asked for is passed over.
        error_on_unsolicited_extensions: false,
        ..Default::default()
    };
    let registered = match state.verify(&relying_party, &answer, &expected) {
        Ok(registered) => registered,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let key = registered.static_state().encode().map_err(|error| broken(&error))?;
    let dynamic = registered.dynamic_state();
    let transports = serde_json::to_value(registered.transports()).ok();
    Ok(Ok(Passkey {
        id: URL_SAFE_NO_PAD.encode(registered.id().as_ref()),
        key: URL_SAFE_NO_PAD.encode(key),
        counter: dynamic.sign_count,
        backup_eligible: !matches!(dynamic.backup, Backup::NotEligible),
        transports: transports.and_then(|list| serde_json::from_value(list).ok()).unwrap_or_default(),
        name: String::new(),
        added_at: now,
        last_used_at: None,
    }))
}

fn descriptor(passkey: &Passkey) -> Option<PublicKeyCredentialDescriptor<Vec<u8>>> {
    let id = CredentialId::<Vec<u8>>::decode(URL_SAFE_NO_PAD.decode(&passkey.id).ok()?).ok()?;
    let transports = serde_json::from_value(passkey.transports.clone().into()).ok()?;
    Some(PublicKeyCredentialDescriptor { id, transports })
}

/// What somebody calls a passkey, or what it is called otherwise.
pub(crate) fn acceptable(name: &str) -> String {
    let name: String = name.trim().chars().filter(|c| !c.is_control()).take(LONGEST_NAME).collect();
    if name.is_empty() { "Passkey".to_owned() } else { name }
}

fn must_have_room(account: &Account) -> Result<(), Denied> {
    let full = account.factors.passkeys.len() >= MOST;
    if full { Err(invalid_request(format!("there are {MOST} passkeys already; remove one first"))) } else { Ok(()) }
}
