use std::fmt;

use serde_json::{Map, Value};
use zeroize::Zeroizing;

/// What a provider's token endpoint gave (RFC 6749 §5.1, OpenID Connect Core §3.1.3.3). Its Debug shows no token.
pub struct TokenAnswer {
    /// Opens userinfo.
    pub access_token: Option<Zeroizing<String>>,
    /// Says who signed in.
    pub id_token: Option<Zeroizing<String>>,
    /// Asks again later.
    pub refresh_token: Option<Zeroizing<String>>,
}

impl TokenAnswer {
    /// Reads an answer; `None` if it is none.
    pub fn parse(body: &[u8]) -> Option<Self> {
        let mut members: Map<String, Value> = serde_json::from_slice(body).ok()?;
        let mut take = |name| match members.remove(name) {
            None | Some(Value::Null) => Some(None),
            Some(Value::String(text)) => Some(Some(Zeroizing::new(text))),
            Some(_) => None,
        };
        let (access_token, id_token) = (take("access_token")?, take("id_token")?);
        Some(Self { access_token, id_token, refresh_token: take("refresh_token")? })
    }
}

impl fmt::Debug for TokenAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let has = |token: &Option<Zeroizing<String>>| if token.is_some() { "some" } else { "none" };
        let (access, id, refresh) = (has(&self.access_token), has(&self.id_token), has(&self.refresh_token));
        write!(f, "TokenAnswer(access_token: {access}, id_token: {id}, refresh_token: {refresh})")
    }
}

/// The error code of a refusal (RFC 6749 §5.2), if there is one that can be shown in a log.
pub fn refusal(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let code = body.get("error")?.as_str()?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    (code.len() <= 64 && code.bytes().all(is_plain)).then(|| code.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 6749 §5.1, §5.2, OpenID Connect Core §3.1.3.3.
    #[test]
    fn an_answer_is_read_and_not_shown() {
        let answer = TokenAnswer::parse(br#"{"access_token":"hush","token_type":"Bearer","id_token":"a.b.c","x":1}"#);
        let answer = answer.unwrap();
        assert_eq!(format!("{answer:?}"), "TokenAnswer(access_token: some, id_token: some, refresh_token: none)");
        assert!(TokenAnswer::parse(b"<html>").is_none() && TokenAnswer::parse(br#"{"id_token":1}"#).is_none());
        assert_eq!(refusal(br#"{"error":"invalid_grant"}"#).as_deref(), Some("invalid_grant"));
        for odd in [&b"{}"[..], b"no", br#"{"error":"a b"}"#, br#"{"error":1}"#] {
            assert_eq!(refusal(odd), None);
        }
    }
}
