//! `firman login --device`: the device flow (RFC 8628), for a terminal on a machine without a browser.

use std::thread;
use std::time::Duration;

use firman_proto::client::GrantType;
use serde_json::Value;

use super::login::Session;
use super::output::{Failed, Printer};
use crate::qr;

/// RFC 8628 §3.5: how much longer to wait after slow_down.
const SLOWER: u64 = 5;

/// Shows a code, waits until somebody has typed it elsewhere, and gives the tokens.
pub(super) fn sign_in(session: &Session, scope: &str, printer: Printer) -> Result<Value, Failed> {
    let endpoint = session.endpoint("device_authorization_endpoint")?;
    let codes = session.post(&endpoint, &[("scope", scope)])?;
    if let Some(refusal) = refusal(&codes) {
        return Err(Failed::refused(refusal));
    }
    let text = |name: &str| codes.get(name).and_then(Value::as_str).unwrap_or_default();
    let address = text("verification_uri_complete");
    let qr = qr::lines(address).unwrap_or_default();
    printer.note(&format!(
        "{qr}\nOpen this in a browser, on any machine:\n\n  {}\n\nand type the code {}\n\nor open\n\n  {address}\n",
        text("verification_uri"),
        text("user_code"),
    ));
    wait(session, &codes)
}

fn wait(session: &Session, codes: &Value) -> Result<Value, Failed> {
    let grant_type = GrantType::DeviceCode.as_str();
    let device_code = codes.get("device_code").and_then(Value::as_str).unwrap_or_default();
    // RFC 8628 §3.2: five seconds if nothing is said.
    let mut interval = codes.get("interval").and_then(Value::as_u64).unwrap_or(5);
    loop {
        // The server ends it: the code expires.
        thread::sleep(Duration::from_secs(interval));
        let asked = [("grant_type", grant_type), ("device_code", device_code)];
        let answer = session.post(&session.token_endpoint, &asked)?;
        match answer.get("error").and_then(Value::as_str) {
            None => return Ok(answer),
            Some("authorization_pending") => {}
            Some("slow_down") => interval += SLOWER,
            Some(_) => return Err(Failed::refused(refusal(&answer).unwrap_or_default())),
        }
    }
}

fn refusal(answer: &Value) -> Option<String> {
    let error = answer.get("error")?.as_str()?;
    let text = answer.get("error_description").and_then(Value::as_str).unwrap_or_default();
    Some(format!("{error}: {text}"))
}
