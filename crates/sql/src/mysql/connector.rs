//! How a connection is made: which node, with what certificate, in which session.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, OptsBuilder, SslOpts};
use tokio::time::timeout;

use super::address::Address;
use super::admin::Schema;
use super::fault::{When, meaning};
use super::session::Session;
use crate::remote::{Connector, WireError};
use crate::texts::Texts;

/// The least time that a node has to let us in before the next is tried.
const PATIENCE: Duration = Duration::from_secs(2);

/// Prepared statements that a connection keeps: more than there are.
const STATEMENTS: usize = 256;

/// Makes connections to a server or to the nodes of a cluster.
pub(super) struct Nodes {
    address: Address,
    place: String,
    texts: Arc<Texts>,
    /// How long a statement waits for a row that others hold; at least a second.
    lock_wait: Duration,
    /// The node that was good the last time.
    good: AtomicUsize,
    /// How often a connection turned out to be of no more use: its server is gone, or takes no writes any more. Those made
    /// before may lead nowhere too, or read what is out of date.
    turns: Arc<AtomicUsize>,
}

/// What a server says of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Server {
    mariadb: bool,
    /// A node of a Galera cluster.
    pub(super) clustered: bool,
    /// It is part of the cluster, or alone.
    ready: bool,
    read_only: bool,
}

impl Nodes {
    pub(super) fn new(address: Address, texts: Arc<Texts>, lock_wait: Duration) -> Self {
        Self {
            place: format!("{address:?}"),
            address,
            texts,
            lock_wait,
            good: AtomicUsize::new(0),
            turns: Arc::default(),
        }
    }

    /// A connection whose session is set up.
    pub(super) async fn session(&self) -> Result<(Conn, Server), WireError> {
        let (mut conn, server) = self.any().await?;
        let set = conn.query_drop(self.settings(server)).await;
        set.map_err(|error| meaning(&error, When::Before).0)?;
        Ok((conn, server))
    }

    /// A connection to the first node that can serve, beginning with the one that could the last time.
    async fn any(&self) -> Result<(Conn, Server), WireError> {
        let count = self.address.hosts.len();
        let first = self.good.load(Ordering::Relaxed);
        let patience = (self.lock_wait / u32::try_from(count).unwrap_or(1).max(1)).max(PATIENCE);
        let mut last = WireError::Lost("no host is given".to_owned());
        for place in (0..count).map(|step| (first + step) % count) {
            let Some((host, port)) = self.address.hosts.get(place) else { continue };
            let reached = timeout(patience, self.node(host, *port)).await;
            match reached.unwrap_or_else(|_| Err(WireError::Lost("no answer in time".to_owned()))) {
                Ok(reached) => {
                    self.good.store(place, Ordering::Relaxed);
                    return Ok(reached);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    async fn node(&self, host: &str, port: u16) -> Result<(Conn, Server), WireError> {
        let wrong = |error| meaning(&error, When::Before).0;
        let mut conn = Conn::new(self.options(host, port)).await.map_err(wrong)?;
        let server = Server::ask(&mut conn).await.map_err(wrong)?;
        if !server.ready {
            return Err(WireError::Lost(format!("{host}:{port} is not part of the cluster")));
        }
        if server.read_only {
            return Err(WireError::Lost(format!("{host}:{port} is read-only")));
        }
        Ok((conn, server))
    }

    fn options(&self, host: &str, port: u16) -> Opts {
        let address = &self.address;
        OptsBuilder::default()
            .ip_or_hostname(host)
            .tcp_port(port)
            .user(Some(&address.user))
            .pass(address.password.as_ref())
            .db_name(Some(&address.database))
            .ssl_opts(tls_options(address))
            // Otherwise a server on this host would be asked for its socket, and that be used.
            .prefer_socket(false)
            .tcp_nodelay(true)
            .tcp_keepalive(Some(Duration::from_secs(30)))
            .client_found_rows(true)
            .stmt_cache_size(Some(STATEMENTS))
            .into()
    }

    /// The settings of a session; `docs/decisions/mysql.md` says why each.
    fn settings(&self, server: Server) -> String {
        let seconds = self.lock_wait.as_secs().max(1);
        let limit = if server.mariadb { format!(", max_statement_time = {}", 2 * seconds) } else { String::new() };
        let causal = if server.clustered { ", wsrep_sync_wait = 7" } else { "" };
        format!(
            "SET NAMES utf8mb4;SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED;\
             SET SESSION autocommit = 1, sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', sql_auto_is_null = 0, \
             innodb_lock_wait_timeout = {seconds}{limit}{causal}"
        )
    }
}

#[async_trait]
impl Connector for Nodes {
    type Wire = Session;
    type Admin = Schema;
    // The protocol has no way to send a second query before the first is answered.
    const READS_AT_ONCE: usize = 1;

    async fn connect(&self) -> Result<Session, WireError> {
        let turn = Turn::now(&self.turns);
        let (conn, server) = self.session().await?;
        Ok(Session::new(conn, Arc::clone(&self.texts), server.clustered, turn))
    }

    async fn admin(&self) -> Result<Schema, WireError> {
        let (conn, server) = self.any().await?;
        Schema::new(conn, server).await
    }

    fn place(&self) -> &str {
        &self.place
    }
}

/// When a connection was made, counted in connections that were lost.
pub(super) struct Turn {
    turns: Arc<AtomicUsize>,
    made: usize,
}

impl Turn {
    fn now(turns: &Arc<AtomicUsize>) -> Self {
        Self { turns: Arc::clone(turns), made: turns.load(Ordering::Relaxed) }
    }

    /// Nobody stays on a connection that was made by then.
    pub(super) fn end(&self) {
        // Of those who notice, one ends it.
        self.turns.compare_exchange(self.made, self.made + 1, Ordering::Relaxed, Ordering::Relaxed).ok();
    }

    /// Whether somebody has found so since.
    pub(super) fn is_over(&self) -> bool {
        self.turns.load(Ordering::Relaxed) != self.made
    }
}

impl Server {
    async fn ask(conn: &mut Conn) -> Result<Self, mysql_async::Error> {
        let variables = "SHOW VARIABLES WHERE Variable_name IN ('version', 'wsrep_on', 'read_only')";
        let mut server = Self { ready: true, ..Self::default() };
        for (name, value) in conn.query::<(String, String), _>(variables).await? {
            let on = value.eq_ignore_ascii_case("ON") || value == "1";
            match name.as_str() {
                "version" => server.mariadb = value.contains("MariaDB"),
                "wsrep_on" => server.clustered = on,
                "read_only" => server.read_only = on,
                _ => {}
            }
        }
        if server.clustered {
            let status = conn.query::<(String, String), _>("SHOW GLOBAL STATUS LIKE 'wsrep_ready'").await?;
            server.ready = status.iter().any(|(_, value)| value == "ON");
        }
        Ok(server)
    }
}

fn tls_options(address: &Address) -> Option<SslOpts> {
    if !address.tls {
        return None;
    }
    let options = SslOpts::default().with_disable_built_in_roots(true);
    Some(options.with_root_certs(match &address.authority {
        Some(file) => vec![file.clone().into()],
        None => rustls_native_certs::load_native_certs().certs.iter().map(|root| root.to_vec().into()).collect(),
    }))
}
