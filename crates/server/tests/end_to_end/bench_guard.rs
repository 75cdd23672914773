//! `firman bench guard`, as short as it can be: that it measures what it says, not how fast.

use std::ffi::OsString;

use serde_json::Value;

use crate::support::cli::firman;

#[test]
fn a_benchmark_of_the_guard_measures_every_kind_of_token_and_every_revocation() {
    let words = "bench guard --json --lenient --seconds 1 --rounds 1 --tokens 100 --revocations 300";
    let words: Vec<OsString> = words.split(' ').map(OsString::from).collect();
    let outcome = firman(&words, "");
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let routes = report["routes"].as_array().unwrap();
    assert_eq!(routes.len(), 6);
    for route in routes {
        let ratio = route["ratio"].as_f64().unwrap();
        assert!(ratio > 0.0 && route["unguarded_requests_per_second"].as_f64().unwrap() > 0.0, "{route}");
    }
    let feed = report["feed"].as_array().unwrap();
    assert_eq!(feed.iter().map(|line| line["outstanding"].as_u64()).collect::<Vec<_>>(), [Some(0), Some(300)]);
    for line in feed {
        assert_eq!(line["tokens"].as_u64(), Some(100), "{line}");
        let of = |member: &str| line[member].as_f64().unwrap();
        assert!(0.0 < of("p50_ms") && of("p50_ms") <= of("p99_ms") && of("p99_ms") <= of("longest_ms"), "{line}");
        assert!(of("guard_rss_anon_kib") > 0.0 && of("server_rss_anon_kib") > 0.0, "{line}");
    }
}
