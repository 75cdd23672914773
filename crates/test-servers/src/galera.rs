//! A throwaway MariaDB Galera cluster of three nodes, each of which can be killed or cut off from the others.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU32;
use std::time::{Duration, Instant};

use crate::link::Links;
use crate::mariadb::{Node, QUICK, USER, fresh_name};
use crate::place::{Place, engine};

/// How many nodes there are.
pub const NODES: usize = 3;

/// Three nodes. Gone when this is dropped or the process ends.
#[derive(Debug)]
pub struct Galera {
    nodes: Vec<Node>,
    links: Links,
    place: Place,
    made: AtomicU32,
}

impl Galera {
    /// The one that all tests of this process share, started by the first. `None` where there is no Galera.
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Galera>> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(&QUICK)).as_ref()
    }

    /// A cluster of one's own, with these lines in its configuration. `None` where there is no Galera.
    pub fn start(settings: &[&str]) -> Option<Self> {
        let (program, provider) = (engine("FIRMAN_TEST_MARIADB")?, engine("FIRMAN_TEST_GALERA")?);
        let place = Place::new(USER);
        let ports = free_ports();
        let links = Links::new(&ports.iter().map(|[replication, ..]| *replication).collect::<Vec<_>>());
        let peers: Vec<_> = (0..NODES).map(|node| links.address(node)).collect();
        let node = |(number, ports): (usize, &[u16; 3])| {
            let replication = replication_settings(&place, &provider, number, *ports, &peers);
            let settings: Vec<_> = settings.iter().copied().chain([replication.as_str()]).collect();
            Node::new(program.clone(), &place, &format!("node{number}"), &settings)
        };
        let nodes: Vec<_> = ports.iter().enumerate().map(node).collect();
        let made = Self { nodes, links, place, made: AtomicU32::new(0) };
        made.form();
        Some(made)
    }

    /// The folder it lives in.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The name of a new, empty database; it is on every node.
    pub fn fresh(&self) -> String {
        let name = fresh_name(&self.made);
        self.sql(0, &format!("CREATE DATABASE {name}"));
        for node in 1..NODES {
            self.sql(node, "SET SESSION wsrep_sync_wait = 1; SELECT 1");
        }
        name
    }

    /// The address of a database at one node.
    pub fn url(&self, node: usize, database: &str) -> String {
        format!("mysql://root@127.0.0.1:{}/{database}", self.nodes[node].port)
    }

    /// The address of a database at every node, this one first.
    pub fn url_of_all(&self, first: usize, database: &str) -> String {
        let hosts = (0..NODES).map(|place| format!("127.0.0.1:{}", self.nodes[(first + place) % NODES].port));
        format!("mysql://root@{}/{database}", hosts.collect::<Vec<_>>().join(","))
    }

    /// Runs statements at a node; gives what the client prints, one line a row.
    pub fn sql(&self, node: usize, text: &str) -> String {
        self.nodes[node].sql(&self.place, text)
    }

    /// `kill -9` of one node.
    pub fn kill(&self, node: usize) {
        self.nodes[node].kill(&self.place);
    }

    /// Starts a node that was killed, and waits until it has caught up with the others.
    pub fn run(&self, node: usize) {
        self.nodes[node].run(&self.place, &[]);
        self.wait_until_ready(node);
    }

    /// Cuts a node off: its replication connections end and no new ones are made. Its clients still reach it.
    pub fn cut_off(&self, node: usize) {
        self.links.cut(node);
    }

    /// Lets a node back, and waits until it has caught up with the others.
    pub fn let_back(&self, node: usize) {
        self.links.mend(node);
        self.wait_until_ready(node);
    }

    /// What a node says of itself: `wsrep_cluster_status`, for example.
    pub fn status(&self, node: usize, variable: &str) -> Option<String> {
        let shown = self.nodes[node].try_sql(&self.place, &format!("SHOW GLOBAL STATUS LIKE '{variable}'"))?;
        shown.split_whitespace().nth(1).map(str::to_owned)
    }

    /// Waits until a node serves again.
    pub fn wait_until_ready(&self, node: usize) {
        self.wait_for(node, "wsrep_ready", "ON");
        self.wait_for(node, "wsrep_local_state_comment", "Synced");
    }

    /// Waits until a node says so of itself; a minute at most.
    pub fn wait_for(&self, node: usize, variable: &str, value: &str) {
        let until = Instant::now() + Duration::from_mins(1);
        while self.status(node, variable).as_deref() != Some(value) {
            let name = &self.nodes[node].name;
            assert!(Instant::now() < until, "{name}: {variable} is not {value}: {}", self.place.log(name));
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn form(&self) {
        self.nodes[0].make_data(&self.place);
        self.nodes[0].run(&self.place, &["--wsrep-new-cluster"]);
        self.wait_until_ready(0);
        for node in 1..NODES {
            self.run(node);
        }
    }
}

/// Ports for replication, for what a node missed, and for whole copies; all different.
fn free_ports() -> Vec<[u16; 3]> {
    let free = || TcpListener::bind("127.0.0.1:0").unwrap();
    let held: Vec<[TcpListener; 3]> = (0..NODES).map(|_| [free(), free(), free()]).collect();
    let port = |listener: TcpListener| listener.local_addr().unwrap().port();
    held.into_iter().map(|listeners| listeners.map(port)).collect()
}

/// What makes a server a node. Peers reach each other through the links; what a node that comes back missed, it gets direct.
fn replication_settings(
    place: &Place,
    provider: &Path,
    node: usize,
    [replication, ist, sst]: [u16; 3],
    peers: &[SocketAddr],
) -> String {
    let peers = peers.iter().map(SocketAddr::to_string).collect::<Vec<_>>().join(",");
    // The links read what passes: no checksums. A lost peer is noticed after two seconds.
    let options = [
        format!(
            "base_port={replication};gmcast.listen_addr=tcp://127.0.0.1:{replication};ist.recv_addr=127.0.0.1:{ist}"
        ),
        format!("gcache.size=32M;gcache.dir={}", place.folder().join(format!("node{node}.data")).display()),
        "socket.checksum=0;evs.keepalive_period=PT0.5S;evs.suspect_timeout=PT2S".to_owned(),
    ];
    [
        "binlog_format=ROW\ninnodb_autoinc_lock_mode=2\nwsrep_on=ON".to_owned(),
        format!("wsrep_provider={}\nwsrep_provider_options=\"{}\"", provider.display(), options.join(";")),
        format!("wsrep_cluster_name=firman\nwsrep_cluster_address=gcomm://{peers}\nwsrep_node_name=node{node}"),
        format!("wsrep_node_address=127.0.0.1:{replication}\nwsrep_sst_receive_address=127.0.0.1:{sst}"),
        "wsrep_sst_method=rsync\nwsrep_slave_threads=2".to_owned(),
    ]
    .join("\n")
}
