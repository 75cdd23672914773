//! The keys that tokens are verified with.

use firman_proto::jose::{Alg, Jwks};
use serde_json::Value;

use super::Report;
use super::wire::Wire;

/// Keys that are kept longer are kept when new ones are signed with.
const LONGEST_KEPT: u64 = 86_400;

pub(super) fn look(report: &mut Report, document: &Value, wire: &Wire) {
    let Some(url) = document.get("jwks_uri").and_then(Value::as_str) else { return };
    let answer = match wire.get(url) {
        Ok(answer) if answer.status == 200 => answer,
        Ok(answer) => return unreadable(report, format!("{url}: answers {}", answer.status)),
        Err(why) => return unreadable(report, format!("{url}: {why}")),
    };
    let keys = match Jwks::parse(answer.body.as_bytes()) {
        Ok(keys) => keys,
        Err(why) => return unreadable(report, format!("{url}: {why}")),
    };
    report.expect(
        !keys.keys().is_empty(),
        "keys",
        format!("{} keys", keys.keys().len()),
        "firman key list shows what is wrong",
    );
    let told = document.get("id_token_signing_alg_values_supported").and_then(Value::as_array);
    for name in told.into_iter().flatten().filter_map(Value::as_str) {
        let there = Alg::parse(name).is_some_and(|alg| keys.keys().iter().any(|key| key.suits(alg)));
        report.expect(
            there,
            "key",
            format!("{name} is advertised, and there is a key for it: {there}"),
            "restart the server",
        );
    }
    let max_age = answer.header("cache-control").split(',').find_map(|word| word.trim().strip_prefix("max-age="));
    match max_age.map(str::parse::<u64>) {
        Some(Ok(seconds)) if seconds <= LONGEST_KEPT => report.good("key-cache", format!("kept for {seconds} s")),
        _ => report.warn(
            "key-cache",
            format!("Cache-Control {:?}", answer.header("cache-control")),
            "let nothing rewrite Cache-Control here: clients that keep keys for too long refuse new tokens",
        ),
    }
}

fn unreadable(report: &mut Report, what: String) {
    report.wrong(
        "keys",
        what,
        "without keys no client can verify a token: the proxy must pass this address on unchanged",
    );
}
