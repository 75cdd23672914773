//! The worker that empties the outbox: several deliveries at a time, none of which holds up those that go elsewhere.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use firman_engine::outbox::{self, Deliver, Letter, Outcome, Taken};
use firman_engine::{Clock, Engine, Fault};
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::record::{Delivery, DeliveryKind, DeliveryState};
use futures_util::future::join_all;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::metrics::Metrics;

/// How often what is due is looked for: retries, and what other nodes left behind. What this node puts in is seen at once.
const LOOK: Duration = Duration::from_secs(2);
/// How many that are due are looked at, for each that can be under way.
const WINDOW: u32 = 8;
/// Of those that can be under way, one place may have one in so many.
const SHARE: usize = 4;
/// Where nobody answered, nothing else is sent for so long.
const SILENCE: Lifetime = Lifetime::from_seconds(30);

/// Whoever delivers.
pub struct Courier {
    engine: Arc<Engine>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    ways: HashMap<DeliveryKind, Arc<dyn Deliver>>,
    at_once: usize,
    places: Mutex<HashMap<Place, Standing>>,
}

/// What goes to one place goes in turn.
type Place = (DeliveryKind, String);

/// What is known of a place while something is under way to it, or soon after nobody answered there.
#[derive(Default)]
struct Standing {
    under_way: usize,
    silent_until: Option<Timestamp>,
}

impl Courier {
    /// Delivers in these ways, at most so many at once.
    pub fn new(
        engine: Arc<Engine>,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
        ways: Vec<Arc<dyn Deliver>>,
        at_once: usize,
    ) -> Arc<Self> {
        let ways = ways.into_iter().map(|way| (way.kind(), way)).collect();
        Arc::new(Self { engine, clock, metrics, ways, at_once: at_once.max(1), places: Mutex::default() })
    }

    /// Delivers what is due until `stop` completes, and then finishes what has begun.
    pub async fn run(self: Arc<Self>, stop: impl Future<Output = ()>) {
        let mut stop = std::pin::pin!(stop);
        let mut ticks = tokio::time::interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut under_way, mut more) = (JoinSet::new(), false);
        loop {
            tokio::select! {
                () = &mut stop => break,
                () = self.engine.outbox_rings() => {}
                _ = ticks.tick() => {}
                Some(_) = under_way.join_next(), if !under_way.is_empty() => if !more { continue },
            }
            match self.send_out(&mut under_way).await {
                Ok(is_more) => more = is_more,
                Err(fault) => tracing::warn!(%fault, "cannot look into the outbox"),
            }
        }
        while under_way.join_next().await.is_some() {}
    }

    /// Begins what is due and can be; tells whether there may be more.
    async fn send_out(self: &Arc<Self>, under_way: &mut JoinSet<()>) -> Result<bool, Fault> {
        let room = self.at_once.saturating_sub(under_way.len());
        if room == 0 {
            return Ok(true);
        }
        let (now, window) = (self.clock.now(), u32::try_from(self.at_once).unwrap_or(u32::MAX).saturating_mul(WINDOW));
        let due = outbox::due(&self.engine, window, now).await?;
        let (mut chosen, mut silent, all) = (Vec::new(), Vec::new(), due.len());
        for delivery in due {
            match self.enter(&delivery, now) {
                Entry::Silent => silent.push(delivery),
                Entry::Go if chosen.len() < room => chosen.push(delivery),
                Entry::Go => self.leave(&place(&delivery)),
                Entry::Full => {}
            }
        }
        let more = chosen.len() + silent.len() < all || all >= window as usize;
        for put_off in join_all(silent.iter().map(|delivery| outbox::put_off(&self.engine, delivery, now))).await {
            put_off?;
        }
        // Taken before anything else is looked for, so that nothing is seen twice.
        let taken = join_all(chosen.iter().map(|delivery| outbox::take(&self.engine, delivery, now))).await;
        for (delivery, taken) in chosen.into_iter().zip(taken) {
            match taken {
                Ok(Taken::Letter(letter)) => {
                    under_way.spawn(Arc::clone(self).carry(letter));
                    continue;
                }
                Ok(Taken::GivenUp) => self.given_up(&delivery, None),
                Ok(Taken::Elsewhere) => {}
                Err(fault) => tracing::warn!(%fault, delivery = %delivery.id, "cannot take a delivery"),
            }
            self.leave(&place(&delivery));
        }
        Ok(more)
    }

    /// One attempt, and what became of it.
    async fn carry(self: Arc<Self>, letter: Letter) {
        let _visit = Visit { courier: &self, place: (letter.kind, letter.to.clone()) };
        let limit = Duration::from_millis(u64::try_from(self.engine.policy().outbox.attempt.millis()).unwrap_or(0));
        let outcome = match self.ways.get(&letter.kind) {
            None => Outcome::Later("this server has no way to deliver this".into()),
            Some(way) => {
                match tokio::time::timeout(limit, way.deliver(&self.engine, &letter, self.clock.now())).await {
                    Ok(outcome) => outcome,
                    Err(_) => Outcome::NoAnswer("it took too long".into()),
                }
            }
        };
        let now = self.clock.now();
        if let Some(standing) = self.places().get_mut(&(letter.kind, letter.to.clone())) {
            standing.silent_until = matches!(outcome, Outcome::NoAnswer(_)).then(|| now.plus(SILENCE));
        }
        self.metrics.count_delivery(letter.kind, &outcome);
        let (id, kind, to, reason) = (letter.id, letter.kind, &letter.to, outcome.reason());
        match outbox::conclude(&self.engine, &letter, &outcome, now).await {
            Ok(Some(DeliveryState::Done { .. })) => tracing::debug!(delivery = %id, ?kind, to, "delivered"),
            Ok(Some(DeliveryState::Due { .. })) => {
                tracing::info!(delivery = %id, ?kind, to, reason, attempt = letter.attempt, "not delivered yet");
            }
            Ok(Some(DeliveryState::GivenUp { .. })) => {
                self.metrics.count_given_up(kind);
                tracing::warn!(delivery = %id, ?kind, to, reason, attempts = letter.attempt, "given up");
            }
            Ok(None) => tracing::warn!(delivery = %id, ?kind, to, "took so long that another attempt has begun"),
            Err(fault) => tracing::warn!(%fault, delivery = %id, "what became of a delivery cannot be written down"),
        }
    }

    fn given_up(&self, delivery: &Delivery, reason: Option<&str>) {
        self.metrics.count_given_up(delivery.kind);
        let (id, kind, attempts) = (delivery.id, delivery.kind, delivery.attempts);
        tracing::warn!(delivery = %id, ?kind, to = outbox::to(delivery), reason, attempts, "given up");
    }

    /// Whether something may set out for its place; if so, it has.
    fn enter(&self, delivery: &Delivery, now: Timestamp) -> Entry {
        let share = (self.at_once / SHARE).max(1);
        let mut places = self.places();
        let standing = places.entry(place(delivery)).or_default();
        if standing.silent_until.is_some_and(|until| now < until) {
            return Entry::Silent;
        }
        if standing.under_way >= share {
            return Entry::Full;
        }
        standing.under_way += 1;
        Entry::Go
    }

    /// Something has come back from its place.
    fn leave(&self, place: &Place) {
        let mut places = self.places();
        if let Some(standing) = places.get_mut(place) {
            standing.under_way = standing.under_way.saturating_sub(1);
        }
        let now = self.clock.now();
        places.retain(|_, standing| standing.under_way > 0 || standing.silent_until.is_some_and(|until| now < until));
    }

    fn places(&self) -> std::sync::MutexGuard<'_, HashMap<Place, Standing>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Leaves its place however it ends.
struct Visit<'a> {
    courier: &'a Courier,
    place: Place,
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        self.courier.leave(&self.place);
    }
}

enum Entry {
    Go,
    Full,
    Silent,
}

fn place(delivery: &Delivery) -> Place {
    (delivery.kind, outbox::to(delivery).to_owned())
}
