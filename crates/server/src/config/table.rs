//! The table of all settings: section, key, type, default, allowed range, and what it is for. All else follows from it.

use std::net::SocketAddr;
use std::path::PathBuf;

use firman_engine::account::Owners;
use firman_engine::client_document::TrustedHosts;
use firman_engine::registration::{Mode, StatementIssuer};
use firman_engine::sessions::SessionGrants;
use firman_proto::acr::Classes;
use firman_proto::client::GrantType;
use firman_proto::credentials::AuthMethod;
use firman_proto::device::Alphabet;
use firman_proto::extra_claims::ExtraClaim;
use firman_proto::issuer::Issuer;
use firman_proto::jws::Algorithm;
use firman_proto::routes::Route;
use firman_proto::scope::Scope;
use firman_store::record::{RefreshPolicy, ReuseReaction, TokenFormat, WiderScope};

use crate::fetch::Networks;
use crate::pages::brand::Colour;
use axum::http::HeaderName;

use super::{
    Days, HelpAddress, Line, LogFilter, LogFormat, Milliseconds, Names, Seconds, Secret, SmtpTls, StoreUrl, WebAddress,
    schema,
};

schema::settings! {
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
    /// How long what is issued lives.
    tokens: Tokens {
        /// Lifetime of an authorization code, in seconds.
        code_seconds: Seconds = 60, 1..=600;
        /// How long a browser may take to come with a pushed authorization request, in seconds.
        pushed_request_seconds: Seconds = 90, 5..=600;
        /// Take no authorization requests but pushed ones.
        require_pushed_requests: bool = false;
        /// Take no authorization requests but signed ones (RFC 9101).
        require_signed_requests: bool = false;
        /// How old a DPoP proof may be, in seconds.
        dpop_proof_seconds: Seconds = 60, 5..=600;
        /// Take no DPoP proof without a nonce that this server gave.
        require_dpop_nonce: bool = false;
        /// Lifetime of an access token, in seconds.
        access_token_seconds: Seconds = 300, 10..=86_400;
        /// How access tokens look where neither the resource nor the client says: "opaque", or "jwt" (RFC 9068).
        access_token_format: TokenFormat = "opaque";
        /// Lifetime of an ID token, in seconds.
        id_token_seconds: Seconds = 300, 10..=86_400;
        /// Lifetime of a grant with refresh tokens, however often it is refreshed, in seconds.
        refresh_token_seconds: Seconds = 2_592_000, 60..=315_360_000;
        /// Whether clients registered for it may get tokens through the browser (implicit, hybrid); RFC 9700 advises against it.
        front_channel: bool = false;
        /// How long a grant with refresh tokens may lie unused, in seconds; each use counts anew, up to refresh_token_seconds. 0: as long as it lives.
        refresh_idle_seconds: Seconds = 0, 0..=315_360_000;
        /// Whether a person's new grant to a client takes the place of the one of the same scope, which is revoked.
        one_grant: bool = false;
        /// Whether such a new grant gets the tokens of the one there is while its access token is good; then there is one_grant too.
        reuse_access_token: bool = false;
        /// What becomes of a refresh token when it is used: "rotate" (it gets a successor) or "reuse" (it stays).
        refresh: RefreshPolicy = "rotate";
        /// What is revoked when an old refresh token is presented again: its "grant", everything of its "subject", or "ignore".
        on_refresh_reuse: ReuseReaction = "grant";
        /// What a refresh gets that asks for more than was granted: "refuse", or "intersect" it with what was granted.
        wider_scope: WiderScope = "refuse";
        /// For how long a refresh may be repeated and gets the same answer, in seconds.
        retry_window_seconds: Seconds = 30, 0..=300;
        /// The same for public clients without a sender key, in seconds.
        public_retry_window_seconds: Seconds = 10, 0..=300;
        /// For how long after that an old refresh token is only refused, before it counts as stolen, in seconds.
        late_seconds: Seconds = 60, 0..=600;
        /// How many failed redemptions burn an authorization code; 0: they are not counted.
        failed_redemptions: u32 = 5, 0..=100;
        /// Whether clients registered for it may send people's passwords, to replace old systems; RFC 9700 says not to.
        password_grant: bool = false;
        /// TOML or JSON file with a list "issuers" of those whose assertions are taken: each with issuer, jwks_uri or jwks, scope, and if
        /// need be clients, subjects, account ("username" or "subject") and claim.
        trusted_issuers: Option<PathBuf> = "";
        /// The scope with which an access token lets its holder introspect as its client could; empty: none does.
        introspect_scope: Scope = "";
        /// The scope with which an access token lets its holder revoke as its client could; empty: none does.
        revoke_scope: Scope = "";
    }
    /// Claims beside those of the protocol. Each is "name = value" (a text or JSON) or "name = account.detail", and with
    /// " if scope" behind it only where that scope was granted.
    claims: Claims {
        /// In ID tokens.
        id_token: Vec<ExtraClaim> = [];
        /// In JWT access tokens.
        access_token: Vec<ExtraClaim> = [];
        /// In introspection answers about access tokens.
        introspection: Vec<ExtraClaim> = [];
        /// In userinfo answers.
        userinfo: Vec<ExtraClaim> = [];
    }
    /// Devices without a browser: what they show, and somebody types.
    device: Device {
        /// Lifetime of a device's codes, in seconds.
        life_seconds: Seconds = 600, 60..=3600;
        /// How long a device waits between two questions, in seconds; one that asks too soon waits five seconds longer.
        interval_seconds: Seconds = 5, 1..=60;
        /// The characters of a code: capital letters and digits, each once.
        user_code_alphabet: Alphabet = "BCDFGHJKLMNPQRSTVWXZ";
        /// How many of them make a code.
        user_code_length: u32 = 8, 6..=32;
        /// How many wrong codes may be typed in a minute from one address, at one node; then it gets no further until the minute is over.
        wrong_codes_per_minute: u32 = 10, 1..=1_000_000;
        /// The same for everybody together.
        wrong_codes_per_minute_in_all: u32 = 1_000, 1..=1_000_000;
    }
    /// People who are asked elsewhere than where they use something (OpenID Connect CIBA, poll mode).
    backchannel: Backchannel {
        /// Whether clients that are registered for it may have people asked; they answer on the page /requests.
        enabled: bool = false;
        /// For how long such a request waits for its answer at most, in seconds.
        life_seconds: Seconds = 300, 30..=3600;
        /// How long a client waits between two questions, in seconds; one that asks too soon waits five seconds longer.
        interval_seconds: Seconds = 5, 1..=60;
    }
    /// What holds for every client.
    clients: Clients {
        /// The schemes that redirect URIs may have, such as "https"; empty: all that are safe.
        redirect_schemes: Vec<String> = [];
        /// How clients may authenticate, such as "private_key_jwt"; empty: in every way there is.
        auth_methods: Vec<AuthMethod> = [];
    }
    /// Where endpoints and pages are, below the issuer.
    routes: Routes {
        /// Where browsers come to be asked.
        authorize: Route = "/oauth2/authorize";
        /// Where tokens are.
        token: Route = "/oauth2/token";
        /// Where authorization requests are pushed.
        par: Route = "/oauth2/par";
        /// Where devices begin.
        device_authorization: Route = "/oauth2/device_authorization";
        /// Where clients have people asked elsewhere.
        backchannel: Route = "/oauth2/bc-authorize";
        /// Where people answer what waits for them.
        requests: Route = "/requests";
        /// Where somebody types the code of a device.
        device: Route = "/device";
        /// Where clients register themselves.
        register: Route = "/oauth2/register";
        /// Where tokens are asked about.
        introspect: Route = "/oauth2/introspect";
        /// Where tokens are revoked.
        revoke: Route = "/oauth2/revoke";
        /// Where resource servers are told of what is withdrawn.
        revocations: Route = "/oauth2/revocations";
        /// Where clients send people who sign out.
        end_session: Route = "/oauth2/logout";
        /// Where the frame is that tells clients of sign-ins and logouts, if login.session_management is on.
        check_session: Route = "/oauth2/check_session";
        /// Where the claims of a person are.
        userinfo: Route = "/oauth2/userinfo";
        /// Where the public keys are.
        jwks: Route = "/oauth2/jwks";
        /// Where people sign in.
        login: Route = "/login";
        /// Where people are asked for consent.
        consent: Route = "/consent";
        /// Where people are asked whether they want to sign out.
        logout: Route = "/logout";
        /// Where people see and change what is theirs.
        account: Route = "/account";
    }
    /// What people may do for themselves, on the page /account.
    account: Account {
        /// The most that people's API keys may be for, separated by spaces; empty: there are no API keys.
        api_key_scope: Scope = "";
        /// How long an API key lives for which nothing is said, in days.
        api_key_days: Days = 30, 1..=3650;
        /// How long an API key may live, in days.
        api_key_most_days: Days = 366, 1..=3650;
        /// Who may have clients of their own: user names, or "*" for everybody; they may be for registration.scope. Empty: nobody.
        client_owners: Owners = [];
    }
    /// Whose pages people see.
    brand: BrandSettings {
        /// What the service is called; empty: Firman.
        name: Option<Line> = "";
        /// File (SVG, PNG, JPEG or WebP) with the picture that stands in the place of the seal.
        logo_file: Option<PathBuf> = "";
        /// The colour of seal, button and links, such as "#1b5fae".
        accent: Option<Colour> = "";
        /// The same where people like dark pages; empty: the same colour.
        accent_dark: Option<Colour> = "";
        /// File with a style sheet of your own, which comes last.
        css_file: Option<PathBuf> = "";
        /// What the foot of a page says.
        footer: Option<Line> = "";
        /// Where the terms of service are.
        terms_url: Option<WebAddress> = "";
        /// Where people read what becomes of their data.
        privacy_url: Option<WebAddress> = "";
        /// Where people find help: an address, or "mailto:" and one.
        support_url: Option<HelpAddress> = "";
    }
    /// What the metadata document says for people.
    metadata: Metadata {
        /// The address of a page for those who write clients; empty: none.
        service_documentation: Option<WebAddress> = "";
        /// The address of what clients must keep to with people's data; empty: none.
        policy_uri: Option<WebAddress> = "";
        /// The address of the terms of service; empty: none.
        tos_uri: Option<WebAddress> = "";
    }
    /// What clients may ask for beyond scopes (RFC 9396).
    details: Details {
        /// File (TOML or JSON) with the types of authorization_details; empty: none is taken.
        types_file: Option<PathBuf> = "";
    }
    /// The keys that sign and seal.
    keys: Keys {
        /// Signing algorithms to keep a key for: ES256, RS256, PS256, EdDSA. OpenID Connect asks for RS256.
        algorithms: Vec<Algorithm> = ["ES256", "RS256", "EdDSA"];
        /// How long a signing key signs, in days.
        rotate_days: Days = 90, 1..=3650;
        /// How long the next signing key is published before it signs, in days; shorter than rotate_days.
        announce_days: Days = 7, 1..=365;
        /// How long a seal key seals, in days.
        seal_rotate_days: Days = 90, 1..=3650;
    }
    /// Signing in.
    login: Login {
        /// How long a person stays signed in at most, in seconds.
        session_seconds: Seconds = 86_400, 60..=31_536_000;
        /// How long a person stays signed in without being seen, in seconds.
        session_idle_seconds: Seconds = 28_800, 60..=31_536_000;
        /// What becomes of what was allowed in a session that is ended: "keep" it, end what is "online" (without offline_access, and not of
        /// a device), or "all".
        session_grants: SessionGrants = "online";
        /// Whether browsers tell clients, by a frame, that somebody has signed in or out (OpenID Connect Session Management). Only where
        /// browsers let frames of other sites have cookies, or clients are on the same site; off by default.
        session_management: bool = false;
        /// How long the login and consent pages may stay open, in seconds.
        request_seconds: Seconds = 900, 60..=86_400;
        /// What a sign-in is told as (acr), the weakest first: "name = methods it needs", such as "urn:example:mfa = pwd otp".
        acr_classes: Classes = [];
        /// What userinfo asks of the sign-in behind a token: one of these of acr_classes; empty: any (RFC 9470).
        userinfo_acr_values: Vec<String> = [];
        /// And how long ago it may have been, in seconds; 0: any time.
        userinfo_max_age_seconds: Seconds = 0, 0..=31_536_000;
        /// TOML or JSON file with a list "upstream" of identity providers whose people may sign in here; docs/upstream.md says what of each.
        upstreams: Option<PathBuf> = "";
        /// How long somebody may take at one of them, in seconds.
        upstream_seconds: Seconds = 600, 60..=3600;
        /// Whether people sign in with accounts of this server; if not, only at those providers.
        local_accounts: bool = true;
        /// How many passwords are checked at once; each takes password_memory_kib of memory while it is.
        password_hash_workers: u32 = 1, 1..=64;
        /// The memory of a password's hash (argon2id), in KiB. Hashes of another cost are made anew when their people sign in.
        password_memory_kib: u32 = 19_456, 8..=4_194_304;
        /// How many passes a password's hash makes over its memory.
        password_passes: u32 = 2, 1..=1_000;
        /// How many lanes a password's hash has; its memory is at least 8 KiB for each.
        password_lanes: u32 = 1, 1..=64;
        /// The shortest password that may be chosen, in characters; NIST SP 800-63B asks for 15 where there is no second step.
        password_min_length: u32 = 8, 8..=64;
        /// How many passwords may be wrong at one account, from all browsers together that it was never signed in with, before they wait.
        wrong_passwords: u32 = 10, 1..=1_000;
        /// How long they wait then for another try, in seconds. A browser that it was signed in with has a count of its own.
        wrong_passwords_wait_seconds: Seconds = 60, 1..=3_600;
        /// How many may be wrong from one address (of IPv6, one /64), at whatever account, before it waits ten seconds for each.
        wrong_passwords_of_address: u32 = 30, 1..=100_000;
        /// Whether people can make an account by themselves; where mail is sent (smtp.host), with an address that they prove.
        sign_up: bool = false;
        /// How many accounts people make in a minute, on all nodes together; as many mails with codes are sent for it.
        sign_ups_each_minute: u32 = 10, 1..=100_000;
        /// Whether who has passkeys, but no app, is asked for one after their password.
        passkey_after_password: bool = false;
        /// How long ago somebody may have signed in who makes keys and clients, or changes how they sign in, in seconds.
        fresh_seconds: Seconds = 600, 60..=86_400;
    }
    /// A login app of your own, that shows the pages on which people sign in (docs/login-app.md).
    login_app: LoginApp {
        /// Where browsers are sent to sign in; empty: people sign in here.
        url: Option<WebAddress> = "";
        /// The ids of the clients that may answer there, beside whoever has an access token with the scope firman.login.
        clients: Vec<String> = [];
        /// Whether it asks for consent, too.
        consent: bool = false;
        /// Whether it asks who wants to sign out, too.
        logout: bool = false;
        /// How long it may take with one person, in seconds.
        life_seconds: Seconds = 900, 30..=86_400;
        /// Where the claims of a person are asked for, with the parameter sub; empty: those count that it gave when they signed in.
        claims_url: Option<WebAddress> = "";
        /// File with the secret that is shown there as a bearer token; empty: none is shown.
        claims_secret_file: Option<PathBuf> = "";
    }
    /// Where e-mail to people goes, by which addresses are proved and forgotten passwords replaced (docs/accounts.md).
    smtp: SmtpSettings {
        /// The mail server; empty: no mail is sent.
        host: Option<Line> = "";
        /// Its port; 0: 587 with STARTTLS, 465 with TLS from the beginning, 25 without.
        port: u32 = 0, 0..=65_535;
        /// "starttls", which it must offer; "tls" from the beginning; "none", to a server on this machine only.
        tls: SmtpTls = "starttls";
        /// PEM file with certificates to trust beside those of the system.
        ca_file: Option<PathBuf> = "";
        /// Who we are to it; empty: nobody in particular.
        user: Option<Line> = "";
        /// File with the password of that user.
        password_file: Option<PathBuf> = "";
        /// Who writes: "Example <id@example.org>".
        from: Option<Line> = "";
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
    /// The revocation feed: resource servers that verify JWT access tokens by themselves are told what was withdrawn.
    feed: Feed {
        /// Whether there is one. JWT access tokens then say what they live by.
        enabled: bool = true;
        /// The scope with which an access token lets its holder listen; empty: only resource servers may, and clients that introspect any token.
        scope: Scope = "";
        /// How often the audit trail is looked at while somebody listens, on each node, in milliseconds.
        poll_ms: Milliseconds = 250, 50..=10_000;
        /// How far each look goes back behind the last, in milliseconds: by so much clocks of nodes may differ, and commits take, for what
        /// they withdraw to be told at once. What comes later is found by longer looks, within a minute.
        overlap_ms: Milliseconds = 3_000, 500..=60_000;
        /// For how long what was withdrawn is told, in seconds. Guards take no JWT that lives longer.
        window_seconds: Seconds = 3_600, 60..=86_400;
        /// How many may listen at once, on each node.
        listeners: u32 = 100, 1..=100_000;
    }
    /// Documents of others that this server fetches: key sets, client documents.
    fetch: Fetch {
        /// How long fetching one may take, in milliseconds.
        timeout_ms: Milliseconds = 5_000, 100..=60_000;
        /// The largest that is read, in bytes.
        max_bytes: u32 = 65_536, 1024..=1_048_576;
        /// Networks that are fetched from although they are not public, such as "10.1.0.0/16"; others never are.
        allow_networks: Networks = [];
        /// Whether those networks may be fetched from without TLS.
        allow_http: bool = false;
        /// PEM file with certificates to trust beside those of the system.
        ca_file: Option<PathBuf> = "";
    }
    /// Clients that register themselves (RFC 7591).
    registration: Registration {
        /// Who may register clients: "off" nobody, "token" whoever has an access token with the scope firman.register, "open" everybody.
        mode: Mode = "off";
        /// The most that such a client may ask for, separated by spaces.
        scope: Scope = "openid profile email offline_access";
        /// The grant types that such a client may use.
        grant_types: Vec<GrantType> = ["authorization_code", "refresh_token"];
        /// Hosts whose clients may come with the address of a document about them as their id: names, "*.example" for all below, "*" for all.
        document_hosts: TrustedHosts = [];
        /// Whose software statements are taken: for each the issuer, a space, and the address of its keys.
        statement_issuers: Vec<StatementIssuer> = [];
        /// Register no client without a software statement.
        require_statement: bool = false;
        /// Whether the assertions with which such a client authenticates may be for the address of an endpoint; those for the issuer always may.
        endpoint_audience: bool = false;
        /// After how many days such a client leaves if nobody has ever used it; 0: never.
        unused_days: Days = 7, 0..=3650;
        /// How many may register in a minute, on each node, where everybody may.
        each_minute: u32 = 60, 1..=1_000_000;
    }
    /// Certificates of clients, by which they authenticate and to which their tokens are bound (RFC 8705).
    mtls: Mtls {
        /// Whether clients that connect here by TLS are asked for a certificate.
        request: bool = false;
        /// PEM file with the authorities that vouch for clients; without it only certificates that clients have registered count.
        ca_file: Option<PathBuf> = "";
        /// The header in which a TLS proxy in front passes the client's certificate on, such as "Client-Cert".
        front_header: Option<HeaderName> = "";
        /// Where those proxies are: networks such as "10.1.0.0/16"; from elsewhere the header means nothing.
        fronts: Networks = [];
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
