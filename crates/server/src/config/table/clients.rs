//! Clients: who may be one, and how we know them.

use std::path::PathBuf;

use axum::http::HeaderName;
use firman_engine::client_document::TrustedHosts;
use firman_engine::registration::{Mode, StatementIssuer};
use firman_proto::client::GrantType;
use firman_proto::credentials::AuthMethod;
use firman_proto::scope::Scope;

use crate::config::{Days, Milliseconds};
use crate::fetch::Networks;

crate::config::schema::sections! {
    /// What holds for every client.
    clients: Clients {
        /// The schemes that redirect URIs may have, such as "https"; empty: all that are safe.
        redirect_schemes: Vec<String> = [];
        /// How clients may authenticate, such as "private_key_jwt"; empty: in every way there is.
        auth_methods: Vec<AuthMethod> = [];
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
}
