//! `firman bench listing`: what somebody sees of what they allowed, and withdraws, with few and with many grants of others in the table.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use firman_proto::id::{IssuerNumber, RecordId};
use firman_sql::{Options as Database, SqlStore, raw};
use firman_store::record::{Event, EventKind, Grant, RevokeReason, Subject};
use firman_store::{Change, GrantsOf, Page, Store};
use serde::Serialize;

use super::StoreBenchError;
use super::records::{NOW, People, done, event};
use crate::bench::latency::Latencies;
use crate::cli::table;
use crate::progress::Progress;

/// The page that people see first.
const PAGE: u32 = 50;
/// How often the sizes take turns; medians are shown.
const ROUNDS: usize = 3;

/// What to measure.
pub(crate) struct Options {
    /// How many grants there are, in rising order; each in a database of its own.
    pub(crate) grants: Vec<usize>,
    /// How many of them each person has.
    pub(crate) each: usize,
    /// How many people are listed in each round; a tenth as many withdraw everything.
    pub(crate) samples: usize,
    /// Whether to show how far it is.
    pub(crate) progress: bool,
}

/// What was found.
#[derive(Serialize)]
pub(crate) struct Report {
    version: &'static str,
    sizes: Vec<Size>,
    /// With the most grants, as ratios to the fewest.
    listing_p50_ratio: f64,
    listing_p99_ratio: f64,
    revoking_p50_ratio: f64,
    revoking_p99_ratio: f64,
    /// How the database finds the page.
    plan: Vec<String>,
}

/// One number of grants.
#[derive(Serialize)]
struct Size {
    grants: usize,
    people: usize,
    listing: Times,
    revoking: Times,
}

/// Medians of the rounds.
#[derive(Serialize)]
struct Times {
    p50_us: f64,
    p99_us: f64,
}

/// One database.
struct Site {
    store: Arc<SqlStore>,
    people: People,
    /// Those whose grants are still live begin here.
    next: usize,
    listing: Vec<Latencies>,
    revoking: Vec<Latencies>,
}

/// Runs it, in a folder for its files.
pub(crate) async fn run(options: &Options, folder: &Path) -> Result<Report, StoreBenchError> {
    let progress = Progress::new((options.grants.len() * (ROUNDS + 1)) as u64, options.progress);
    let file = |count: usize| Database::new(format!("sqlite:{}", folder.join(format!("{count}.db")).display()));
    let mut sites = Vec::new();
    for &count in &options.grants {
        progress.say(format!("making {count} grants"));
        let store = SqlStore::open(file(count)).await?;
        let people = People::fill(&store, count, options.each, &|| progress.tick()).await?;
        sites.push(Site { store, people, next: 0, listing: Vec::new(), revoking: Vec::new() });
        progress.step();
    }
    for round in 1..=ROUNDS {
        for site in &mut sites {
            progress.say(format!("round {round}: {} grants", site.people.grants()));
            let listed = site.list(options.samples).await?;
            site.listing.push(listed);
            let revoked = site.revoke(options.samples.div_ceil(10)).await?;
            site.revoking.push(revoked);
            progress.step();
        }
    }
    let most = options.grants.last().copied().unwrap_or_default();
    let plan = raw::plan_of_a_persons_grants(&file(most)).map_err(StoreBenchError::Wrong)?;
    for site in &sites {
        site.store.close().await;
    }
    Ok(Report::of(&sites, plan))
}

impl Site {
    /// The first page of people in no order. Each is listed once before: what is measured is the store, not how soon a disk brings
    /// what nobody has looked at for long.
    async fn list(&self, samples: usize) -> Result<Latencies, StoreBenchError> {
        let chosen: Vec<&Subject> = (0..samples).filter_map(|_| self.people.any()).collect();
        for person in &chosen {
            self.page(person).await?;
        }
        let mut latencies = Latencies::new();
        for person in chosen {
            let began = Instant::now();
            let found = self.page(person).await?;
            latencies.record(began.elapsed());
            if found.is_empty() {
                return Err(StoreBenchError::Wrong("a person has nothing".to_owned()));
            }
        }
        Ok(latencies)
    }

    /// People withdraw all they have: the page, and one durable commit with an event for each.
    async fn revoke(&mut self, samples: usize) -> Result<Latencies, StoreBenchError> {
        let mut latencies = Latencies::new();
        for place in self.next..self.next + samples {
            // Where there are fewer people than that, there is nothing more to withdraw.
            let Some(person) = self.people.get(place).filter(|_| place < self.people.count()) else { break };
            let began = Instant::now();
            let live = self.page(person).await?.into_iter().filter(|grant| grant.is_live(NOW));
            let changes: Vec<Change> = live.flat_map(|grant| revocation(&grant)).collect();
            if changes.is_empty() {
                return Err(StoreBenchError::Wrong("a person has nothing to withdraw".to_owned()));
            }
            done(&*self.store, changes).await?;
            latencies.record(began.elapsed());
        }
        self.next += samples;
        Ok(latencies)
    }

    async fn page(&self, person: &Subject) -> Result<Vec<Grant>, StoreBenchError> {
        let of = GrantsOf::Subject(person.key(IssuerNumber(0)));
        Ok(self.store.grants(of, Page::first(PAGE)).await?)
    }
}

fn revocation(grant: &Grant) -> [Change; 2] {
    let event = Event { client: Some(grant.client), ..event(EventKind::GrantRevoked, grant.id) };
    let id: RecordId = grant.id;
    [Change::RevokeGrant { id, reason: RevokeReason::Subject, now: NOW }, Change::Append(Box::new(event))]
}

impl Report {
    fn of(sites: &[Site], plan: Vec<String>) -> Self {
        let sizes: Vec<Size> = sites.iter().map(Size::of).collect();
        let ratio = |of: fn(&Size) -> f64| match (sizes.first(), sizes.last()) {
            (Some(few), Some(many)) => of(many) / of(few).max(1e-9),
            _ => 0.0,
        };
        Self {
            version: env!("CARGO_PKG_VERSION"),
            listing_p50_ratio: ratio(|size| size.listing.p50_us),
            listing_p99_ratio: ratio(|size| size.listing.p99_us),
            revoking_p50_ratio: ratio(|size| size.revoking.p50_us),
            revoking_p99_ratio: ratio(|size| size.revoking.p99_us),
            sizes,
            plan,
        }
    }

    /// A table and what stands below it.
    pub(crate) fn text(&self) -> String {
        let head = ["GRANTS", "PEOPLE", "LIST P50", "LIST P99", "WITHDRAW P50", "WITHDRAW P99"];
        let millis = |micros: f64| format!("{:.3} ms", micros / 1e3);
        let row = |size: &Size| {
            let times = [&size.listing, &size.revoking].map(|times| [millis(times.p50_us), millis(times.p99_us)]);
            [vec![size.grants.to_string(), size.people.to_string()], times.concat()].concat()
        };
        format!(
            "{}\n\n\
             LIST is the first page of what somebody allowed, WITHDRAW that page and one durable commit that revokes all of it, with an\n\
             event for each. One at a time, people in no order, the sizes in turns; what is listed is in memory; medians of {ROUNDS} rounds.\n\
             The most grants against the fewest: list p50 x {:.2}, p99 x {:.2}; withdraw p50 x {:.2}, p99 x {:.2}\n\
             The page is found by: {}",
            table(&head, &self.sizes.iter().map(row).collect::<Vec<_>>()),
            self.listing_p50_ratio,
            self.listing_p99_ratio,
            self.revoking_p50_ratio,
            self.revoking_p99_ratio,
            self.plan.join("; "),
        )
    }
}

impl Size {
    fn of(site: &Site) -> Self {
        Self {
            grants: site.people.grants(),
            people: site.people.count(),
            listing: Times::of(&site.listing),
            revoking: Times::of(&site.revoking),
        }
    }
}

impl Times {
    fn of(rounds: &[Latencies]) -> Self {
        Self { p50_us: median(rounds, 0.5), p99_us: median(rounds, 0.99) }
    }
}

fn median(rounds: &[Latencies], share: f64) -> f64 {
    let mut figures: Vec<f64> =
        rounds.iter().filter(|round| round.count() > 0).map(|round| round.quantile(share)).collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(0.0)
}
