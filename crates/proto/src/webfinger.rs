//! Which issuer signs somebody in: WebFinger (RFC 7033), as far as OpenID Connect Discovery §2 asks for it.

use serde_json::{Value, json};
use url::Url;

use crate::issuer::Issuer;

/// Where it is asked: at the root of the host, wherever the issuer is.
pub const PATH: &str = "/.well-known/webfinger";

/// The media type of the answer (RFC 7033 §10.2).
pub const MEDIA_TYPE: &str = "application/jrd+json";

/// OpenID Connect Discovery §2: what is asked about.
const REL: &str = "http://openid.net/specs/connect/1.0/issuer";

/// What is told of a resource; `None` for one of another host. Whether there is such an account is nobody's business here.
///
/// `rels` are the relations asked for; none means all (RFC 7033 §4.3).
pub fn answer<'r>(issuer: &Issuer, resource: &str, rels: impl IntoIterator<Item = &'r str>) -> Option<Value> {
    let own = Url::parse(issuer.as_str()).ok()?;
    let host = own.host_str()?;
    let authority = authority_of(&own)?;
    let asked = if let Some(account) = resource.strip_prefix("acct:") {
        // RFC 7565 §7: what follows the last at sign.
        account.rsplit_once('@').filter(|(user, _)| !user.is_empty())?.1.to_ascii_lowercase()
    } else {
        let url = Url::parse(resource).ok().filter(|url| matches!(url.scheme(), "https" | "http"))?;
        authority_of(&url)?
    };
    if asked != authority && asked != host {
        return None;
    }
    let mut rels = rels.into_iter().peekable();
    let wanted = rels.peek().is_none() || rels.any(|rel| rel == REL);
    let links = if wanted { json!([{"rel": REL, "href": issuer.as_str()}]) } else { json!([]) };
    Some(json!({"subject": resource, "links": links}))
}

/// The host, and the port where it is not the usual one.
fn authority_of(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    // OpenID Connect Discovery §2, RFC 7033 §4.3, RFC 7565 §7.
    #[test]
    fn whoever_has_an_address_here_is_signed_in_here() {
        let issuer = Issuer::parse("https://id.example:8443/tenant").unwrap();
        for resource in [
            "acct:joe@id.example",
            "acct:joe%40mail.example@ID.example",
            "acct:joe@id.example:8443",
            "https://id.example/joe",
            "https://id.example:8443/",
        ] {
            let told = answer(&issuer, resource, []).unwrap_or_else(|| panic!("{resource}"));
            assert_eq!((&told["subject"], &told["links"][0]["href"]), (&json!(resource), &json!(issuer.as_str())));
            assert_eq!(answer(&issuer, resource, [REL, "x"]), Some(told));
            assert_eq!(answer(&issuer, resource, ["x"]).unwrap()["links"], json!([]));
        }
        for other in [
            "",
            "joe",
            "acct:joe",
            "acct:@id.example",
            "acct:joe@other.example",
            "https://other.example/",
            "mailto:joe@id.example",
        ] {
            assert_eq!(answer(&issuer, other, []), None, "{other}");
        }
    }
}
