//! Every endpoint that is advertised answers as it should to a request that does nothing.

use axum::http::Method;
use serde_json::Value;

use super::Report;
use super::wire::{Answer, ORIGIN, Wire};

const PASS_ON: &str = "the proxy must pass this address on to the server, with every method and header";
const BROKEN: &str = "look at the log of the server: it has the incident number of the answer";

pub(super) fn look(report: &mut Report, document: &Value, wire: &Wire) {
    let urls = document.as_object().into_iter().flatten().filter_map(|(name, value)| Some((name, value.as_str()?)));
    for (name, url) in urls.filter(|(name, _)| name.ends_with("_endpoint")) {
        match name.as_str() {
            // The page for people is looked at by itself.
            "authorization_endpoint" => {}
            "userinfo_endpoint" => userinfo(report, url, wire),
            "end_session_endpoint" => answers(report, name, url, wire.get(url), |_| true),
            "revocation_feed_endpoint" => answers(report, name, url, wire.get(url), |answer| answer.status == 401),
            // Nothing that could be registered.
            "registration_endpoint" => {
                let json = [("content-type", "application/json")];
                answers(report, name, url, wire.send(Method::POST, url, &json, Some("[]")), refuses);
            }
            _ => {
                answers(report, name, url, wire.post(url), refuses);
                kept_by_nobody(report, name, url, wire);
            }
        }
    }
    if let Some(url) = document.get("token_endpoint").and_then(Value::as_str) {
        preflight(report, url, wire);
        wrong_method(report, url, wire);
    }
}

/// An OAuth error in JSON.
fn refuses(answer: &Answer) -> bool {
    let error = answer.json().and_then(|body| body.get("error").and_then(Value::as_str).map(str::to_owned));
    matches!(answer.status, 400 | 401) && error.is_some_and(|error| error.starts_with("invalid_"))
}

fn answers(report: &mut Report, name: &str, url: &str, answer: Result<Answer, String>, good: impl Fn(&Answer) -> bool) {
    match answer {
        Err(why) => report.wrong("endpoint", format!("{name} {url}: {why}"), PASS_ON),
        Ok(answer) if answer.status >= 500 => {
            report.wrong("endpoint", format!("{name} {url}: answers {}", answer.status), BROKEN);
        }
        Ok(answer) => {
            let good = answer.status != 404 && answer.status != 405 && good(&answer);
            report.expect(good, "endpoint", format!("{name} {url}: answers {}", answer.status), PASS_ON);
        }
    }
}

/// RFC 6749 §5.1, §5.2: what has or could have had secrets in it is kept by nobody.
fn kept_by_nobody(report: &mut Report, name: &str, url: &str, wire: &Wire) {
    let Ok(answer) = wire.post(url) else { return };
    report.expect(
        answer.is_kept_by_nobody(),
        "no-store",
        format!("{name}: Cache-Control {:?}", answer.header("cache-control")),
        "let nothing in front of the server rewrite Cache-Control, and no cache keep answers of this address",
    );
}

/// RFC 6750 §3: without a token there is a challenge.
fn userinfo(report: &mut Report, url: &str, wire: &Wire) {
    let challenged = |answer: &Answer| answer.status == 401 && answer.header("www-authenticate").starts_with("Bearer");
    answers(report, "userinfo_endpoint", url, wire.get(url), challenged);
    // A proxy that looks at Authorization itself answers another thing to a token of nobody's.
    let token = [("authorization", "Bearer nobody")];
    let reached = |answer: &Answer| answer.header("www-authenticate").contains("invalid_token");
    let cure = "the proxy must pass Authorization on, and WWW-Authenticate back";
    match wire.send(Method::GET, url, &token, None) {
        Ok(answer) => report.expect(
            reached(&answer),
            "authorization",
            format!("userinfo answers {} to a wrong token", answer.status),
            cure,
        ),
        Err(why) => report.wrong("authorization", why, cure),
    }
}

/// Apps in browsers ask across origins, and first whether they may.
fn preflight(report: &mut Report, url: &str, wire: &Wire) {
    let asked = [
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "authorization,content-type,dpop"),
    ];
    let cure = "let the proxy pass OPTIONS on, and neither take away nor add Access-Control headers";
    let Ok(answer) = wire.send(Method::OPTIONS, url, &asked, None) else {
        return report.wrong("cors", "no answer to OPTIONS at the token endpoint", cure);
    };
    let allowed = |name: &str, wanted: &str| {
        let words = answer.header(name).to_ascii_lowercase();
        words.split(',').any(|word| word.trim() == "*" || word.trim() == wanted)
    };
    let good = (200..300).contains(&answer.status)
        && allowed("access-control-allow-origin", ORIGIN)
        && ["authorization", "content-type", "dpop"].iter().all(|name| allowed("access-control-allow-headers", name));
    report.expect(
        good,
        "cors",
        format!("the token endpoint answers {} to a script that asks first", answer.status),
        cure,
    );
    report.expect(
        answer.header("access-control-allow-credentials").is_empty(),
        "cors-credentials",
        "scripts of other origins send no cookies",
        "take Access-Control-Allow-Credentials out of the proxy: nothing here needs cookies from elsewhere",
    );
}

fn wrong_method(report: &mut Report, url: &str, wire: &Wire) {
    let cure = "a token endpoint that answers GET lets secrets get into logs: let the server answer, not the proxy";
    match wire.get(url) {
        Ok(answer) => report.expect(
            answer.status == 405,
            "methods",
            format!("GET at the token endpoint: {}", answer.status),
            cure,
        ),
        Err(why) => report.wrong("methods", why, cure),
    }
}
