//! How long things live and what is tolerated. Resolved once per request: the client's word goes before the server's.

use firman_proto::acr::Classes;
use firman_proto::authorization_details::DetailTypes;
use firman_proto::client::GrantType;
use firman_proto::credentials::AuthMethod;
use firman_proto::metadata::About;
use firman_proto::scope::Scope;
use firman_proto::time::Lifetime;
use firman_store::record::{Client, RefreshPolicy, ReuseReaction, TokenFormat, WiderScope};

use crate::account::AccountPolicy;
use crate::accounts::PasswordRules;
use crate::attempts::SignInLimits;
use crate::backchannel::BackchannelPolicy;
use crate::client_document::TrustedHosts;
use crate::device::DevicePolicy;
use crate::dpop::DpopPolicy;
use crate::feed::FeedPolicy;
use crate::hooks::ClaimPolicy;
use crate::login_app::LoginAppPolicy;
use crate::operator::AdminPolicy;
use crate::outbox::OutboxPolicy;
use crate::refusals::AuditPolicy;
use crate::registration::RegistrationPolicy;
use crate::sessions::SessionGrants;
use crate::step_up::StepUp;
use crate::trust::TrustedIssuers;
use crate::upstream::UpstreamPolicy;
use crate::webhooks::Webhooks;

/// The server's policy. Expiries are fixed in the record when it is made; windows and limits are read when they matter.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Life of an authorization code.
    pub code: Lifetime,
    /// Life of an access token.
    pub access_token: Lifetime,
    /// How an access token looks, where neither its resource nor its client says.
    pub access_token_format: TokenFormat,
    /// Life of an ID token.
    pub id_token: Lifetime,
    /// Life of a grant with a refresh token, from its beginning, however often it is refreshed.
    pub refresh_token: Lifetime,
    /// Whether clients that are registered for it may get tokens through the browser (implicit and hybrid).
    pub front_channel_tokens: bool,
    /// How long such a grant may lie unused; none: as long as it lives.
    pub refresh_idle: Option<Lifetime>,
    /// Whether a person's new grant to a client, of the same scope, takes the place of the one there is.
    pub one_grant: bool,
    /// Whether that gives the access token again that is still good.
    pub reuse_access_token: bool,
    /// What becomes of a refresh token when it is used.
    pub refresh: RefreshPolicy,
    /// What is revoked when an old one is presented again.
    pub on_refresh_reuse: ReuseReaction,
    /// What a refresh gets that asks for more than was granted.
    pub wider_scope: WiderScope,
    /// How long a rotated refresh token may be retried.
    pub retry_window: Lifetime,
    /// The same for public clients without a sender key.
    pub public_retry_window: Lifetime,
    /// How long after its window a rotated refresh token is merely late, and not reused.
    pub late: Lifetime,
    /// How long a browser may take to come with a pushed request.
    pub pushed: Lifetime,
    /// Take no authorization requests but pushed ones.
    pub require_pushed: bool,
    /// Take no authorization requests but signed ones.
    pub require_signed_request: bool,
    /// Whether people can make an account by themselves.
    pub sign_up: bool,
    /// Whether there are pages; without them nobody signs in here.
    pub pages: bool,
    /// The admin API, if there is one.
    pub admin: Option<AdminPolicy>,
    /// What is written of those who are refused.
    pub audit: AuditPolicy,
    /// Where people find more about this server.
    pub about: About,
    /// The schemes that redirect URIs may have; none said: all that are safe.
    pub redirect_schemes: Vec<String>,
    /// The ways in which clients may authenticate; none said: all there are.
    pub allowed_auth_methods: Vec<AuthMethod>,
    /// What `authorization_details` may say (RFC 9396).
    pub details: DetailTypes,
    /// What sign-ins are told as, and which can be asked for.
    pub acr: Classes,
    /// What userinfo asks of the sign-in behind a token.
    pub userinfo: StepUp,
    /// How proofs of keys are taken.
    pub dpop: DpopPolicy,
    /// How devices are let in.
    pub device: DevicePolicy,
    /// People who are asked elsewhere than where they use something.
    pub backchannel: BackchannelPolicy,
    /// Whether clients that are registered for it may send people's passwords (RFC 6749 §4.3).
    pub password_grant: bool,
    /// Whose assertions are taken.
    pub trusted_issuers: TrustedIssuers,
    /// Identity providers whose people may sign in here.
    pub upstream: UpstreamPolicy,
    /// How many failed redemptions burn a code; 0: they are not counted.
    pub failed_redemptions: u32,
    /// The scope with which an access token lets its holder introspect; the empty scope lets nobody.
    pub introspect_scope: Scope,
    /// The scope with which an access token lets its holder revoke; the empty scope lets nobody.
    pub revoke_scope: Scope,
    /// How withdrawals are told to those who verify tokens by themselves.
    pub feed: FeedPolicy,
    /// Claims that are added to what is told.
    pub claims: ClaimPolicy,
    /// How long and how often deliveries are tried.
    pub outbox: OutboxPolicy,
    /// Who is told of events.
    pub webhooks: Webhooks,
    /// Whether mail can be sent to people.
    pub mail: bool,
    /// How many may make an account by themselves in a minute, on one node.
    pub sign_ups: u32,
    /// Whether a password alone signs nobody in to an account that has passkeys, even without an app.
    pub passkey_after_password: bool,
    /// Which passwords people may have.
    pub passwords: PasswordRules,
    /// How often people may be wrong when they sign in.
    pub sign_in: SignInLimits,
    /// How long ago somebody may have signed in who does what would help a thief, such as changing how they sign in.
    pub fresh_sign_in: Lifetime,
    /// Who shows the pages on which people sign in, consent and sign out, if not this server.
    pub login_app: LoginAppPolicy,
    /// How long a browser stays signed in.
    pub session: Lifetime,
    /// How long a browser stays signed in without being used.
    pub session_idle: Lifetime,
    /// What becomes of what was allowed in a session that is ended.
    pub session_grants: SessionGrants,
    /// Whether browsers tell clients that somebody has signed in or out (OpenID Connect Session Management).
    pub session_management: bool,
    /// How long a person may take to sign in and consent.
    pub interaction: Lifetime,
    /// Whose client documents are taken.
    pub client_documents: TrustedHosts,
    /// Clients that register themselves.
    pub registration: RegistrationPolicy,
    /// What people may do for themselves.
    pub account: AccountPolicy,
    /// Whether certificates of clients reach us (RFC 8705), here or through a front.
    pub client_certificates: bool,
    /// Whether we know authorities that vouch for them.
    pub certificate_authorities: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            code: Lifetime::from_seconds(60),
            access_token: Lifetime::from_seconds(300),
            access_token_format: TokenFormat::Opaque,
            id_token: Lifetime::from_seconds(300),
            refresh_token: Lifetime::from_days(30),
            refresh_idle: None,
            one_grant: false,
            reuse_access_token: false,
            front_channel_tokens: false,
            refresh: RefreshPolicy::default(),
            on_refresh_reuse: ReuseReaction::default(),
            wider_scope: WiderScope::default(),
            retry_window: Lifetime::from_seconds(30),
            public_retry_window: Lifetime::from_seconds(10),
            late: Lifetime::from_seconds(60),
            pushed: Lifetime::from_seconds(90),
            require_pushed: false,
            require_signed_request: false,
            sign_up: false,
            pages: true,
            admin: None,
            audit: AuditPolicy::default(),
            about: About::default(),
            redirect_schemes: Vec::new(),
            allowed_auth_methods: Vec::new(),
            details: DetailTypes::default(),
            acr: Classes::default(),
            userinfo: StepUp::default(),
            dpop: DpopPolicy::default(),
            device: DevicePolicy::default(),
            backchannel: BackchannelPolicy::default(),
            password_grant: false,
            trusted_issuers: TrustedIssuers::default(),
            upstream: UpstreamPolicy::default(),
            failed_redemptions: 5,
            introspect_scope: Scope::default(),
            revoke_scope: Scope::default(),
            feed: FeedPolicy::default(),
            claims: ClaimPolicy::default(),
            outbox: OutboxPolicy::default(),
            webhooks: Webhooks::default(),
            mail: false,
            sign_ups: 10,
            passkey_after_password: false,
            passwords: PasswordRules::default(),
            sign_in: SignInLimits::default(),
            fresh_sign_in: Lifetime::from_seconds(600),
            login_app: LoginAppPolicy::default(),
            session: Lifetime::from_days(1),
            session_idle: Lifetime::from_seconds(8 * 3600),
            session_grants: SessionGrants::default(),
            session_management: false,
            interaction: Lifetime::from_seconds(900),
            client_documents: TrustedHosts::default(),
            registration: RegistrationPolicy::default(),
            account: AccountPolicy::default(),
            client_certificates: false,
            certificate_authorities: false,
        }
    }
}

impl Policy {
    /// Life of this client's access tokens.
    pub fn access_token_of(&self, client: &Client) -> Lifetime {
        client.policy.access_token_seconds.map_or(self.access_token, Lifetime::from_seconds)
    }

    /// Life of this client's grants with a refresh token.
    pub fn refresh_token_of(&self, client: &Client) -> Lifetime {
        client.policy.refresh_token_seconds.map_or(self.refresh_token, Lifetime::from_seconds)
    }

    /// How long this client's grants with a refresh token may lie idle.
    pub fn refresh_idle_of(&self, client: &Client) -> Option<Lifetime> {
        match client.policy.refresh_idle_seconds {
            None => self.refresh_idle,
            Some(seconds) => (seconds > 0).then_some(Lifetime::from_seconds(seconds)),
        }
    }

    /// Whether a person's new grant to this client takes the place of the one of the same scope.
    pub fn one_grant_of(&self, client: &Client) -> bool {
        client.policy.one_grant.unwrap_or(self.one_grant) || self.reuses_access_token_of(client)
    }

    /// Whether this client gets an access token again that is still good.
    pub fn reuses_access_token_of(&self, client: &Client) -> bool {
        client.policy.reuse_access_token.unwrap_or(self.reuse_access_token)
    }

    /// The grant types that work here.
    pub fn grant_types(&self) -> impl Iterator<Item = GrantType> {
        GrantType::ALL.iter().copied().filter(|grant_type| match grant_type {
            GrantType::JwtBearer => !self.trusted_issuers.is_empty(),
            GrantType::Password => self.password_grant,
            GrantType::Backchannel => self.backchannel.enabled,
            _ => true,
        })
    }

    /// How long this client may retry a rotated refresh token.
    pub fn retry_window_of(&self, client: &Client) -> Lifetime {
        let usual = if client.metadata.is_public() { self.public_retry_window } else { self.retry_window };
        client.policy.retry_window_seconds.map_or(usual, Lifetime::from_seconds)
    }

    /// What becomes of this client's refresh tokens when they are used.
    pub fn refresh_of(&self, client: &Client) -> RefreshPolicy {
        client.policy.refresh.unwrap_or(self.refresh)
    }

    /// What is revoked when this client presents an old refresh token.
    pub fn on_refresh_reuse_of(&self, client: &Client) -> ReuseReaction {
        client.policy.on_refresh_reuse.unwrap_or(self.on_refresh_reuse)
    }

    /// What this client gets when it refreshes for more than was granted.
    pub fn wider_scope_of(&self, client: &Client) -> WiderScope {
        client.policy.wider_scope.unwrap_or(self.wider_scope)
    }

    /// The ways in which clients can authenticate here.
    pub fn auth_methods(&self) -> impl Iterator<Item = AuthMethod> {
        let all = AuthMethod::ALL.iter().copied().filter(|method| match method {
            AuthMethod::TlsClientAuth => self.client_certificates && self.certificate_authorities,
            AuthMethod::SelfSignedTlsClientAuth => self.client_certificates,
            _ => true,
        });
        all.filter(|method| self.allowed_auth_methods.is_empty() || self.allowed_auth_methods.contains(method))
    }

    /// RFC 9126 §5, §6: whether this client must push its requests.
    pub fn requires_pushed(&self, client: &Client) -> bool {
        self.require_pushed || client.metadata.require_pushed_authorization_requests
    }

    /// RFC 9101 §10.5: whether this client must sign its requests.
    pub fn requires_signed_request(&self, client: &Client) -> bool {
        self.require_signed_request || client.metadata.require_signed_request_object
    }

    /// RFC 9700 §2.1.1: public clients must use PKCE; others where they are told to.
    pub fn requires_pkce(client: &Client) -> bool {
        client.metadata.is_public() || client.policy.require_pkce.unwrap_or(false)
    }
}
