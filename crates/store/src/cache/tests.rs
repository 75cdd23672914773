//! The suite behind the cache, on one node and on two, and how far a node may lag.

use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use super::*;
use crate::conformance::fixtures::*;
use crate::record::SealKey;
use crate::{Change, Editable, Fault, FaultyStore, MemoryStore};

const BOUND: Lifetime = Lifetime::from_millis(1_000);

/// A clock that is set by hand, or goes on by a step each time somebody looks.
struct Hand {
    millis: AtomicI64,
    step: i64,
}

impl Hand {
    fn new(step: i64) -> Arc<Self> {
        Arc::new(Self { millis: AtomicI64::new(NOW.millis()), step })
    }

    fn pass(&self, millis: i64) {
        self.millis.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.millis.fetch_add(self.step, Ordering::SeqCst))
    }
}

mod one_node {
    use super::*;

    async fn make() -> Arc<dyn Store> {
        Arc::new(CachedStore::new(Arc::new(MemoryStore::new()), Hand::new(0), BOUND))
    }

    crate::conformance!(make);
}

/// Every call goes to the other node than the one before; each takes as long as the bound.
mod two_nodes {
    use super::*;

    struct Nodes([CachedStore; 2], AtomicUsize);

    impl Nodes {
        fn next(&self) -> &dyn Store {
            &self.0[self.1.fetch_add(1, Ordering::SeqCst) % 2]
        }
    }

    #[async_trait]
    impl Store for Nodes {
        async fn commit(&self, transaction: Transaction) -> Result<Commit, CommitError> {
            self.next().commit(transaction).await
        }

        crate::forward_reads! { Self::next }
    }

    async fn make() -> Arc<dyn Store> {
        let (inner, clock) = (Arc::new(MemoryStore::new()), Hand::new(BOUND.millis()));
        let node =
            || CachedStore::new(Arc::clone(&inner) as Arc<dyn Store>, Arc::clone(&clock) as Arc<dyn Clock>, BOUND);
        Arc::new(Nodes([node(), node()], AtomicUsize::new(0)))
    }

    crate::conformance!(make);
}

struct World {
    clock: Arc<Hand>,
    /// What both nodes ask.
    store: Arc<FaultyStore>,
    here: Arc<dyn Store>,
    there: Shared,
}

fn world(bound: Lifetime) -> World {
    let (clock, store) = (Hand::new(0), Arc::new(FaultyStore::new(Arc::new(MemoryStore::new()))));
    let node = || -> Shared {
        let (inner, clock) = (Arc::clone(&store) as Arc<dyn Store>, Arc::clone(&clock) as Arc<dyn Clock>);
        Arc::new(CachedStore::new(inner, clock, bound))
    };
    World { here: node(), there: node(), clock, store }
}

impl World {
    /// Whether the client is enabled, as a node sees it, and how often that node asked the store.
    async fn look(&self, node: &Shared, client: &Client) -> (bool, u64) {
        let before = self.store.calls();
        let one = node.client_by_id(client.id).await.unwrap().unwrap();
        let other = node.client(Client::key(client.issuer, &client.client_id)).await.unwrap().unwrap();
        assert_eq!(one, other);
        (one.enabled, self.store.calls() - before)
    }
}

async fn disable(node: &Shared, client: &Client, if_revision: u64) {
    let record = Editable::Client(Box::new(Client { enabled: false, ..client.clone() }));
    done(node, vec![Change::Replace { record, if_revision }]).await;
}

#[tokio::test]
async fn an_edit_is_seen_at_once_here_and_within_the_bound_elsewhere() {
    let world = world(BOUND);
    let client = client();
    done(&world.here, vec![insert_client(&client)]).await;
    assert_eq!(world.look(&world.here, &client).await, (true, 2));
    assert_eq!(world.look(&world.there, &client).await, (true, 2));
    assert_eq!(world.look(&world.there, &client).await, (true, 0));
    world.clock.pass(BOUND.millis() - 1);
    disable(&world.here, &client, 0).await;
    assert!(!world.look(&world.here, &client).await.0);
    assert_eq!(world.look(&world.there, &client).await, (true, 0), "within the bound");
    world.clock.pass(1);
    assert_eq!(world.look(&world.there, &client).await, (false, 2), "and no longer");
}

#[tokio::test]
async fn resources_are_remembered_as_clients_are_and_by_every_spelling() {
    let world = world(BOUND);
    let resource = resource();
    done(&world.here, vec![insert_resource(&resource)]).await;
    let shouted = resource.identifier.replace("api.example", "API.example");
    let spelled = [Resource::key(resource.issuer, &resource.identifier), Resource::key(resource.issuer, &shouted)];
    let look = async || {
        let before = world.store.calls();
        let found = [world.there.resource(spelled[0]).await.unwrap(), world.there.resource(spelled[1]).await.unwrap()];
        assert_eq!(found[0], found[1]);
        (found[0].as_ref().is_some_and(|one| one.enabled), world.store.calls() - before)
    };
    assert_eq!(look().await, (true, 2), "the edition and the resource");
    assert_eq!(look().await, (true, 0));
    let record = Editable::Resource(Box::new(Resource { enabled: false, ..resource.clone() }));
    done(&world.here, vec![Change::Replace { record, if_revision: 0 }]).await;
    assert_eq!(look().await, (true, 0), "within the bound");
    world.clock.pass(BOUND.millis());
    assert_eq!(look().await, (false, 2), "and no longer");
}

#[tokio::test]
async fn however_many_clients_there_are_a_node_asks_once_in_a_bound() {
    let world = world(BOUND);
    let clients: Vec<_> = (0..20).map(|_| client()).collect();
    done(&world.here, clients.iter().map(insert_client).collect()).await;
    for client in &clients {
        world.look(&world.there, client).await;
    }
    for _ in 0..3 {
        world.clock.pass(BOUND.millis());
        let before = world.store.calls();
        for client in &clients {
            world.look(&world.there, client).await;
        }
        assert_eq!(world.store.calls() - before, 1, "the edition, and nothing else");
    }
}

#[tokio::test]
async fn a_bound_of_zero_remembers_no_client() {
    let world = world(Lifetime::ZERO);
    let client = client();
    done(&world.here, vec![insert_client(&client)]).await;
    assert_eq!(world.look(&world.there, &client).await, (true, 2));
    disable(&world.here, &client, 0).await;
    assert_eq!(world.look(&world.there, &client).await, (false, 2));
}

#[tokio::test]
async fn nothing_remembered_outlives_the_bound_while_the_store_is_away() {
    let world = world(BOUND);
    let client = client();
    done(&world.here, vec![insert_client(&client)]).await;
    world.look(&world.there, &client).await;
    world.store.play(|_| Some(Fault::Refused { temporary: true }));
    assert_eq!(world.look(&world.there, &client).await, (true, 0), "within the bound");
    world.clock.pass(BOUND.millis());
    world.there.client_by_id(client.id).await.unwrap_err();
    world.there.keys().await.unwrap_err();
    world.store.work();
    assert_eq!(world.look(&world.there, &client).await, (true, 1), "what was remembered is still right");
}

#[tokio::test]
async fn keys_never_lag_and_are_read_once() {
    let world = world(BOUND);
    let key = |number| Change::Insert(Editable::SealKey(Box::new(SealKey { number, ..seal_key(1) })));
    done(&world.here, vec![key(1)]).await;
    assert_eq!(world.there.keys().await.unwrap().seal.len(), 1);
    let before = world.store.calls();
    assert_eq!(world.there.keys().await.unwrap().seal.len(), 1);
    assert_eq!(world.store.calls() - before, 1, "the edition alone");
    done(&world.here, vec![key(2)]).await;
    assert_eq!(world.there.keys().await.unwrap().seal.len(), 2, "at once, on the other node");
}

#[tokio::test]
async fn what_was_read_before_an_edit_is_not_remembered_after_it() {
    // The edit here comes while the store still answers a read: the read's client is the old one.
    let inner: Shared = Arc::new(MemoryStore::new());
    let client = client();
    done(&inner, vec![insert_client(&client)]).await;
    let old = inner.client_by_id(client.id).await.unwrap().unwrap();
    let cached = Arc::new(CachedStore::new(Arc::clone(&inner), Hand::new(0), BOUND));
    let shared: Shared = Arc::clone(&cached) as Shared;
    let edition = inner.edition().await.unwrap();
    assert_eq!(cached.known_edition().await, Some(edition));
    let read = || async {
        disable(&shared, &client, 0).await;
        Ok(Some(Arc::clone(&old)))
    };
    let found = cached.find(|_| None, read, Remembered::keep_client).await.unwrap().unwrap();
    assert!(found.enabled);
    assert!(!cached.client_by_id(client.id).await.unwrap().unwrap().enabled);
}

/// Counts what is called, whether or not anybody waits for it.
struct Called(MemoryStore, AtomicUsize);

impl Called {
    fn inner(&self) -> &dyn Store {
        self.1.fetch_add(1, Ordering::SeqCst);
        &self.0
    }
}

#[async_trait]
impl Store for Called {
    async fn commit(&self, transaction: Transaction) -> Result<Commit, CommitError> {
        self.0.commit(transaction).await
    }

    crate::forward_reads! { Self::inner }
}

#[tokio::test]
async fn a_client_that_is_remembered_does_not_so_much_as_call_the_store() {
    let store = Arc::new(Called(MemoryStore::new(), AtomicUsize::new(0)));
    let cached: Shared = Arc::new(CachedStore::new(Arc::clone(&store) as Arc<dyn Store>, Hand::new(0), BOUND));
    let client = client();
    done(&cached, vec![insert_client(&client)]).await;
    cached.client_by_id(client.id).await.unwrap().unwrap();
    let before = store.1.load(Ordering::SeqCst);
    cached.client_by_id(client.id).await.unwrap().unwrap();
    cached.client(Client::key(client.issuer, &client.client_id)).await.unwrap().unwrap();
    assert_eq!(store.1.load(Ordering::SeqCst), before);
}
