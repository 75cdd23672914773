//! From the trail to what is told.

use std::collections::{BTreeMap, BTreeSet};

use firman_proto::digest::Digest16;
use firman_proto::feed::{Key, Told};
use firman_proto::id::RecordId;
use firman_proto::time::Timestamp;
use firman_store::record::Event;
use firman_store::{GrantsOf, Page};

use super::notice::{MEMBER, Notice};
use crate::Engine;
use crate::failure::Fault;
use crate::subject::subject_for;

/// How much of the trail, or of somebody's grants, is read at once.
const PAGE: u32 = 1000;

/// The events from `since` on that withdraw something, but those that are known; each as it is to be told.
pub(super) async fn news(
    engine: &Engine,
    since: Timestamp,
    known: impl Fn(&RecordId) -> bool + Sync,
) -> Result<Vec<(RecordId, Told)>, Fault> {
    let mut news = Vec::new();
    let mut after = Some(RecordId::new(since, [0; 10]));
    loop {
        let page = engine.store.events(None, Page { after, limit: PAGE }).await?;
        after = page.last().map(|event| event.id).or(after);
        for event in page.iter().filter(|event| !known(&event.id)) {
            if let Some(told) = told(engine, event).await? {
                news.push((event.id, told));
            }
        }
        if page.len() < PAGE as usize {
            return Ok(news);
        }
    }
}

/// How far the epoch of everything is. It may have been advanced where no engine ran, by a restore.
pub(super) async fn everything(engine: &Engine, now: Timestamp) -> Result<Told, Fault> {
    let epoch = engine.store.epochs(None, None).await?.everything;
    let until = now.plus(engine.policy.feed.window).seconds();
    Ok(Told { until, epochs: BTreeMap::from([(Key::EVERYTHING, epoch)]), ..Told::default() })
}

async fn told(engine: &Engine, event: &Event) -> Result<Option<Told>, Fault> {
    let Some(said) = event.details.get(MEMBER) else { return Ok(None) };
    // One that another version has written in another way withdraws something all the same; it is no reason to tell nothing more.
    let Ok(notice) = serde_json::from_value::<Notice>(said.clone()) else {
        tracing::warn!(event = %event.id, "an event withdraws something in a way that is not known here");
        return Ok(None);
    };
    let mut told =
        Told { until: event.at.plus(engine.policy.feed.window).seconds(), dead: notice.dead, ..Told::default() };
    for id in notice.clients {
        client(engine, id, &mut told).await?;
    }
    for subject in notice.subjects.iter().filter_map(|hex| digest(hex)) {
        person(engine, subject, &mut told).await?;
    }
    Ok(Some(told))
}

async fn client(engine: &Engine, id: RecordId, told: &mut Told) -> Result<(), Fault> {
    let key = Key::record(id);
    let enabled = engine.store.client_by_id(id).await?.is_some_and(|client| client.enabled);
    if enabled { &mut told.alive } else { &mut told.dead }.push(key);
    let epoch = engine.store.epochs(Some(id), None).await?.client;
    if epoch > 0 {
        told.epochs.insert(key, epoch);
    }
    Ok(())
}

/// The epoch of a person under every name by which they are known: to have a token somebody must have a grant.
async fn person(engine: &Engine, subject: Digest16, told: &mut Told) -> Result<(), Fault> {
    let epoch = engine.store.epochs(None, Some(subject)).await?.subject;
    let (mut seen, mut after) = (BTreeSet::new(), None);
    loop {
        let page = engine.store.grants(GrantsOf::Subject(subject), Page { after, limit: PAGE }).await?;
        after = page.last().map(|grant| grant.id);
        for grant in &page {
            let Some(subject) = grant.subject.as_ref().filter(|_| seen.insert(grant.client)) else { continue };
            if let Some(client) = engine.store.client_by_id(grant.client).await? {
                told.epochs.insert(Key::subject(engine.number, &subject_for(engine, &client, subject)), epoch);
            }
        }
        if page.len() < PAGE as usize {
            return Ok(());
        }
    }
}

fn digest(hex: &str) -> Option<Digest16> {
    let byte = |place: usize| u8::from_str_radix(hex.get(place..place + 2)?, 16).ok();
    let bytes: Option<Vec<u8>> = (0..hex.len()).step_by(2).map(byte).collect();
    Digest16::from_slice(&bytes?)
}
