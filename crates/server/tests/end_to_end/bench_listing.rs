//! `firman bench listing` with a hundred thousand grants: the ratio is printed, and how the page is found is checked, not the clock.

use std::ffi::OsString;

use serde_json::Value;

use crate::support::cli::firman;

#[test]
fn a_person_s_page_is_found_by_an_index_however_many_grants_there_are() {
    let words = "bench listing --json --grants 10000,100000 --samples 300";
    let words: Vec<OsString> = words.split(' ').map(OsString::from).collect();
    let outcome = firman(&words, "");
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let size = |place: usize| ["grants", "people"].map(|name| report["sizes"][place][name].as_u64().unwrap());
    assert_eq!([size(0), size(1)], [[10_000, 1_000], [100_000, 10_000]]);
    for what in ["listing", "revoking"] {
        assert!(report["sizes"][1][what]["p99_us"].as_f64().unwrap() > 0.0, "{report}");
        eprintln!(
            "{what}, 10^5 grants against 10^4: p99 x {:.2}",
            report[format!("{what}_p99_ratio")].as_f64().unwrap()
        );
    }
    let plan = report["plan"].as_array().unwrap();
    let [step] = plan.as_slice() else { panic!("{plan:?}") };
    assert!(step.as_str().unwrap().contains("USING INDEX grants_subject"), "{step}");
}
