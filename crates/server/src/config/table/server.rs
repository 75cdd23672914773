//! The server itself: where it listens, where it keeps what it knows, what it tells operators.

use std::net::SocketAddr;
use std::path::PathBuf;

use firman_proto::issuer::Issuer;

use crate::config::{Days, LogFilter, LogFormat, Milliseconds, Names, Seconds, Secret, StoreUrl, WebAddress};

crate::config::schema::sections! {
    /// What operators use: an API and a console, on a listener of their own.
    admin: Admin {
        /// Address and port to serve them on; port 0 takes a free one; empty: nowhere. Health is answered there too. TLS is as for the server.
        listen: Option<SocketAddr> = "";
        /// The address under which browsers reach it, such as "https://admin.example"; empty: http or https and what it listens on.
        address: Option<WebAddress> = "";
        /// Subjects who are operators of everything; others are made by `firman admin grant-operator`.
        operators: Vec<String> = [];
    }
    /// What the audit trail says, beside what happened. How long it is kept is retention.events_days.
    audit: Audit {
        /// Whether it keeps the address that a request came from.
        addresses: bool = true;
        /// Whether it keeps what the program that asked calls itself (User-Agent), up to 128 characters.
        user_agents: bool = true;
        /// How many refused sign-ins and how many refused clients are written in a minute, on each node; the next says how many were not. 0: none.
        refusals_per_minute: u32 = 60, 0..=1_000_000;
    }
    /// Where the server listens, and who it is.
    server: Server {
        /// Address and port to listen on; port 0 takes a free one.
        listen: SocketAddr = "127.0.0.1:8080";
        /// The issuer identifier: the address under which clients reach this server; https unless it is loopback.
        issuer: Option<Issuer> = "";
        /// The largest request body that is read, in bytes.
        max_body_bytes: u32 = 65_536, 1024..=16_777_216;
        /// How long one request may take, in milliseconds.
        request_timeout_ms: Milliseconds = 15_000, 100..=600_000;
        /// How long a client may take to send the head of a request, in milliseconds.
        header_timeout_ms: Milliseconds = 5_000, 100..=600_000;
        /// How long a stopping server waits for requests to finish, in milliseconds.
        shutdown_timeout_ms: Milliseconds = 10_000, 0..=600_000;
        /// How many connections may be open at once.
        max_connections: u32 = 10_000, 1..=1_000_000;
        /// PEM file with the certificate chain; empty: no TLS here.
        tls_certificate: Option<PathBuf> = "";
        /// PEM file with the private key of the certificate.
        tls_key: Option<PathBuf> = "";
        /// Whether there are pages on which people sign in and consent; without them only programs are served, in JSON.
        pages: bool = true;
        /// Whether TLS ends at a proxy in front that sets X-Forwarded-Proto, and adds to X-Forwarded-For who asked it; cookies are then Secure.
        trust_forwarded_proto: bool = false;
    }
    /// The database.
    store: Store {
        /// Which database: "sqlite:" and the path of a file, "postgres://user:password@host:port/database", or
        /// "mysql://user:password@host:port/database" for MariaDB. Several hosts, with commas between, are PostgreSQL and its
        /// standbys, or the nodes of a Galera cluster. Beyond this machine it is encrypted and the certificate checked; the parameter
        /// sslrootcert (PostgreSQL) or ssl-ca (MariaDB) names a file of authorities. FIRMAN__STORE__URL_FILE keeps a password out of
        /// the settings.
        url: StoreUrl = "sqlite:firman.db";
        /// How many connections read at once.
        readers: u32 = 4, 1..=256;
        /// For how long what is known of a client may be out of date, in milliseconds; 0: never.
        client_cache_ms: Milliseconds = 1_000, 0..=60_000;
        /// Other names for tables and columns: "table" or "table.column" = the name in the database.
        names: Names = Names::default();
    }
    /// How long what has ended stays, to explain what became of it, before it is deleted. Counted from the time at which it
    /// would have expired, whatever became of it before: a used code stays known as used for as long as it would have been good,
    /// and a revoked grant for as long as its last token would have.
    retention: Retention {
        /// Authorization requests and codes, in days.
        flows_days: Days = 1, 0..=3650;
        /// Grants, in days.
        grants_days: Days = 1, 0..=3650;
        /// Tokens that were revoked one by one, in days.
        revoked_tokens_days: Days = 1, 0..=3650;
        /// Proofs and assertions that are taken once, in days.
        once_days: Days = 0, 0..=3650;
        /// Browser sessions, in days.
        sessions_days: Days = 1, 0..=3650;
        /// Names that are held for a time, in days.
        names_days: Days = 1, 0..=3650;
        /// Keys that nothing trusts any more, in days.
        keys_days: Days = 1, 0..=3650;
        /// The audit trail, in days.
        events_days: Days = 365, 1..=36_500;
        /// What was delivered or given up, in days: that it was; what it said is forgotten at once.
        deliveries_days: Days = 7, 0..=3650;
        /// Tokens of other servers that programs keep here, in days.
        held_tokens_days: Days = 1, 0..=3650;
        /// How many rows the server deletes in a second at most; 0: none, and `firman purge` is run by something else.
        rows_per_second: u32 = 2_000, 0..=1_000_000;
    }
    /// What only this server may know.
    secrets: Secrets {
        /// The key that seals all keys in the database: base64 of 32 random bytes. Keep a copy apart from the backups.
        master_key: Option<Secret<[u8; 32]>> = "";
    }
    /// What must reach others (logout tokens, webhooks, e-mail), and is tried until it does.
    outbox: Outbox {
        /// How many are under way at once, on each node; a quarter of them to one place.
        at_once: u32 = 32, 1..=1024;
        /// How long one attempt may take, in milliseconds.
        attempt_timeout_ms: Milliseconds = 10_000, 100..=120_000;
        /// About how long the first pause between two attempts is, in seconds; each is twice the one before.
        first_pause_seconds: Seconds = 5, 1..=3600;
        /// The longest pause, in seconds.
        longest_pause_seconds: Seconds = 21_600, 1..=86_400;
        /// After how many attempts something is given up.
        attempts: u32 = 20, 1..=1000;
        /// After how long it is given up at the latest, in seconds.
        life_seconds: Seconds = 259_200, 60..=2_592_000;
    }
    /// Others who are told of events, by requests that are signed and tried until they arrive.
    webhooks: Webhooks {
        /// File (TOML or JSON) that names them: [[webhooks]] with name, url, events and secret_files; empty: nobody is told.
        file: Option<PathBuf> = "";
    }
    /// The log, on standard error.
    log: Log {
        /// What is logged: error, warn, info, debug or trace, also by module, such as "info,firman=debug".
        level: LogFilter = "info";
        /// "text" for people, "json" for machines.
        format: LogFormat = "text";
    }
    /// Metrics in the Prometheus text format.
    metrics: Metrics {
        /// Address and port to serve them on; empty: nowhere.
        listen: Option<SocketAddr> = "";
    }
}
