//! Looks at a running server from outside, as its clients see it: what is wrong, and what would cure it.
//!
//! Nothing that is sent does anything: no request has credentials, and each is incomplete.

mod documents;
mod endpoints;
mod keys;
mod pages;
mod transport;
mod wire;

use firman_proto::time::Timestamp;
use serde::Serialize;
use url::Url;

pub(crate) use wire::Wire;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// As it should be.
    Good,
    /// It works, and could be better or soon be worse.
    Warning,
    /// Clients or people will have trouble, or somebody else an opportunity.
    Wrong,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Finding {
    pub(crate) level: Level,
    /// What was looked at, in one word that stays the same.
    pub(crate) check: &'static str,
    /// What was seen.
    pub(crate) what: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cure: Option<&'static str>,
}

/// Everything that was looked at.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) issuer: String,
    pub(crate) findings: Vec<Finding>,
}

impl Report {
    pub(crate) fn count(&self, level: Level) -> usize {
        self.findings.iter().filter(|finding| finding.level == level).count()
    }

    fn good(&mut self, check: &'static str, what: impl Into<String>) {
        self.findings.push(Finding { level: Level::Good, check, what: what.into(), cure: None });
    }

    fn warn(&mut self, check: &'static str, what: impl Into<String>, cure: &'static str) {
        self.findings.push(Finding { level: Level::Warning, check, what: what.into(), cure: Some(cure) });
    }

    fn wrong(&mut self, check: &'static str, what: impl Into<String>, cure: &'static str) {
        self.findings.push(Finding { level: Level::Wrong, check, what: what.into(), cure: Some(cure) });
    }

    /// Good if it holds, wrong if not.
    fn expect(&mut self, holds: bool, check: &'static str, what: impl Into<String>, cure: &'static str) {
        if holds { self.good(check, what) } else { self.wrong(check, what, cure) }
    }
}

/// Examines the server of an issuer.
pub(crate) fn examine(issuer: &Url, wire: &Wire, clock: &dyn Fn() -> Timestamp) -> Report {
    let text = issuer.as_str().trim_end_matches('/').to_owned();
    let mut report = Report { issuer: text, findings: Vec::new() };
    transport::look(&mut report, issuer, wire, clock);
    // Without a document there is nothing to look for.
    let Some(document) = documents::look(&mut report, issuer, wire, clock) else { return report };
    endpoints::look(&mut report, &document, wire);
    keys::look(&mut report, &document, wire);
    pages::look(&mut report, issuer, &document, wire);
    report
}
