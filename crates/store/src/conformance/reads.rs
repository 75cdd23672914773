//! What a read tells beside the record: everything its life depends on, as of now.

use firman_proto::digest::Digest16;

use super::fixtures::*;
use crate::record::{
    Approval, Client, Consent, EpochKey, Epochs, Flow, FlowRequest, Grant, RevokeReason, RevokedToken, Subject,
    TokenTrace,
};
use crate::{Change, Editable, EditableKey, GrantsOf, Page};

async fn with_client(store: &Shared) -> (Client, Grant) {
    let client = client();
    let grant = grant_of(client.id, &subject());
    done(store, vec![insert_client(&client), insert_grant(&grant)]).await;
    assert!(is_live(store, &grant).await);
    (client, grant)
}

async fn is_live(store: &Shared, grant: &Grant) -> bool {
    store.grant(grant.id, None).await.unwrap().unwrap().is_live(NOW)
}

pub async fn a_grant_dies_with_its_clients_epoch(store: Shared) {
    let (_, grant) = with_client(&store).await;
    done(&store, vec![Change::AdvanceEpoch(EpochKey::Client(id()))]).await;
    assert!(is_live(&store, &grant).await);
    done(&store, vec![Change::AdvanceEpoch(EpochKey::Client(grant.client))]).await;
    assert!(!is_live(&store, &grant).await);
}

pub async fn a_grant_dies_with_its_subjects_epoch(store: Shared) {
    let (_, grant) = with_client(&store).await;
    done(&store, vec![Change::AdvanceEpoch(EpochKey::subject(ISSUER, &subject()))]).await;
    assert!(is_live(&store, &grant).await);
    done(&store, vec![Change::AdvanceEpoch(EpochKey::subject(ISSUER, grant.subject.as_ref().unwrap()))]).await;
    assert!(!is_live(&store, &grant).await);
}

pub async fn a_grant_dies_with_the_epoch_of_everything(store: Shared) {
    let (client, grant) = with_client(&store).await;
    done(&store, vec![Change::AdvanceEpoch(EpochKey::Everything)]).await;
    assert!(!is_live(&store, &grant).await);
    let epochs = store.epochs(None, None).await.unwrap();
    let newer = Grant { epochs, ..grant_of(client.id, &subject()) };
    done(&store, vec![insert_grant(&newer)]).await;
    assert!(is_live(&store, &newer).await);
}

pub async fn a_grant_dies_with_its_client(store: Shared) {
    let (client, grant) = with_client(&store).await;
    let disabled = Client { enabled: false, ..client.clone() };
    done(&store, vec![Change::Replace { record: Editable::Client(Box::new(disabled)), if_revision: 0 }]).await;
    assert!(!is_live(&store, &grant).await);
    done(&store, vec![Change::Replace { record: Editable::Client(Box::new(client.clone())), if_revision: 1 }]).await;
    assert!(is_live(&store, &grant).await);
    done(&store, vec![Change::Remove { key: EditableKey::Client(client.id), if_revision: 2 }]).await;
    assert!(!is_live(&store, &grant).await);
}

pub async fn a_child_dies_with_its_parent(store: Shared) {
    let (client, parent) = with_client(&store).await;
    let child_of = |parent| Grant { parent: Some(parent), ..grant_of(client.id, &subject()) };
    let (child, orphan) = (child_of(parent.id), child_of(id()));
    done(&store, vec![insert_grant(&child), insert_grant(&orphan)]).await;
    assert!(is_live(&store, &child).await);
    assert!(!is_live(&store, &orphan).await);
    done(&store, vec![Change::RevokeGrant { id: parent.id, reason: RevokeReason::Operator, now: NOW }]).await;
    assert!(!is_live(&store, &child).await);
}

pub async fn a_child_dies_with_its_parents_client_and_epochs(store: Shared) {
    let child_client = client();
    done(&store, vec![insert_client(&child_client)]).await;
    for case in 0..4 {
        let (client, parent) = with_client(&store).await;
        let child = Grant { parent: Some(parent.id), epochs: store.epochs(None, None).await.unwrap(), ..grant() };
        let child = Grant { client: child_client.id, ..child };
        done(&store, vec![insert_grant(&child)]).await;
        assert!(is_live(&store, &child).await);
        let kills = match case {
            0 => Change::AdvanceEpoch(EpochKey::Client(client.id)),
            1 => Change::AdvanceEpoch(EpochKey::subject(ISSUER, parent.subject.as_ref().unwrap())),
            2 => {
                let disabled = Client { enabled: false, ..client };
                Change::Replace { record: Editable::Client(Box::new(disabled)), if_revision: 0 }
            }
            _ => Change::Remove { key: EditableKey::Client(client.id), if_revision: 0 },
        };
        done(&store, vec![kills]).await;
        let standing = store.grant(child.id, None).await.unwrap().unwrap();
        assert_eq!(standing.parent.map(|parent| parent.revoked), Some(true), "case {case}");
        assert!(!standing.is_live(NOW));
    }
}

pub async fn a_revoked_token_is_found_by_any_of_its_chain(store: Shared) {
    let (_, grant) = with_client(&store).await;
    let digest = |n| Digest16([n; 16]);
    let token = RevokedToken { day: NOW.day(), grant: grant.id, digest: digest(2), expires_at: later(300) };
    done(&store, vec![Change::RevokeToken(token)]).await;
    for (digests, dead) in [
        (vec![digest(2)], true),
        (vec![digest(1), digest(2), digest(3)], true),
        (vec![digest(1)], false),
        (vec![digest(1), digest(3)], false),
        ((10..27).map(digest).collect(), false),
        ((10..26).map(digest).chain([digest(2)]).collect(), true),
    ] {
        let trace = TokenTrace { day: NOW.day(), digests: digests.clone() };
        let standing = store.grant(grant.id, Some(trace)).await.unwrap().unwrap();
        assert_eq!(standing.token_revoked, dead, "{digests:?}");
        assert_eq!(standing.is_live(NOW), !dead);
    }
    let other_day = TokenTrace { day: later(86_400).day(), digests: vec![digest(2)] };
    assert!(!store.grant(grant.id, Some(other_day)).await.unwrap().unwrap().token_revoked);
}

pub async fn a_flow_shows_the_epochs_of_now(store: Shared) {
    let client = client();
    let flow = flow_of(client.id);
    done(&store, vec![insert_client(&client), insert_flow(&flow)]).await;
    let read = || async { store.flow(flow.id).await.unwrap().unwrap() };
    assert!(read().await.approval_stands());
    done(&store, vec![Change::AdvanceEpoch(EpochKey::subject(ISSUER, &flow.approval.as_ref().unwrap().subject))]).await;
    assert_eq!(read().await.epochs, Epochs { subject: 1, ..Epochs::default() });
    assert!(!read().await.approval_stands());
}

pub async fn a_waiting_flow_has_nobodys_approval(store: Shared) {
    let client = client();
    let flow = Flow { client: client.id, ..pending(FlowRequest::Device(polled())) };
    let epochs = Epochs { subject: 1, ..Epochs::default() };
    let somebody = Approval { epochs, ..approval() };
    let read = || async { store.flow(flow.id).await.unwrap().unwrap() };
    done(&store, vec![insert_client(&client), insert_flow(&flow)]).await;
    done(&store, vec![Change::AdvanceEpoch(EpochKey::subject(ISSUER, &somebody.subject))]).await;
    assert_eq!(read().await.epochs, Epochs::default());
    assert!(!read().await.approval_stands());
    done(&store, vec![approve(&flow, &somebody, NOW)]).await;
    assert!(read().await.approval_stands());
    done(&store, vec![Change::AdvanceEpoch(EpochKey::subject(ISSUER, &somebody.subject))]).await;
    assert!(!read().await.approval_stands());
}

pub async fn a_session_comes_with_its_consent_and_epochs(store: Shared) {
    let session = session();
    let consent = consent(&session.subject, id());
    let changes = vec![
        Change::InsertSession(Box::new(session.clone())),
        Change::Insert(Editable::Consent(Box::new(consent.clone()))),
        Change::AdvanceEpoch(EpochKey::Client(consent.client)),
    ];
    done(&store, changes).await;
    let read = store.session(session.id, Some(consent.client)).await.unwrap().unwrap();
    assert_eq!(read.epochs, Epochs { client: 1, ..Epochs::default() });
    assert!(read.is_live(NOW, firman_proto::time::Lifetime::from_seconds(60)));
    assert!(!read.is_live(later(60), firman_proto::time::Lifetime::from_seconds(60)));
    assert_eq!(read.consent, Some(consent));
    assert_eq!(store.session(session.id, Some(id())).await.unwrap().unwrap().consent, None);
    done(&store, vec![Change::AdvanceEpoch(EpochKey::subject(ISSUER, &session.subject))]).await;
    let read = store.session(session.id, None).await.unwrap().unwrap();
    assert!(!read.is_live(NOW, firman_proto::time::Lifetime::from_seconds(60)));
}

pub async fn what_a_person_allowed_is_listed(store: Shared) {
    let person = subject();
    let mut all: Vec<_> = (0..3).map(|_| consent(&person, id())).collect();
    all.sort_by_key(|consent| consent.client);
    let insert = |consent: &Consent| Change::Insert(Editable::Consent(Box::new(consent.clone())));
    done(&store, all.iter().chain([&consent(&subject(), id())]).map(insert).collect()).await;
    let of = |page| {
        let (store, key) = (store.clone(), person.key(ISSUER));
        async move { store.consents_of(key, page).await.unwrap() }
    };
    assert_eq!(of(Page::first(2)).await, all[..2]);
    assert_eq!(of(Page { after: Some(all[1].client), limit: 9 }).await, all[2..]);
    assert_eq!(store.consents_of(subject().key(ISSUER), Page::first(9)).await.unwrap(), vec![]);
}

pub async fn grants_are_listed_by_subject_and_by_client(store: Shared) {
    let (client, other) = (id(), id());
    let (who, somebody) = (subject(), Subject::new("somebody else").unwrap());
    let mut own: Vec<_> = (0..3).map(|_| grant_of(client, &who)).collect();
    own.sort_by_key(|grant| grant.id);
    let mut changes: Vec<_> = own.iter().map(insert_grant).collect();
    changes.push(insert_grant(&grant_of(other, &somebody)));
    done(&store, changes).await;
    let first = Page::first(10);
    assert_eq!(store.grants(GrantsOf::Subject(who.key(ISSUER)), first).await.unwrap(), own);
    assert_eq!(store.grants(GrantsOf::Client(client), first).await.unwrap(), own);
    assert_eq!(store.grants(GrantsOf::Client(id()), first).await.unwrap(), vec![]);
    assert_eq!(store.grants(GrantsOf::Everybody, first).await.unwrap().len(), 4);
}

pub async fn lists_are_read_in_pages(store: Shared) {
    let mut clients: Vec<_> = (0..5).map(|_| client()).collect();
    let accounts: Vec<_> = (0..3).map(|_| account()).collect();
    done(&store, clients.iter().map(insert_client).chain(accounts.iter().map(insert_account)).collect()).await;
    clients.sort_by_key(|client| client.id);
    let (mut read, mut after) = (Vec::new(), None);
    loop {
        let page = store.clients(ISSUER, Page { after, limit: 2 }).await.unwrap();
        assert!(page.len() <= 2);
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        read.extend(page);
    }
    assert_eq!(read, clients);
    assert_eq!(store.accounts(ISSUER, Page::first(10)).await.unwrap().len(), 3);
    assert_eq!(store.accounts(firman_proto::id::IssuerNumber(9), Page::first(10)).await.unwrap(), vec![]);
}

pub async fn the_clients_of_an_owner_are_listed(store: Shared) {
    let owned = |owner: &str| crate::record::Client { owner: Some(owner.to_owned()), ..client() };
    let mut own: Vec<_> = (0..3).map(|_| owned("somebody")).collect();
    own.sort_by_key(|client| client.id);
    let others = [owned("somebody else"), owned("Somebody"), client()];
    done(&store, own.iter().chain(&others).map(insert_client).collect()).await;
    let first = Page { after: None, limit: 2 };
    assert_eq!(store.clients_of("somebody".to_owned(), first).await.unwrap(), own[..2]);
    let rest = Page { after: Some(own[1].id), ..first };
    assert_eq!(store.clients_of("somebody".to_owned(), rest).await.unwrap(), own[2..]);
    assert_eq!(store.clients_of("nobody".to_owned(), first).await.unwrap(), vec![]);
}

pub async fn what_is_absent_is_none(store: Shared) {
    let id = id();
    assert_eq!(store.client(Digest16([1; 16])).await.unwrap(), None);
    assert_eq!(store.client_by_id(id).await.unwrap(), None);
    assert_eq!(store.account(id).await.unwrap(), None);
    assert_eq!(store.flow(id).await.unwrap(), None);
    assert_eq!(store.grant(id, None).await.unwrap(), None);
    assert_eq!(store.session(id, None).await.unwrap(), None);
    assert_eq!(store.keys().await.unwrap(), crate::Keys::default());
    assert_eq!(store.epochs(Some(id), None).await.unwrap(), Epochs::default());
    store.check().await.unwrap();
}

pub async fn events_are_listed_by_what_they_are_about(store: Shared) {
    let about = id();
    let (mut own, other) = ([event(about), event(about)].to_vec(), event(id()));
    own.sort_by_key(|event| event.id);
    let changes = own.iter().chain([&other]).map(|event| Change::Append(Box::new(event.clone())));
    done(&store, changes.collect()).await;
    assert_eq!(store.events(Some(about), Page::first(10)).await.unwrap(), own);
    assert_eq!(store.events(Some(about), Page { after: Some(own[0].id), limit: 10 }).await.unwrap(), own[1..]);
    assert_eq!(store.events(None, Page::first(10)).await.unwrap().len(), 3);
}
