//! Clients whose id is the address of a document about them.

use std::sync::Arc;

use firman_engine::client_document::TrustedHosts;
use firman_engine::registration::{self, RegistrationPolicy};
use firman_engine::{Failure, discovery};
use firman_proto::credentials::Credentials;
use firman_proto::error::ErrorCode::{InvalidClient, InvalidRequest, TemporarilyUnavailable};
use firman_proto::form::Form;
use firman_store::record::Origin;
use serde_json::{Value, json};

use crate::support::{App, Ask, CALLBACK, Library, Visitor, World, at, refused, scope};

const ID: &str = "https://app.example/oauth/client.json";

async fn world(hosts: &[&str]) -> (World, Arc<Library>) {
    let library = Arc::new(Library::default());
    let world = World::with(|parts| {
        parts.fetch = Arc::clone(&library) as _;
        parts.policy.client_documents = TrustedHosts(hosts.iter().map(|host| (*host).to_owned()).collect());
        parts.policy.registration =
            RegistrationPolicy { scope: scope("openid offline_access read"), ..RegistrationPolicy::default() };
    });
    (world.await, library)
}

fn document() -> Value {
    json!({
        "client_id": ID, "client_name": "App", "redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "refresh_token"], "scope": "openid offline_access",
    })
}

async fn ask(world: &World, seconds: i64) -> Result<(), Failure> {
    let visitor = Visitor::new(world);
    world.authorize(&visitor, &Ask::new(&app(), "openid"), at(seconds)).await.map(|_| ())
}

fn app() -> App {
    let body = format!("client_id={ID}");
    let credentials = Credentials::find(None, &Form::parse(body.as_bytes()).unwrap()).unwrap();
    App { id: firman_proto::id::RecordId::new(at(0), [0; 10]), client_id: ID.to_owned(), credentials }
}

#[tokio::test]
async fn a_client_is_what_its_document_says_and_needs_no_registration() {
    let (world, library) = world(&["app.example"]).await;
    library.put(ID, "application/json", &document());
    let tokens = world.tokens(&app(), "openid offline_access", at(0)).await;
    assert!(tokens.refresh_token.is_some() && library.fetched(ID) == 1);
    let client = firman_engine::admin::clients::find(&world.engine, ID).await.unwrap();
    assert_eq!((client.origin, client.metadata.client_name.as_str()), (Origin::MetadataDocument, "App"));
    assert!(client.secrets.is_empty());

    let mut renamed = document();
    renamed["client_name"] = json!("New name");
    library.put(ID, "application/json", &renamed);
    ask(&world, 299).await.unwrap();
    assert_eq!(library.fetched(ID), 1, "it is fresh");
    ask(&world, 300).await.unwrap();
    let edited = firman_engine::admin::clients::find(&world.engine, ID).await.unwrap();
    assert_eq!((edited.id, edited.metadata.client_name.as_str()), (client.id, "New name"));
    let told = serde_json::to_value(discovery::metadata(&world.engine, at(0))).unwrap();
    assert_eq!(told["client_id_metadata_document_supported"], true);
}

#[tokio::test]
async fn documents_of_others_are_not_even_fetched() {
    for hosts in [&[][..], &["example"], &["other.example"], &["*.app.example"], &["pp.example"]] {
        let (world, library) = world(hosts).await;
        library.put(ID, "application/json", &document());
        assert_eq!(refused(ask(&world, 0).await), InvalidRequest, "{hosts:?}");
        assert_eq!(library.fetched(ID), 0);
    }
    for hosts in [["*"], ["*.example"], ["APP.example"]] {
        let (world, library) = world(&hosts).await;
        library.put(ID, "application/json", &document());
        ask(&world, 0).await.unwrap();
    }
}

#[tokio::test]
async fn a_document_that_is_wrong_or_gone_makes_no_client() {
    let (world, library) = world(&["*"]).await;
    assert_eq!(refused(ask(&world, 0).await), TemporarilyUnavailable);
    for (name, value) in [
        ("client_id", json!("https://evil.example/c")),
        ("client_secret", json!("x")),
        ("token_endpoint_auth_method", json!("client_secret_basic")),
        ("redirect_uris", json!([])),
        ("grant_types", json!(["client_credentials"])),
    ] {
        let mut bad = document();
        bad[name] = value;
        let (world, library) = self::world(&["*"]).await;
        library.put(ID, "application/json", &bad);
        assert!(ask(&world, 0).await.is_err(), "{name}");
        assert!(firman_engine::admin::clients::find(&world.engine, ID).await.is_err());
        let answer = firman_engine::authenticate::authenticate(&world.engine, &app().credentials, at(0)).await;
        assert_eq!(refused(answer), InvalidClient, "{name}");
    }
    library.put(ID, "text/html", &document());
    assert_eq!(refused(ask(&world, 1).await), TemporarilyUnavailable);
}

#[tokio::test]
async fn who_registered_under_such_an_id_stays_what_was_registered() {
    let (world, library) = world(&["*"]).await;
    library.put(ID, "application/json", &document());
    let registered = world.app(ID).await;
    ask(&world, 0).await.unwrap();
    assert_eq!(library.fetched(ID), 0);
    firman_engine::authenticate::authenticate(&world.engine, &registered.credentials, at(0)).await.unwrap();
    assert_eq!(
        refused(firman_engine::authenticate::authenticate(&world.engine, &app().credentials, at(0)).await),
        InvalidClient
    );
}

#[tokio::test]
async fn one_that_nobody_signs_in_with_leaves() {
    let (world, library) = world(&["*"]).await;
    library.put(ID, "application/json", &document());
    ask(&world, 0).await.unwrap();
    assert_eq!(registration::tidy(&world.engine, at(7 * 86_400)).await.unwrap(), 1);
    assert!(firman_engine::admin::clients::find(&world.engine, ID).await.is_err());
}
