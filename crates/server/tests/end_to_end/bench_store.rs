//! `firman bench store`, as short as it can be: that it measures what it says, not how fast.

use std::ffi::OsString;

use serde_json::Value;

use crate::support::cli::firman;

const REFUSED: Option<i32> = Some(5);

#[test]
fn a_benchmark_of_the_store_measures_every_side_and_wants_a_database_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("--url=sqlite:{}", folder.path().join("bench.db").display());
    let words = "bench store --json --grants 1000,2000 --in-flight 4 --seconds 1 --refreshes 3000 --purge 5000";
    let words: Vec<OsString> = words.split(' ').chain([&*url]).map(OsString::from).collect();
    let outcome = firman(&words, "");
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap();

    let points = report["points"].as_array().unwrap();
    assert_eq!(points.iter().map(|points| points["grants"].as_u64()).collect::<Vec<_>>(), [Some(1000), Some(2000)]);
    for points in points {
        for side in ["reads", "raw_reads", "merged", "unmerged", "raw_commits"] {
            assert!(points[side]["per_second"].as_f64().unwrap() > 0.0, "{side}: {points}");
        }
    }
    assert!((200.0..2_000.0).contains(&report["sizes"][1]["bytes_per_grant"].as_f64().unwrap()), "{report}");
    assert_eq!(report["growth"]["rows_before"], report["growth"]["rows_after"]);
    assert_eq!((report["purge"]["short_lived"].as_u64(), report["purge"]["purged"].as_u64()), (Some(5000), Some(1000)));

    let again = firman(&words, "");
    assert_eq!(again.code, REFUSED, "{}", again.stderr);
    assert!(again.stderr.contains("not empty"), "{}", again.stderr);
}
