//! What servers publish: kept, shared and asked for again.

use super::*;

// OpenID Connect Core §3.1.3.7.
#[tokio::test]
async fn the_clock_of_a_server_may_differ_by_what_is_set() {
    let signer = key();
    let (server, desk) =
        (publishing(&Arc::new(Mutex::new(json!({"keys": [signer.jwk()]})))), desk(Authentication::None));
    let claims = json!({"iss": desk.server.issuer, "sub": "alice", "aud": "app", "iat": NOW.seconds(),
        "exp": NOW.seconds() + 60});
    let id_token = Secret::from(signer.sign(&claims).unwrap());
    let good = async |wire: Wire, hand: Arc<Hand>, later| {
        hand.forward(later);
        wire.verify(&desk, &id_token, None, Asked::default()).await.is_ok()
    };
    let usual = || wire(&server);
    let set = |skew| {
        let (wire, hand) = wire(&server);
        (wire.with_skew(Lifetime::from_seconds(skew)).unwrap(), hand)
    };
    for ((wire, hand), later, taken) in [
        (usual(), 119, true),
        (usual(), 120, false),
        (set(0), 59, true),
        (set(0), 60, false),
        (set(300), 359, true),
        (set(300), 360, false),
    ] {
        assert_eq!(good(wire, hand, later).await, taken, "{later}");
    }
    assert!(wire(&server).0.with_skew(Lifetime::from_seconds(301)).unwrap_err().to_string().contains("300 s"));
}

/// What runs of a program share.
#[derive(Default)]
struct Drawer(Mutex<HashMap<String, String>>);

#[async_trait]
impl Shelf for Drawer {
    async fn look(&self, name: &str) -> Result<Option<String>, Error> {
        Ok(lock(&self.0).get(name).cloned())
    }

    async fn put(&self, name: &str, document: String) {
        lock(&self.0).insert(name.to_owned(), document);
    }
}

/// A shelf that nobody can read.
pub(crate) struct Broken;

#[async_trait]
impl Shelf for Broken {
    async fn look(&self, _: &str) -> Result<Option<String>, Error> {
        Err(Error::Local("damaged".to_owned()))
    }

    async fn put(&self, _: &str, _: String) {}
}

/// A server with one version of its metadata, and keys that a test edits.
fn publishing(keys: &Arc<Mutex<Value>>) -> Arc<Server> {
    let keys = Arc::clone(keys);
    Server::new(move |request| {
        let keys = lock(&keys).clone();
        let metadata = serde_json::to_value(crate::flow::party::tests::server()).unwrap();
        let (document, tag) = if request.url.ends_with("/jwks") { (keys, "\"k\"") } else { (metadata, "\"m\"") };
        let same = request.headers.get(IF_NONE_MATCH).is_some_and(|sent| sent == tag) && tag == "\"m\"";
        let mut found = if same { answer(304, &[], "") } else { answered(200, &document) };
        found.headers.insert(ETAG, tag.parse().unwrap());
        Ok(found)
    })
}

// OpenID Connect Core §10.1.1.
#[tokio::test]
async fn whether_an_unknown_key_is_the_servers_cannot_be_known_in_an_outage() {
    let (own, down) = (key(), Arc::new(std::sync::atomic::AtomicBool::new(false)));
    let (keys, is_down) = (json!({"keys": [own.jwk()]}), Arc::clone(&down));
    let server = Server::new(move |_| {
        Ok(if is_down.load(Ordering::Relaxed) { answer(503, &[], "") } else { answered(200, &keys) })
    });
    let ((wire, hand), desk) = (wire(&server), desk(Authentication::None));
    let verify = async |signer: &firman_proto::jws::HeldKey| {
        let claims = json!({"iss": desk.server.issuer, "sub": "alice", "aud": "app", "iat": NOW.seconds(),
            "exp": NOW.seconds() + 600});
        wire.verify(&desk, &signer.sign(&claims).unwrap().into(), None, Asked::default()).await
    };
    verify(&own).await.unwrap();
    down.store(true, Ordering::Relaxed);
    hand.forward(301);
    verify(&own).await.unwrap();
    for _ in 0..2 {
        assert!(verify(&key()).await.unwrap_err().is_outage());
    }
    assert_eq!(server.asked("/jwks"), 2, "and it is asked no more often for that");
}

// RFC 9111 §4.2, §4.3.4.
#[tokio::test]
async fn what_one_run_has_found_the_next_need_not_ask_for() {
    let (drawer, keys) = (Arc::new(Drawer::default()), Arc::new(Mutex::new(json!({"keys": [key().jwk()]}))));
    let server = publishing(&keys);
    let run = async |later: i64| {
        let (wire, hand) = wire(&server);
        hand.forward(later);
        let wire = wire.with_shelf(Arc::<Drawer>::clone(&drawer));
        let metadata = wire.server("https://as.example", First::OpenId).await.unwrap();
        assert_eq!(metadata.token_endpoint.as_deref(), Some("https://as.example/token"));
        assert_eq!(wire.keys(&metadata, None).await.unwrap().keys().len(), 1);
        server.requests().len()
    };
    assert_eq!((run(0).await, run(299).await), (2, 2), "it is good for as long as it was said to be");
    assert_eq!((run(300).await, run(599).await), (4, 4));
    let asked = server.requests().iter().filter(|request| request.headers.contains_key(IF_NONE_MATCH)).count();
    assert_eq!(asked, 2, "by its version");
    assert!(lock(&drawer.0).len() == 2 && lock(&drawer.0).contains_key("keys of https://as.example"));
}

// OpenID Connect Core §10.1.1.
#[tokio::test]
async fn a_key_that_another_run_did_not_find_is_asked_for_once_in_ten_seconds() {
    let (old, new) = (key(), key());
    let (drawer, keys) = (Arc::new(Drawer::default()), Arc::new(Mutex::new(json!({"keys": [old.jwk()]}))));
    let (server, desk) = (publishing(&keys), desk(Authentication::None));
    let run = async |later: i64, signer: &firman_proto::jws::HeldKey| {
        let (wire, hand) = wire(&server);
        hand.forward(later);
        let claims = json!({"iss": desk.server.issuer, "sub": "alice", "aud": "app", "iat": NOW.seconds(),
            "exp": NOW.seconds() + 300});
        let id_token = signer.sign(&claims).unwrap().into();
        let wire = wire.with_shelf(Arc::<Drawer>::clone(&drawer));
        (wire.verify(&desk, &id_token, None, Asked::default()).await.is_ok(), server.asked("/jwks"))
    };
    assert_eq!((run(0, &old).await, run(5, &old).await), ((true, 1), (true, 1)));
    *lock(&keys) = json!({"keys": [new.jwk()]});
    assert_eq!(run(9, &new).await, (false, 1), "too soon to hope for a newer set");
    assert_eq!((run(10, &new).await, run(11, &new).await), ((true, 2), (true, 2)));
    assert_eq!((run(12, &key()).await, run(20, &key()).await), ((false, 2), (false, 3)));
    // Keys of another address are not those that are asked for.
    let moved = ServerMetadata { jwks_uri: Some("https://as.example/moved/jwks".into()), ..(*desk.server).clone() };
    let (wire, _) = wire(&server);
    wire.with_shelf(Arc::<Drawer>::clone(&drawer)).keys(&moved, None).await.unwrap();
    assert_eq!(server.requests().last().unwrap().url, "https://as.example/moved/jwks");
}

#[tokio::test]
async fn a_shelf_that_cannot_be_read_is_told_and_what_is_no_document_is_asked_for() {
    let server = publishing(&Arc::default());
    let error = wire(&server).0.with_shelf(Arc::new(Broken)).server("https://as.example", First::OpenId).await;
    assert!(error.unwrap_err().to_string().contains("damaged") && server.requests().is_empty());
    let drawer = Arc::new(Drawer::default());
    drawer.put("metadata of https://as.example", "{}".to_owned()).await;
    wire(&server).0.with_shelf(drawer).server("https://as.example", First::OpenId).await.unwrap();
}
