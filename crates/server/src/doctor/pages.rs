//! The pages on which people type passwords: what keeps them from being framed, kept and looked into.

use axum::http::header::SET_COOKIE;
use serde_json::Value;
use url::Url;

use super::Report;
use super::wire::{Answer, Wire};

const PASS_ON: &str = "let nothing in front of the server take away or rewrite its security headers";

pub(super) fn look(report: &mut Report, issuer: &Url, document: &Value, wire: &Wire) {
    let Some(url) = document.get("authorization_endpoint").and_then(Value::as_str) else { return };
    // A request without a client ends on a page of our own.
    let page = match wire.get(url) {
        Ok(answer) => answer,
        Err(why) => return report.wrong("page", format!("{url}: {why}"), PASS_ON),
    };
    let shown = page.status == 400 && page.header("content-type").starts_with("text/html");
    report.expect(
        shown && page.header("location").is_empty(),
        "page",
        format!("{url}: a request of nobody's gets {}", page.status),
        "the proxy must pass this address on, and show the server's own pages",
    );
    let policy = page.header("content-security-policy");
    let framed_by_nobody =
        policy.contains("frame-ancestors 'none'") || page.header("x-frame-options").eq_ignore_ascii_case("deny");
    report.expect(framed_by_nobody, "clickjacking", "no other site can put the page into a frame", PASS_ON);
    report.expect(policy.contains("default-src 'none'"), "csp", format!("Content-Security-Policy {policy:?}"), PASS_ON);
    report.expect(page.header("x-content-type-options") == "nosniff", "nosniff", "types are not guessed", PASS_ON);
    let referrer = page.header("referrer-policy");
    report.expect(referrer == "no-referrer", "referrer", format!("Referrer-Policy {referrer:?}"), PASS_ON);
    report.expect(page.is_kept_by_nobody(), "no-store", "the page is kept by nobody", PASS_ON);
    report.expect(
        page.header("access-control-allow-origin").is_empty(),
        "cors-pages",
        "scripts of other origins read no page",
        "take Access-Control-Allow-Origin off the pages: the server sets it where it belongs",
    );
    let https = issuer.scheme() == "https";
    if https && page.header("strict-transport-security").is_empty() {
        report.warn(
            "hsts",
            "there is no Strict-Transport-Security",
            "let the server write it (it does where it knows of TLS: server.trust_forwarded_proto), or the proxy",
        );
    }
    cookies(report, &page, https);
}

fn cookies(report: &mut Report, page: &Answer, https: bool) {
    let cookies: Vec<_> = page.headers.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok()).collect();
    if cookies.is_empty() {
        return report.wrong("cookies", "the page sets no cookie", "the proxy must pass Set-Cookie back");
    }
    for cookie in cookies {
        let name = cookie.split('=').next().unwrap_or_default();
        let has = |wanted: &str| cookie.split(';').skip(1).any(|word| word.trim().eq_ignore_ascii_case(wanted));
        let bound = !https || (has("Secure") && name.starts_with("__Host-") && has("Path=/"));
        let closed = has("HttpOnly") && (has("SameSite=Lax") || has("SameSite=Strict"));
        report.expect(
            bound && closed && !cookie.to_ascii_lowercase().contains("domain="),
            "cookies",
            format!("{name} is for this host alone, and for no script"),
            "let the server know of TLS (server.trust_forwarded_proto, or an https issuer), and the proxy rewrite no cookie",
        );
    }
}
