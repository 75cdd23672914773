//! What is looked for by how it begins, or from its end.

use super::fixtures::*;
use crate::record::{Account, Client, Event, Flow, Resource};
use crate::{Change, Page, Search};

/// Texts of which some begin with `ab`, in the order of their bytes; two are the same where that may be.
const TEXTS: [&str; 7] = ["Ab", "a", "ab", "ab c", "abc", "ab\u{1F511}", "b"];
const FOUND: [&str; 4] = ["ab", "ab c", "abc", "ab\u{1F511}"];

/// Every page of one record, until there is none.
macro_rules! pages {
    ($store:ident.$search:ident, $prefix:expr, $text:ident) => {{
        let (mut found, mut search) = (Vec::new(), Search::first($prefix, 1));
        while let Some(record) = $store.$search(ISSUER, search.clone()).await.unwrap().pop() {
            search.after = Some((record.$text.clone(), record.id));
            found.push(record.$text);
        }
        found
    }};
}

pub async fn clients_are_found_by_the_beginning_of_their_id(store: Shared) {
    let named = |text: &&str| insert_client(&Client { client_id: (*text).to_owned(), ..client() });
    done(&store, TEXTS.iter().map(named).collect()).await;
    assert_eq!(pages!(store.search_clients, "ab", client_id), FOUND);
    assert_eq!(pages!(store.search_clients, "", client_id), TEXTS);
    assert_eq!(pages!(store.search_clients, "abcd", client_id), [""; 0]);
    let elsewhere = store.search_clients(firman_proto::id::IssuerNumber(9), Search::first("", 9)).await.unwrap();
    assert_eq!(elsewhere, vec![]);
}

pub async fn accounts_are_found_by_the_beginning_of_their_name(store: Shared) {
    let named = |text: &&str| insert_account(&Account { username: (*text).to_owned(), ..account() });
    done(&store, TEXTS.iter().map(named).collect()).await;
    done(
        &store,
        [""; 3].iter().map(|_| insert_account(&Account { username: "abc".to_owned(), ..account() })).collect(),
    )
    .await;
    assert_eq!(
        pages!(store.search_accounts, "ab", username),
        ["ab", "ab c", "abc", "abc", "abc", "abc", "ab\u{1F511}"]
    );
    assert_eq!(store.search_accounts(ISSUER, Search::first("abc", 9)).await.unwrap().len(), 4);
    // What stands for any text in some languages stands for itself.
    for wild in ["%", "_", "a%", "a\\", "'"] {
        assert_eq!(pages!(store.search_accounts, wild, username), [""; 0]);
    }
}

pub async fn resources_are_found_by_the_beginning_of_their_identifier(store: Shared) {
    let named = |text: &&str| insert_resource(&Resource { identifier: format!("urn:{text}"), ..resource() });
    done(&store, FOUND.iter().map(named).collect()).await;
    assert_eq!(pages!(store.search_resources, "urn:ab", identifier), FOUND.map(|text| format!("urn:{text}")));
    assert_eq!(pages!(store.search_resources, "urn:abc", identifier), ["urn:abc"]);
}

pub async fn flows_of_a_day_are_listed_from_the_newest(store: Shared) {
    let made = |seconds| Flow { id: id_made_at(later(seconds)), ..flow() };
    let (mut today, tomorrow) = ([made(0), made(1), made(2)], made(86_400));
    done(&store, today.iter().chain([&tomorrow]).map(insert_flow).collect()).await;
    today.reverse();
    assert_eq!(store.flows_of(NOW.day(), Page::first(2)).await.unwrap(), today[..2]);
    assert_eq!(store.flows_of(NOW.day(), Page { after: Some(today[1].id), limit: 9 }).await.unwrap(), today[2..]);
    assert_eq!(store.flows_of(later(86_400).day(), Page::first(9)).await.unwrap(), [tomorrow]);
}

pub async fn events_are_listed_from_the_newest(store: Shared) {
    let at = |days: i64| later(days * 86_400);
    let mut all: Vec<Event> =
        (0..4).map(|days| Event { id: id_made_at(at(days)), at: at(days), ..event(id()) }).collect();
    done(&store, all.iter().map(|event| Change::Append(Box::new(event.clone()))).collect()).await;
    // Oldest first, the same.
    assert_eq!(store.events(None, Page { after: Some(all[0].id), limit: 2 }).await.unwrap(), all[1..3]);
    all.reverse();
    assert_eq!(store.latest_events(Page::first(3)).await.unwrap(), all[..3]);
    assert_eq!(store.latest_events(Page { after: Some(all[1].id), limit: 9 }).await.unwrap(), all[2..]);
}
