//! The discovery documents: where they are, whose they are, and what time it is there.

use std::time::UNIX_EPOCH;

use firman_proto::metadata::path;
use firman_proto::time::Timestamp;
use serde_json::Value;
use url::Url;

use super::Report;
use super::wire::{Answer, Wire};

/// A clock that is further off makes fresh tokens look expired, or not valid yet.
const FAR_OFF: i64 = 30_000;
/// One that is this far off is not looked after.
const OFF: i64 = 5_000;

/// The members without which clients cannot begin.
const NEEDED: [&str; 4] = ["authorization_endpoint", "token_endpoint", "jwks_uri", "response_types_supported"];

/// The document that clients find first; `None` if there is none.
pub(super) fn look(report: &mut Report, issuer: &Url, wire: &Wire, clock: &dyn Fn() -> Timestamp) -> Option<Value> {
    let home = report.issuer.clone();
    let first = format!("{home}{}", path::OPENID_CONFIGURATION);
    let answer = match wire.get(&first) {
        Ok(answer) => answer,
        Err(why) => {
            report.wrong(
                "reach",
                format!("{first}: {why}"),
                "is the server running, is the name right, and does a firewall or proxy let this through?",
            );
            return None;
        }
    };
    time(report, &answer, clock());
    let Some(document) = answer.json().filter(|document| answer.status == 200 && document.is_object()) else {
        report.wrong(
            "discovery",
            format!("{first}: answers {} and no JSON document", answer.status),
            "the proxy must pass everything below the issuer on to the server, with its path unchanged",
        );
        return None;
    };
    whose(report, &home, &first, &document);
    elsewhere(report, issuer, wire, &document);
    members(report, issuer, &document);
    report.expect(
        answer.header("access-control-allow-origin") == "*",
        "cors-discovery",
        "scripts of other origins may read the document",
        "pass Access-Control-Allow-Origin of the server on; apps in browsers need the document",
    );
    Some(document)
}

fn whose(report: &mut Report, home: &str, url: &str, document: &Value) {
    let issuer = document.get("issuer").and_then(Value::as_str).unwrap_or_default();
    // OpenID Connect Discovery §4.3, RFC 8414 §3.3: compared as texts.
    report.expect(
        issuer == home,
        "issuer",
        format!("{url} is of {issuer:?}"),
        "server.issuer must be the very address that clients use: same scheme, name, port and path, no slash at the end",
    );
}

/// RFC 8414 §3.1, OpenID Connect Discovery §4: clients try three addresses.
fn elsewhere(report: &mut Report, issuer: &Url, wire: &Wire, document: &Value) {
    let origin = issuer.origin().ascii_serialization();
    let path = issuer.path().trim_end_matches('/');
    let mut addresses = vec![format!("{origin}{}{path}", path::OAUTH_SERVER)];
    if !path.is_empty() {
        addresses.push(format!("{origin}{}{path}", path::OPENID_CONFIGURATION));
    }
    for address in addresses {
        let same = wire.get(&address).is_ok_and(|answer| answer.json().as_ref() == Some(document));
        report.expect(
            same,
            "well-known",
            format!("{address} has {} document", if same { "the same" } else { "not the same" }),
            "pass /.well-known/ of the name itself on to the server, too: clients look there if the issuer has a path",
        );
    }
}

fn members(report: &mut Report, issuer: &Url, document: &Value) {
    let missing: Vec<_> = NEEDED.into_iter().filter(|name| document.get(name).is_none()).collect();
    if !missing.is_empty() {
        report.wrong("members", format!("{} missing", missing.join(", ")), "is this an OpenID provider at all?");
    }
    let urls = document.as_object().into_iter().flatten().filter_map(|(name, value)| Some((name, value.as_str()?)));
    let elsewhere: Vec<_> = urls
        .filter(|(name, _)| name.ends_with("_endpoint") || *name == "jwks_uri")
        .filter(|(_, url)| Url::parse(url).map_or(true, |url| url.origin() != issuer.origin()))
        .map(|(name, url)| format!("{name} {url}"))
        .collect();
    report.expect(
        elsewhere.is_empty(),
        "addresses",
        if elsewhere.is_empty() {
            "every address is below the issuer's origin".to_owned()
        } else {
            elsewhere.join(", ")
        },
        "set server.issuer to the public address: all others follow from it",
    );
}

fn time(report: &mut Report, answer: &Answer, now: Timestamp) {
    let cure = "let the machine keep its time by NTP; or look at the clock of this one";
    let date = httpdate::parse_http_date(answer.header("date")).ok();
    let Some(theirs) = date.and_then(|date| date.duration_since(UNIX_EPOCH).ok()) else {
        return report.warn("clock", "there is no Date header", "let the proxy pass Date on, or write it");
    };
    // Whole seconds, of a moment ago.
    let off = now.millis().saturating_sub(i64::try_from(theirs.as_millis()).unwrap_or(i64::MAX));
    let what = format!("its clock and this one differ by {} s", off / 1000);
    match off.abs() {
        FAR_OFF.. => report.wrong("clock", what, cure),
        OFF.. => report.warn("clock", what, cure),
        _ => report.good("clock", what),
    }
}
