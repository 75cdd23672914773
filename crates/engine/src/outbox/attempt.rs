//! The steps of an attempt that touch the store.

use firman_proto::time::Timestamp;
use firman_store::record::{Delivery, DeliveryState, EventKind};
use firman_store::{Change, Commit, DeliveryFate};
use serde_json::json;

use super::{Letter, Outcome, REASON, place_of_body, to};
use crate::failure::Fault;
use crate::{Engine, random};

/// What came of trying to take a delivery.
#[derive(Debug)]
pub enum Taken {
    /// It is to be tried now.
    Letter(Letter),
    /// Its time is up, or nobody can open it: it was given up.
    GivenUp,
    /// Somebody else has it.
    Elsewhere,
}

/// What is due, those that wait longest first.
pub async fn due(engine: &Engine, limit: u32, now: Timestamp) -> Result<Vec<Delivery>, Fault> {
    let mut due = engine.store.due_deliveries(now, limit).await?;
    due.retain(|delivery| delivery.issuer == engine.number);
    Ok(due)
}

/// Takes a delivery that is due. It counts as an attempt from now on: what ends its process each time is given up too.
pub async fn take(engine: &Engine, delivery: &Delivery, now: Timestamp) -> Result<Taken, Fault> {
    let policy = &engine.policy.outbox;
    if policy.is_over(delivery.attempts, delivery.expires_at, now) {
        let why = if now < delivery.expires_at { "it was tried too often" } else { "its time is up" };
        return give_up(engine, delivery, why, now).await;
    }
    let Ok(body) = engine.keys.master().unwrap_key(&place_of_body(engine.number, delivery.id), &delivery.sealed) else {
        return give_up(engine, delivery, "it cannot be opened with this master key", now).await;
    };
    let take = Change::TakeDelivery { id: delivery.id, seen: delivery.attempts, until: now.plus(policy.lease()) };
    if engine.commit(vec![take]).await? != Commit::Done {
        return Ok(Taken::Elsewhere);
    }
    Ok(Taken::Letter(Letter {
        id: delivery.id,
        kind: delivery.kind,
        client: delivery.client,
        to: to(delivery).to_owned(),
        attempt: delivery.attempts.saturating_add(1),
        expires_at: delivery.expires_at,
        body,
    }))
}

/// Has a delivery wait without trying it, because nobody answers where it goes: counted as an attempt that failed.
pub async fn put_off(engine: &Engine, delivery: &Delivery, now: Timestamp) -> Result<(), Fault> {
    let until = now.plus(pause(engine, delivery.attempts.saturating_add(1))?);
    // Somebody else may have taken it: then they see to it.
    engine.commit(vec![Change::TakeDelivery { id: delivery.id, seen: delivery.attempts, until }]).await?;
    Ok(())
}

/// Writes down what became of an attempt. `None` if it took so long that somebody else has taken it.
pub async fn conclude(
    engine: &Engine,
    letter: &Letter,
    outcome: &Outcome,
    now: Timestamp,
) -> Result<Option<DeliveryState>, Fault> {
    let state = match outcome {
        Outcome::Done => DeliveryState::Done { at: now },
        Outcome::GiveUp(_) => DeliveryState::GivenUp { at: now },
        Outcome::Later(_) | Outcome::NoAnswer(_) => {
            let at = now.plus(pause(engine, letter.attempt)?);
            // Nothing is gained by waiting until it is too late.
            let over = engine.policy.outbox.is_over(letter.attempt, letter.expires_at, at);
            if over { DeliveryState::GivenUp { at: now } } else { DeliveryState::Due { at } }
        }
    };
    let error = outcome.reason().map(short);
    let mut changes = vec![Change::FinishDelivery(Box::new(DeliveryFate {
        id: letter.id,
        seen: letter.attempt,
        state,
        error: error.clone(),
    }))];
    if matches!(state, DeliveryState::GivenUp { .. }) {
        let mut event = engine.event(EventKind::DeliveryGivenUp, letter.id, now)?;
        event.client = letter.client;
        let said = [("kind", json!(letter.kind)), ("to", json!(letter.to)), ("attempts", json!(letter.attempt))];
        event.details.extend(said.map(|(name, value)| (name.to_owned(), value)));
        event.details.extend(error.map(|error| ("error".to_owned(), json!(error))));
        changes.push(Change::Append(Box::new(event)));
    }
    Ok((engine.commit(changes).await? == Commit::Done).then_some(state))
}

async fn give_up(engine: &Engine, delivery: &Delivery, why: &'static str, now: Timestamp) -> Result<Taken, Fault> {
    let letter = Letter {
        id: delivery.id,
        kind: delivery.kind,
        client: delivery.client,
        to: to(delivery).to_owned(),
        attempt: delivery.attempts,
        expires_at: delivery.expires_at,
        body: Vec::new().into(),
    };
    // What went wrong the last time says more than that it was the last time.
    let why = delivery.error.as_ref().map_or(why.into(), |last| format!("{why}; the last time: {last}").into());
    let told = conclude(engine, &letter, &Outcome::GiveUp(why), now).await?;
    Ok(if told.is_some() { Taken::GivenUp } else { Taken::Elsewhere })
}

fn pause(engine: &Engine, attempts: u32) -> Result<firman_proto::time::Lifetime, Fault> {
    Ok(engine.policy.outbox.pause(attempts, u32::from_be_bytes(random::bytes(&*engine.entropy)?)))
}

fn short(reason: &str) -> String {
    reason.chars().take(REASON).collect()
}
