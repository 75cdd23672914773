//! What is written reads back as it was.

use firman_proto::client::ClientMetadata;
use firman_proto::redirect_uri::RedirectUri;

use super::fixtures::*;
use crate::record::{Client, Event, EventKind, Flow, FlowRequest, Grant, GrantKind, Resource};
use crate::{Change, Editable, EditableKey, Page};

pub async fn a_client_reads_back(store: Shared) {
    let client = client();
    done(&store, vec![insert_client(&client)]).await;
    assert_eq!(*store.client_by_id(client.id).await.unwrap().unwrap(), client);
    let plain = Client { owner: None, enabled: false, secrets: vec![], ..super::fixtures::client() };
    done(&store, vec![insert_client(&plain)]).await;
    assert_eq!(*store.client_by_id(plain.id).await.unwrap().unwrap(), plain);
}

pub async fn a_client_is_found_by_its_client_id(store: Shared) {
    let client = Client { client_id: format!("https://app.example/{}", "x".repeat(1000)), ..client() };
    done(&store, vec![insert_client(&client)]).await;
    let found = store.client(Client::key(ISSUER, &client.client_id)).await.unwrap();
    assert_eq!(*found.unwrap(), client);
}

pub async fn an_account_reads_back(store: Shared) {
    let account = account();
    done(&store, vec![insert_account(&account)]).await;
    assert_eq!(store.account(account.id).await.unwrap().unwrap(), account);
}

pub async fn a_flow_reads_back(store: Shared) {
    let flow = flow();
    done(&store, vec![insert_flow(&flow)]).await;
    assert_eq!(store.flow(flow.id).await.unwrap().unwrap().record, flow);
}

pub async fn every_member_of_a_client_reads_back(store: Shared) {
    let mut client = client();
    client.metadata = full_metadata();
    done(&store, vec![insert_client(&client)]).await;
    assert_eq!(*store.client_by_id(client.id).await.unwrap().unwrap(), client);
    // Taken away again, each is gone.
    let metadata = ClientMetadata { rest: client.metadata.rest.clone(), ..super::fixtures::client().metadata };
    let edited = Client { metadata, ..client.clone() };
    done(&store, vec![Change::Replace { record: Editable::Client(Box::new(edited.clone())), if_revision: 0 }]).await;
    let read = store.client_by_id(client.id).await.unwrap().unwrap();
    assert_eq!(*read, Client { revision: 1, ..edited });
}

/// Every member there is, from its JSON form.
fn full_metadata() -> ClientMetadata {
    serde_json::from_str(
        r#"{
        "client_name": "x", "redirect_uris": ["https://a.example/"], "token_endpoint_auth_method": "client_secret_post",
        "grant_types": ["authorization_code"], "scope": "openid", "client_uri": "https://a.example/", "logo_uri": "https://a.example/", "policy_uri": "https://a.example/",
        "tos_uri": "https://a.example/", "id_token_signed_response_alg": "ES256", "default_max_age": 1,
        "response_types": ["code", "code id_token"], "response_modes": ["query"], "jwks": {"keys": []}, "jwks_uri": "https://a.example/",
        "subject_type": "pairwise", "sector_identifier_uri": "https://a.example/", "request_uris": ["https://a.example/", "https://a.example/"],
        "require_signed_request_object": true, "require_pushed_authorization_requests": true,
        "dpop_bound_access_tokens": true, "description": "d", "contacts": ["A <a@a.example>"], "software_id": "s",
        "software_version": "1", "application_type": "native", "initiate_login_uri": "https://a.example/",
        "token_endpoint_auth_signing_alg": "ES256", "id_token_encrypted_response_alg": "RSA-OAEP",
        "id_token_encrypted_response_enc": "A128GCM", "userinfo_signed_response_alg": "ES256",
        "userinfo_encrypted_response_alg": "RSA-OAEP", "userinfo_encrypted_response_enc": "A128GCM",
        "request_object_signing_alg": "ES256", "request_object_encryption_alg": "RSA-OAEP",
        "request_object_encryption_enc": "A128GCM", "authorization_signed_response_alg": "ES256",
        "authorization_encrypted_response_alg": "RSA-OAEP", "authorization_encrypted_response_enc": "A128GCM",
        "tls_client_auth_subject_dn": "CN=a", "tls_client_auth_san_dns": "a", "tls_client_auth_san_uri": "https://a.example/",
        "tls_client_auth_san_ip": "::1", "tls_client_auth_san_email": "a@a", "tls_client_certificate_bound_access_tokens": true,
        "post_logout_redirect_uris": ["https://a.example/"], "frontchannel_logout_uri": "https://a.example/", "frontchannel_logout_session_required": true,
        "backchannel_logout_uri": "https://a.example/", "backchannel_logout_session_required": true, "from_the_future": [null]
    }"#,
    )
    .unwrap()
}

pub async fn a_flow_by_way_of_an_upstream_reads_back(store: Shared) {
    let (campus, town) = (Some("campus".to_owned()), Some("town".to_owned()));
    let flow = Flow { upstream: campus.clone(), ..pending(FlowRequest::Device(polled())) };
    done(&store, vec![insert_flow(&flow)]).await;
    let read = || async { store.flow(flow.id).await.unwrap().unwrap().record };
    assert_eq!(read().await, flow);
    // An approval that says nothing of it leaves it as it is; one that does replaces it.
    done(&store, vec![approve(&flow, &approval(), NOW)]).await;
    assert_eq!(read().await.upstream, campus);
    let by_way = Flow { upstream: campus, ..pending(FlowRequest::Device(polled())) };
    let Change::ApproveFlow(mut approval) = approve(&by_way, &approval(), NOW) else { unreachable!() };
    approval.upstream.clone_from(&town);
    done(&store, vec![insert_flow(&by_way), Change::ApproveFlow(approval)]).await;
    assert_eq!(store.flow(by_way.id).await.unwrap().unwrap().record.upstream, town);
}

pub async fn a_waiting_flow_reads_back(store: Shared) {
    for request in [FlowRequest::Pushed(request()), FlowRequest::Device(polled()), FlowRequest::Backchannel(polled())] {
        let flow = pending(request);
        done(&store, vec![insert_flow(&flow)]).await;
        assert_eq!(store.flow(flow.id).await.unwrap().unwrap().record, flow);
    }
}

pub async fn the_terms_of_a_grant_read_back(store: Shared) {
    let grant = Grant { terms: terms(), ..grant() };
    done(&store, vec![insert_grant(&grant)]).await;
    assert_eq!(store.grant(grant.id, None).await.unwrap().unwrap().record, grant);
}

pub async fn a_resource_reads_back(store: Shared) {
    let resource = resource();
    done(&store, vec![insert_resource(&resource)]).await;
    let key = Resource::key(ISSUER, &resource.identifier);
    assert_eq!(*store.resource(key).await.unwrap().unwrap(), resource);
    assert_eq!(store.resource(Resource::key(ISSUER, "urn:other")).await.unwrap(), None);
    let plain = Resource {
        enabled: false,
        secrets: Vec::new(),
        token_format: None,
        access_token_seconds: None,
        enforces: Vec::new(),
        ..super::fixtures::resource()
    };
    done(&store, vec![insert_resource(&plain)]).await;
    assert_eq!(store.resources(ISSUER, Page::first(9)).await.unwrap().len(), 2);
    assert_eq!(*store.resource(Resource::key(ISSUER, &plain.identifier)).await.unwrap().unwrap(), plain);
}

pub async fn a_grant_reads_back(store: Shared) {
    let mut grant = grant();
    grant.parent = Some(id());
    done(&store, vec![insert_grant(&grant)]).await;
    assert_eq!(store.grant(grant.id, None).await.unwrap().unwrap().record, grant);
}

pub async fn a_standing_grant_reads_back(store: Shared) {
    let client = client();
    let grant = standing_grant(client.id);
    done(&store, vec![insert_client(&client), insert_grant(&grant)]).await;
    let standing = store.grant(client.id, None).await.unwrap().unwrap();
    assert_eq!(standing.record, grant);
    assert_eq!(standing.record.kind, GrantKind::ClientCredentials);
    assert!(standing.is_live(later(1_000_000_000)));
}

pub async fn a_session_reads_back(store: Shared) {
    let session = session();
    done(&store, vec![Change::InsertSession(Box::new(session.clone()))]).await;
    assert_eq!(store.session(session.id, None).await.unwrap().unwrap().session, session);
}

pub async fn a_consent_reads_back(store: Shared) {
    let session = session();
    let consent = consent(&session.subject, id());
    let client = consent.client;
    done(
        &store,
        vec![
            Change::InsertSession(Box::new(session.clone())),
            Change::Insert(Editable::Consent(Box::new(consent.clone()))),
        ],
    )
    .await;
    assert_eq!(store.session(session.id, Some(client)).await.unwrap().unwrap().consent, Some(consent));
}

pub async fn keys_read_back(store: Shared) {
    let (deployment, signing, seal) = (deployment(), signing_key(), seal_key(u32::MAX));
    done(
        &store,
        vec![
            Change::Insert(Editable::Deployment(deployment)),
            Change::Insert(Editable::SigningKey(Box::new(signing.clone()))),
            Change::Insert(Editable::SealKey(Box::new(seal.clone()))),
        ],
    )
    .await;
    let keys = store.keys().await.unwrap();
    assert_eq!((keys.deployment, keys.signing, keys.seal), (Some(deployment), vec![signing], vec![seal]));
}

pub async fn an_event_reads_back(store: Shared) {
    let event = event(id());
    done(&store, vec![Change::Append(Box::new(event.clone()))]).await;
    done(&store, vec![Change::Append(Box::new(event.clone()))]).await;
    assert_eq!(store.events(Some(event.about), Page::first(10)).await.unwrap(), vec![event]);
}

pub async fn an_event_of_another_version_reads_back(store: Shared) {
    let event = Event { kind: EventKind::Other("hue_changed".into()), ..event(id()) };
    done(&store, vec![Change::Append(Box::new(event.clone()))]).await;
    assert_eq!(store.events(Some(event.about), Page::first(10)).await.unwrap(), vec![event]);
}

pub async fn awkward_text_reads_back(store: Shared) {
    for text in ["", " ", "'; DROP TABLE clients; --", "\u{1F511}\u{0301}\r\n\t", "\"`[]{}?$1:a@b%_\\", "A\u{308}"] {
        let mut client = client();
        client.metadata.client_name = text.to_owned();
        client.owner = Some(text.to_owned());
        client.metadata.redirect_uris = vec![RedirectUri::parse("https://a.example/?q=%27%22").unwrap()];
        done(&store, vec![insert_client(&client)]).await;
        assert_eq!(*store.client_by_id(client.id).await.unwrap().unwrap(), client, "{text:?}");
    }
}

pub async fn members_of_a_later_version_survive(store: Shared) {
    let client = client();
    done(&store, vec![insert_client(&client)]).await;
    let mut edited = Client::clone(&store.client_by_id(client.id).await.unwrap().unwrap());
    "new".clone_into(&mut edited.metadata.client_name);
    done(&store, vec![Change::Replace { record: Editable::Client(Box::new(edited)), if_revision: 0 }]).await;
    let read = store.client_by_id(client.id).await.unwrap().unwrap();
    assert_eq!((&read.metadata.rest, &read.policy.rest), (&rest(), &rest()));
    assert_eq!(read.revision, 1);
    done(&store, vec![Change::Remove { key: EditableKey::Client(client.id), if_revision: 1 }]).await;
}
