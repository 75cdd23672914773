//! Browser sessions.

use super::fixtures::*;
use crate::record::Session;
use crate::{Change, Page, Renewal, Store};

async fn inserted(store: &Shared) -> Session {
    let session = session();
    done(store, vec![Change::InsertSession(Box::new(session.clone()))]).await;
    session
}

async fn read(store: &dyn Store, session: &Session) -> Session {
    store.session(session.id, None).await.unwrap().unwrap().session
}

fn renewal(session: &Session) -> Renewal {
    let (from_salt, to_salt) = (session.salt.clone(), salt());
    Renewal { id: session.id, from_salt, to_salt, auth_time: later(4), now: later(5), details: details("otp") }
}

pub async fn a_session_is_renewed_once_per_salt(store: Shared) {
    let session = inserted(&store).await;
    let renewal = renewal(&session);
    done(&store, vec![Change::RenewSession(Box::new(renewal.clone()))]).await;
    conflict(&store, Change::RenewSession(Box::new(renewal.clone()))).await;
    let renewed = read(&*store, &session).await;
    assert_eq!((renewed.salt, renewed.details), (renewal.to_salt, renewal.details));
    assert_eq!((renewed.auth_time, renewed.last_seen), (later(4), later(5)));
    assert_eq!(renewed.expires_at, session.expires_at);
}

pub async fn an_ended_session_is_not_renewed(store: Shared) {
    let (ended, expired) = (inserted(&store).await, inserted(&store).await);
    done(&store, vec![Change::EndSession { id: ended.id, now: NOW }]).await;
    conflict(&store, Change::RenewSession(Box::new(renewal(&ended)))).await;
    let late = Renewal { now: expired.expires_at, ..renewal(&expired) };
    conflict(&store, Change::RenewSession(Box::new(late))).await;
}

pub async fn a_session_is_never_seen_earlier(store: Shared) {
    let session = inserted(&store).await;
    done(&store, vec![Change::TouchSession { id: session.id, now: later(60) }]).await;
    done(&store, vec![Change::TouchSession { id: session.id, now: later(30) }]).await;
    done(&store, vec![Change::TouchSession { id: id(), now: later(30) }]).await;
    assert_eq!(read(&*store, &session).await.last_seen, later(60));
}

pub async fn who_took_part_in_a_session_is_known(store: Shared) {
    let session = inserted(&store).await;
    let mut clients = [id(), id()];
    clients.sort();
    let join = |client| Change::JoinSession { session: session.id, client, expires_at: session.expires_at };
    let elsewhere = Change::JoinSession { session: id(), client: clients[0], expires_at: session.expires_at };
    done(&store, vec![join(clients[1]), join(clients[0]), join(clients[1]), elsewhere]).await;
    done(&store, vec![join(clients[0])]).await;
    assert_eq!(store.session_clients(session.id, session.expires_at).await.unwrap(), clients);
    assert_eq!(store.session_clients(id(), session.expires_at).await.unwrap(), vec![]);
}

pub async fn a_persons_sessions_are_listed(store: Shared) {
    let person = subject();
    let mut own: Vec<_> = (0..3).map(|_| Session { subject: person.clone(), ..session() }).collect();
    own.sort_by_key(|session| session.id);
    let insert = |session: &Session| Change::InsertSession(Box::new(session.clone()));
    done(&store, own.iter().chain([&session()]).map(insert).collect()).await;
    let of = |page| {
        let (store, key) = (store.clone(), person.key(ISSUER));
        async move { store.sessions_of(key, page).await.unwrap() }
    };
    assert_eq!(of(Page::first(2)).await, own[..2]);
    assert_eq!(of(Page { after: Some(own[1].id), limit: 9 }).await, own[2..]);
}

pub async fn ending_twice_keeps_the_first_time(store: Shared) {
    let session = inserted(&store).await;
    done(&store, vec![Change::EndSession { id: session.id, now: later(1) }]).await;
    done(&store, vec![Change::EndSession { id: session.id, now: later(2) }]).await;
    done(&store, vec![Change::TouchSession { id: session.id, now: later(3) }]).await;
    let ended = read(&*store, &session).await;
    assert_eq!((ended.ended_at, ended.last_seen), (Some(later(1)), NOW));
}
