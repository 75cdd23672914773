//! Sign-ins that somebody else than the client begins (OpenID Connect Core §4).

use url::Url;

use crate::issuer::Issuer;

/// The longest `initiate_login_uri`, in bytes.
const LONGEST: usize = 2048;

/// Whether a client may register this as its `initiate_login_uri`: https (OpenID Connect Core §4).
pub fn is_initiate_login_uri(uri: &str) -> bool {
    uri.len() <= LONGEST && Url::parse(uri).is_ok_and(|url| url.scheme() == "https" && url.fragment().is_none())
}

/// Where a browser goes so that its client begins a sign-in here (OpenID Connect Core §4); `None` if the address is not one.
pub fn initiate_login(
    uri: &str,
    issuer: &Issuer,
    login_hint: Option<&str>,
    target_link_uri: Option<&str>,
) -> Option<String> {
    if !is_initiate_login_uri(uri) {
        return None;
    }
    let mut url = Url::parse(uri).ok()?;
    let given = [("iss", Some(issuer.as_str())), ("login_hint", login_hint), ("target_link_uri", target_link_uri)];
    url.query_pairs_mut().extend_pairs(given.into_iter().filter_map(|(name, value)| Some((name, value?))));
    Some(url.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    // OpenID Connect Core §4.
    #[test]
    fn the_client_learns_who_is_to_sign_the_person_in() {
        let issuer = Issuer::parse("https://login.example").unwrap();
        let begin = |uri| initiate_login(uri, &issuer, Some("a b"), None);
        let expected = "https://app.example/begin?a=1&iss=https%3A%2F%2Flogin.example&login_hint=a+b";
        assert_eq!(begin("https://app.example/begin?a=1").as_deref(), Some(expected));
        for wrong in ["http://app.example/", "javascript:alert(1)", "/begin", "https://app.example/#x", ""] {
            assert_eq!(begin(wrong), None, "{wrong}");
        }
    }
}
