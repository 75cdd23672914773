//! What the OpenID Foundation's conformance tests ask of a provider, asked here: `docs/certification.md` says which test covers what.

mod basic;
mod config;
mod dynamic;
mod front_channel;
mod logout;
mod suite;

pub(crate) use crate::world::CALLBACK;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

#[test]
fn every_test_that_the_checklist_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let checklist = std::fs::read_to_string(root.join("docs/certification.md")).unwrap();
    let rows: Vec<&str> =
        checklist.lines().filter(|line| line.starts_with("| oidcc-") || line.starts_with("| fapi2-")).collect();
    assert!(rows.len() > 110, "{} rows", rows.len());
    let tests = tests(&root);
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split('|').collect();
        let named: Vec<&str> = cells.last().unwrap().split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty() || cells.last().unwrap().contains("not offered"), "no test: {row}");
        for name in named {
            assert!(tests.contains(name), "no test is called {name}: {row}");
        }
    }
}

/// The names of all tests of this repository.
fn tests(root: &Path) -> BTreeSet<String> {
    let mut folders: Vec<PathBuf> = vec![root.join("crates")];
    let mut tests = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else if entry.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(entry).unwrap();
                let after = text.split("test]\n").skip(1);
                tests.extend(after.filter_map(|rest| Some(rest.split_once("fn ")?.1.split_once('(')?.0.to_owned())));
            }
        }
    }
    tests
}
