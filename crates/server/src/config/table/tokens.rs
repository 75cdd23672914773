//! Tokens: how they look, how long they live, what they say, who is told of their end.

use std::path::PathBuf;

use firman_proto::extra_claims::ExtraClaim;
use firman_proto::jws::Algorithm;
use firman_proto::routes::Route;
use firman_proto::scope::Scope;
use firman_store::record::{RefreshPolicy, ReuseReaction, TokenFormat, WiderScope};

use crate::config::{Days, Milliseconds, Seconds, WebAddress};

crate::config::schema::sections! {
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
    /// What the metadata document says for people.
    metadata: Metadata {
        /// The address of a page for those who write clients; empty: none.
        service_documentation: Option<WebAddress> = "";
        /// The address of what clients must keep to with people's data; empty: none.
        policy_uri: Option<WebAddress> = "";
        /// The address of the terms of service; empty: none.
        tos_uri: Option<WebAddress> = "";
    }
}
