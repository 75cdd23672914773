//! Insert, replace and remove of what people edit.

use super::fixtures::*;
use crate::record::{Client, Resource};
use crate::{Change, Editable, EditableKey};

pub async fn inserting_twice_is_a_conflict(store: Shared) {
    let (client, account, consent, flow, grant) = (client(), account(), consent(&subject(), id()), flow(), grant());
    for change in [
        insert_client(&client),
        insert_account(&account),
        Change::Insert(Editable::Consent(Box::new(consent))),
        Change::Insert(Editable::Deployment(deployment())),
        Change::Insert(Editable::SigningKey(Box::new(signing_key()))),
        Change::Insert(Editable::SealKey(Box::new(seal_key(3)))),
        insert_flow(&flow),
        insert_grant(&grant),
        Change::InsertSession(Box::new(session())),
    ] {
        done(&store, vec![change.clone()]).await;
        conflict(&store, change).await;
    }
}

pub async fn replacing_needs_the_revision_seen(store: Shared) {
    let account = account();
    done(&store, vec![insert_account(&account)]).await;
    let replace = |if_revision| Change::Replace { record: Editable::Account(Box::new(account.clone())), if_revision };
    conflict(&store, replace(1)).await;
    done(&store, vec![replace(0)]).await;
    conflict(&store, replace(0)).await;
    assert_eq!(store.account(account.id).await.unwrap().unwrap().revision, 1);
    done(&store, vec![replace(1)]).await;
}

pub async fn removing_needs_the_revision_seen(store: Shared) {
    let account = account();
    done(&store, vec![insert_account(&account)]).await;
    let remove = |if_revision| Change::Remove { key: EditableKey::Account(account.id), if_revision };
    conflict(&store, remove(1)).await;
    done(&store, vec![remove(0)]).await;
    conflict(&store, remove(0)).await;
    assert_eq!(store.account(account.id).await.unwrap(), None);
}

pub async fn a_client_id_belongs_to_one_client(store: Shared) {
    let first = client();
    let second = Client { client_id: first.client_id.clone(), ..client() };
    done(&store, vec![insert_client(&first)]).await;
    conflict(&store, insert_client(&second)).await;
    assert_eq!(store.client_by_id(second.id).await.unwrap(), None);
}

pub async fn a_client_id_is_not_edited(store: Shared) {
    let client = client();
    done(&store, vec![insert_client(&client)]).await;
    let other = Client { client_id: format!("{}-other", client.client_id), ..client.clone() };
    conflict(&store, Change::Replace { record: Editable::Client(Box::new(other.clone())), if_revision: 0 }).await;
    assert_eq!(*store.client_by_id(client.id).await.unwrap().unwrap(), client);
    assert_eq!(store.client(Client::key(ISSUER, &other.client_id)).await.unwrap(), None);
}

pub async fn a_removed_client_is_gone_by_every_key(store: Shared) {
    let client = client();
    done(&store, vec![insert_client(&client)]).await;
    done(&store, vec![Change::Remove { key: EditableKey::Client(client.id), if_revision: 0 }]).await;
    assert_eq!(store.client_by_id(client.id).await.unwrap(), None);
    assert_eq!(store.client(Client::key(ISSUER, &client.client_id)).await.unwrap(), None);
}

pub async fn edits_of_clients_and_keys_advance_the_edition(store: Shared) {
    let (client, account) = (client(), account());
    let records = [
        (Editable::Client(Box::new(client.clone())), 1),
        (Editable::SigningKey(Box::new(signing_key())), 1),
        (Editable::SealKey(Box::new(seal_key(1))), 1),
        (Editable::Deployment(deployment()), 1),
        (Editable::Account(Box::new(account)), 0),
        (Editable::Consent(Box::new(consent(&subject(), client.id))), 0),
    ];
    let mut edition = store.edition().await.unwrap();
    assert_eq!(edition, 0);
    for (record, step) in records {
        let remove = Change::Remove { key: record.key(), if_revision: 1 };
        for change in [Change::Insert(record.clone()), Change::Replace { record, if_revision: 0 }, remove] {
            done(&store, vec![change]).await;
            edition += step;
            assert_eq!(store.edition().await.unwrap(), edition);
        }
    }
    // Several edits of one commit are one step; whatever else happens is none.
    done(&store, vec![insert_client(&client), Change::Insert(Editable::SealKey(Box::new(seal_key(2))))]).await;
    done(&store, vec![insert_grant(&grant()), Change::AdvanceEpoch(crate::record::EpochKey::Everything)]).await;
    assert_eq!(store.edition().await.unwrap(), edition + 1);
}

pub async fn a_lost_edit_leaves_the_edition(store: Shared) {
    let client = client();
    done(&store, vec![insert_client(&client)]).await;
    conflict(&store, insert_client(&client)).await;
    let record = Editable::Client(Box::new(client));
    conflict(&store, Change::Replace { record, if_revision: 7 }).await;
    assert_eq!(store.edition().await.unwrap(), 1);
}

pub async fn a_resource_identifier_belongs_to_one_resource(store: Shared) {
    let [resource, other] = [(); 2].map(|()| resource());
    done(&store, vec![insert_resource(&resource), insert_resource(&other)]).await;
    conflict(&store, insert_resource(&Resource { id: id(), ..resource.clone() })).await;
    let replace = |record: &Resource, if_revision| Change::Replace {
        record: Editable::Resource(Box::new(record.clone())),
        if_revision,
    };
    let renamed = Resource { identifier: other.identifier.clone(), ..resource.clone() };
    conflict(&store, replace(&renamed, 0)).await;
    conflict(&store, replace(&Resource { identifier: "urn:new".to_owned(), ..resource.clone() }, 0)).await;
    let edited = Resource { name: "new".to_owned(), enabled: false, ..resource.clone() };
    conflict(&store, replace(&edited, 1)).await;
    done(&store, vec![replace(&edited, 0)]).await;
    let key = Resource::key(ISSUER, &resource.identifier);
    assert_eq!(*store.resource(key).await.unwrap().unwrap(), Resource { revision: 1, ..edited });
    conflict(&store, Change::Remove { key: EditableKey::Resource(resource.id), if_revision: 0 }).await;
    done(&store, vec![Change::Remove { key: EditableKey::Resource(resource.id), if_revision: 1 }]).await;
    assert_eq!(store.resource(key).await.unwrap(), None);
    done(&store, vec![insert_resource(&Resource { id: id(), ..resource })]).await;
}
