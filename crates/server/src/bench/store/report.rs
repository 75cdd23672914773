//! What a run found, for people and for scripts.

use std::fmt::Write as _;

use serde::Serialize;

use super::Options;
use super::growth::Growth;
use super::points::{Points, Rate};
use super::purge::Purge;
use super::side::UNMERGED;
use crate::cli::table;

/// A whole run.
#[derive(Serialize)]
pub(crate) struct Report {
    version: &'static str,
    database: Engine,
    seconds: f64,
    /// Connections of the sides that merge nothing.
    unmerged_connections: usize,
    sizes: Vec<Size>,
    points: Vec<Points>,
    growth: Option<Growth>,
    purge: Option<Purge>,
    #[serde(skip)]
    empty: u64,
}

/// Which kind of database.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
enum Engine {
    Sqlite,
    Postgres,
    Mariadb,
}

#[derive(Serialize)]
struct Size {
    grants: usize,
    bytes: u64,
    bytes_per_grant: f64,
}

impl Report {
    /// Of a database that takes so many bytes while it is empty.
    pub(super) fn new(options: &Options, empty: u64) -> Self {
        let database = match options.database.url.split_once(':').map(|(scheme, _)| scheme) {
            Some("sqlite") => Engine::Sqlite,
            Some("mysql" | "mariadb") => Engine::Mariadb,
            _ => Engine::Postgres,
        };
        Self {
            version: env!("CARGO_PKG_VERSION"),
            database,
            seconds: options.time.as_secs_f64(),
            unmerged_connections: UNMERGED,
            sizes: Vec::new(),
            points: Vec::new(),
            growth: None,
            purge: None,
            empty,
        }
    }

    #[allow(clippy::cast_precision_loss, reason = "an average")]
    pub(super) fn size(&mut self, grants: usize, bytes: u64) {
        let bytes_per_grant = bytes.saturating_sub(self.empty) as f64 / grants.max(1) as f64;
        self.sizes.push(Size { grants, bytes, bytes_per_grant });
    }

    pub(super) fn points(&mut self, points: Points) {
        self.points.push(points);
    }

    pub(super) fn growth(&mut self, growth: Growth) {
        self.growth = Some(growth);
    }

    pub(super) fn purge(&mut self, purge: Purge) {
        self.purge = Some(purge);
    }

    /// Tables and what stands below them.
    pub(crate) fn text(&self) -> String {
        let reads = ["GRANTS", "IN FLIGHT", "READS/S", "P50", "P99", "DRIVER", "/ DRIVER"];
        let commits =
            ["GRANTS", "IN FLIGHT", "COMMITS/S", "P50", "P99", "UNMERGED", "/ UNMERGED", "DRIVER", "/ DRIVER"];
        let mut text = format!(
            "{}\n\n{}\n",
            table(&reads, &self.points.iter().map(Points::reads).collect::<Vec<_>>()),
            table(&commits, &self.points.iter().map(Points::commits).collect::<Vec<_>>()),
        );
        for line in self.notes() {
            // Writing to a string does not fail.
            let _ = write!(text, "\n{line}");
        }
        text
    }

    fn notes(&self) -> Vec<String> {
        let connections = match self.database {
            Engine::Sqlite => "one connection".to_owned(),
            Engine::Postgres | Engine::Mariadb => format!("{UNMERGED} connections"),
        };
        let mut notes = vec![format!(
            "\
A commit is the rotation of one grant, durable before it is answered; a read is a grant with all that its life depends on.
UNMERGED is the same store with batches of one, DRIVER the database's driver alone with the same statements, prepared, each
committing by itself; both write over {connections}. Medians of three rounds, {:.0} s for each figure.",
            self.seconds
        )];
        notes.extend(self.sizes.iter().map(|size| {
            let Size { grants, bytes, bytes_per_grant } = size;
            format!("{grants} grants: {} MiB, {bytes_per_grant:.0} bytes for each", bytes / 1_048_576)
        }));
        notes.extend(self.scale());
        notes.extend(self.growth.as_ref().map(Growth::text));
        notes.extend(self.purge.as_ref().map(Purge::text));
        notes
    }

    /// What of the speed is left with the most grants.
    fn scale(&self) -> Vec<String> {
        let (Some(few), Some(many)) = (self.sizes.first(), self.sizes.last()) else { return Vec::new() };
        let of = |grants, in_flight| {
            self.points.iter().find(move |points| points.grants == grants && points.in_flight == in_flight)
        };
        let largest = self.points.iter().filter(|points| points.grants == many.grants && few.grants != many.grants);
        let line = |points: &Points| {
            let before = of(few.grants, points.in_flight)?;
            Some(format!(
                "{} in flight, {} grants against {}: reads x {:.2}, commits x {:.2}",
                points.in_flight,
                many.grants,
                few.grants,
                points.reads.over(before.reads),
                points.merged.over(before.merged),
            ))
        };
        largest.filter_map(line).collect()
    }
}

impl Points {
    fn reads(&self) -> Vec<String> {
        let mut cells = self.begin(self.reads);
        cells.extend(compared(self.reads, self.raw_reads));
        cells
    }

    fn commits(&self) -> Vec<String> {
        let mut cells = self.begin(self.merged);
        cells.extend(compared(self.merged, self.unmerged));
        cells.extend(compared(self.merged, self.raw_commits));
        cells
    }

    fn begin(&self, rate: Rate) -> Vec<String> {
        let latency = |micros: f64| format!("{:.2} ms", micros / 1e3);
        let (rounded, p50, p99) = (format!("{:.0}", rate.per_second), latency(rate.p50_us), latency(rate.p99_us));
        vec![self.grants.to_string(), self.in_flight.to_string(), rounded, p50, p99]
    }
}

fn compared(ours: Rate, other: Rate) -> [String; 2] {
    [format!("{:.0}", other.per_second), format!("{:.2}", ours.over(other))]
}

impl Rate {
    fn over(self, other: Self) -> f64 {
        self.per_second / other.per_second.max(1e-9)
    }
}

impl Growth {
    #[allow(clippy::cast_precision_loss, reason = "a ratio")]
    fn text(&self) -> String {
        format!(
            "{} refreshes of a thousand grants in {:.0} s: rows {} -> {}, bytes {} -> {}, x {:.2}",
            self.refreshes,
            self.seconds,
            self.rows_before,
            self.rows_after,
            self.bytes_before,
            self.bytes_after,
            self.bytes_after as f64 / self.bytes_before.max(1) as f64,
        )
    }
}

impl Purge {
    fn text(&self) -> String {
        let millis = |micros: f64| micros / 1e3;
        format!(
            "Purge of {} of {} short-lived records in {:.1} s beside 8 commits in flight: p99 {:.2} ms, quiet {:.2} ms, \
             x {:.2}; longest {:.0} ms, quiet {:.0} ms",
            self.purged,
            self.short_lived,
            self.seconds,
            millis(self.purging_p99_us),
            millis(self.quiet_p99_us),
            self.purging_p99_us / self.quiet_p99_us.max(1e-9),
            millis(self.longest_us),
            millis(self.quiet_longest_us),
        )
    }
}
