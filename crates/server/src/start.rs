//! From settings to an engine: the one place where the parts are put together.

use std::sync::Arc;

use firman_engine::account::AccountPolicy;
use firman_engine::accounts::{HashCost, LocalAccounts, PasswordRules, Passwords};
use firman_engine::backchannel::{BackchannelPolicy, NoNotify};
use firman_engine::device::DevicePolicy;
use firman_engine::dpop::DpopPolicy;
use firman_engine::feed::FeedPolicy;
use firman_engine::hooks::ClaimPolicy;
use firman_engine::keys::KeyPolicy;
use firman_engine::login_app::{ClaimsOf, LoginAppPolicy, ToldAccounts};
use firman_engine::logout::BackchannelLogout;
use firman_engine::operator::AdminPolicy;
use firman_engine::outbox::{Deliver, OutboxPolicy};
use firman_engine::registration::RegistrationPolicy;
use firman_engine::trust::TrustedIssuers;
use firman_engine::upstream::{Providers, UpstreamPolicy};
use firman_engine::webhooks::Webhooks;
use firman_engine::{
    Accounts, AuditPolicy, Clock, Engine, Entropy, Fault, Fetch, GuessLimits, Pace, Parts, Policy, SignInLimits,
    StepUp, SystemClock, SystemEntropy,
};
use firman_proto::authorization_details::DetailTypes;
use firman_proto::id::IssuerNumber;
use firman_proto::metadata::About;
use firman_proto::seal::MasterKey;
use firman_proto::time::{Lifetime, Timestamp};
use firman_sql::{OpenError, Options, SqlStore};
use firman_store::{CachedStore, Store};
use zeroize::Zeroizing;

use crate::config::{ConfigError, Settings, WebAddress};
use crate::fetch::{self, SystemResolver, Web};
use crate::mail::Smtp;
use crate::metrics::{CountedStore, Metrics};

/// Everything that runs, whichever command runs it.
pub struct Running {
    /// Decides.
    pub engine: Arc<Engine>,
    /// Hashes passwords.
    pub passwords: Arc<Passwords>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The database, to be closed at the end.
    pub database: Arc<SqlStore>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Where mail goes, if any is sent.
    mail: Option<Arc<Smtp>>,
}

/// Why nothing runs.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The settings are wrong or incomplete.
    #[error(transparent)]
    Settings(#[from] ConfigError),
    /// The database cannot be opened.
    #[error(transparent)]
    Database(#[from] OpenError),
    /// Something broke.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// Opens the database and loads the keys.
pub async fn start(settings: &Settings) -> Result<Running, StartError> {
    let issuer = settings.issuer()?.clone().with_routes(settings.moved());
    let master = master_key(settings)?;
    let database = SqlStore::open(database(settings)).await?;

    let metrics = Arc::new(Metrics::default());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let counted: Arc<dyn Store> =
        Arc::new(CountedStore::new(Arc::clone(&database) as Arc<dyn Store>, Arc::clone(&metrics)));
    let bound = Lifetime::from_millis(settings.store.client_cache_ms.millis());
    let store: Arc<dyn Store> = Arc::new(CachedStore::new(counted, Arc::clone(&clock), bound));

    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy::default());
    let passwords = passwords(settings, Arc::clone(&entropy))?;
    let number = IssuerNumber(0);
    let fetch = fetch(settings)?;
    let accounts: Arc<dyn Accounts> = match settings.login_app.url {
        None => Arc::new(LocalAccounts::new(Arc::clone(&store), number, Arc::clone(&passwords))),
        Some(_) => Arc::new(ToldAccounts::new(Arc::clone(&store), number, claims_of(settings, &fetch)?)),
    };
    let parts = Parts {
        issuer,
        number,
        store,
        accounts,
        entropy,
        fetch,
        notify: Arc::new(NoNotify),
        hooks: None,
        master,
        policy: Policy { details: settings.detail_types()?, ..policy(settings)? },
        key_policy: key_policy(settings),
    };
    let mail = Smtp::of(settings).map_err(|error| Fault::lasting("send mail", error))?.map(Arc::new);
    let engine = Engine::start(parts, clock.now()).await?;
    Ok(Running { engine: Arc::new(engine), passwords, clock, database, metrics, mail })
}

impl Running {
    /// The time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// How what is in the outbox is delivered: one way for each kind.
    pub fn ways(&self) -> Vec<Arc<dyn Deliver>> {
        let mut ways: Vec<Arc<dyn Deliver>> =
            vec![Arc::new(BackchannelLogout), Arc::new(self.engine.policy().webhooks.clone())];
        ways.extend(self.mail.iter().map(|mail| Arc::clone(mail) as Arc<dyn Deliver>));
        ways
    }
}

/// Which database the settings name, and how it is used.
pub fn database(settings: &Settings) -> Options {
    let mut options = Options::new(settings.store.url.as_str());
    options.readers = settings.store.readers as usize;
    options.names.clone_from(&settings.store.names.0);
    options
}

/// The master key of the settings.
pub fn master_key(settings: &Settings) -> Result<MasterKey, StartError> {
    let bytes = Zeroizing::new(*settings.master_key()?.reveal());
    Ok(MasterKey::from_bytes(&bytes).map_err(|error| Fault::lasting("use the master key", error.to_string()))?)
}

fn passwords(settings: &Settings, entropy: Arc<dyn Entropy>) -> Result<Arc<Passwords>, Fault> {
    let login = &settings.login;
    let cost =
        HashCost { memory_kib: login.password_memory_kib, passes: login.password_passes, lanes: login.password_lanes };
    let passwords = Passwords::new(login.password_hash_workers as usize, entropy).at(cost);
    let wrong = || Fault::lasting("use login.password_memory_kib", "it is less than 8 KiB for each lane");
    passwords.map(Arc::new).ok_or_else(wrong)
}

/// Where the login app is asked for claims, and by what.
type Asked = (ClaimsOf, Arc<dyn Fetch>);

fn claims_of(settings: &Settings, fetch: &Arc<dyn Fetch>) -> Result<Option<Asked>, StartError> {
    let (Some(url), file) = (&settings.login_app.claims_url, &settings.login_app.claims_secret_file) else {
        return Ok(None);
    };
    let secret = match file {
        None => None,
        Some(file) => {
            let text = std::fs::read_to_string(file);
            let text = text.map_err(|error| Fault::lasting("read login_app.claims_secret_file", error.to_string()))?;
            Some(text.trim().to_owned())
        }
    };
    Ok(Some((ClaimsOf { url: url.as_str().to_owned(), secret }, Arc::clone(fetch))))
}

/// Who shows which pages.
fn login_app(settings: &Settings) -> LoginAppPolicy {
    let of = &settings.login_app;
    LoginAppPolicy {
        url: of.url.as_ref().map(|url| url.as_str().to_owned()),
        clients: of.clients.clone(),
        consent: of.consent,
        logout: of.logout,
        life: Lifetime::from_millis(of.life_seconds.millis()),
    }
}

/// What fetches documents of others.
fn fetch(settings: &Settings) -> Result<Arc<dyn Fetch>, StartError> {
    let options = fetch::Options {
        timeout: settings.fetch.timeout_ms.duration(),
        max_bytes: settings.fetch.max_bytes as usize,
        allowed: settings.fetch.allow_networks.clone(),
        plain_http: settings.fetch.allow_http,
        roots: settings.fetch.ca_file.clone(),
    };
    let web = Web::new(options, Arc::new(SystemResolver));
    Ok(Arc::new(web.map_err(|error| Fault::lasting("use fetch.ca_file", error))?))
}

fn policy(settings: &Settings) -> Result<Policy, StartError> {
    let (tokens, login) = (&settings.tokens, &settings.login);
    let seconds = |setting: crate::config::Seconds| Lifetime::from_millis(setting.millis());
    Ok(Policy {
        code: seconds(tokens.code_seconds),
        access_token: seconds(tokens.access_token_seconds),
        access_token_format: tokens.access_token_format,
        id_token: seconds(tokens.id_token_seconds),
        refresh_token: seconds(tokens.refresh_token_seconds),
        front_channel_tokens: tokens.front_channel,
        refresh_idle: Some(seconds(tokens.refresh_idle_seconds)).filter(|idle| *idle > Lifetime::ZERO),
        one_grant: tokens.one_grant,
        reuse_access_token: tokens.reuse_access_token,
        refresh: tokens.refresh,
        on_refresh_reuse: tokens.on_refresh_reuse,
        wider_scope: tokens.wider_scope,
        retry_window: seconds(tokens.retry_window_seconds),
        public_retry_window: seconds(tokens.public_retry_window_seconds),
        late: seconds(tokens.late_seconds),
        pushed: seconds(tokens.pushed_request_seconds),
        require_pushed: tokens.require_pushed_requests,
        require_signed_request: tokens.require_signed_requests,
        acr: login.acr_classes.clone(),
        userinfo: StepUp {
            acr_values: login.userinfo_acr_values.clone(),
            max_age: Some(seconds(login.userinfo_max_age_seconds)).filter(|most| *most > Lifetime::ZERO),
        },
        dpop: DpopPolicy { window: seconds(tokens.dpop_proof_seconds), require_nonce: tokens.require_dpop_nonce },
        device: device(settings),
        backchannel: backchannel(settings),
        failed_redemptions: tokens.failed_redemptions,
        password_grant: tokens.password_grant,
        trusted_issuers: trusted_issuers(settings)?,
        upstream: UpstreamPolicy {
            providers: upstreams(settings)?,
            local: login.local_accounts,
            life: seconds(login.upstream_seconds),
        },
        introspect_scope: tokens.introspect_scope.clone(),
        revoke_scope: tokens.revoke_scope.clone(),
        feed: feed(settings),
        claims: claims(settings),
        outbox: outbox(settings),
        webhooks: webhooks(settings)?,
        mail: settings.smtp.host.is_some(),
        passwords: PasswordRules { shortest: login.password_min_length as usize },
        sign_in: sign_in_limits(settings),
        fresh_sign_in: seconds(login.fresh_seconds),
        login_app: login_app(settings),
        session: seconds(login.session_seconds),
        session_idle: seconds(login.session_idle_seconds),
        session_grants: login.session_grants,
        session_management: login.session_management,
        interaction: seconds(login.request_seconds),
        client_documents: settings.registration.document_hosts.clone(),
        registration: registration(settings),
        account: account(settings),
        admin: admin(settings),
        audit: AuditPolicy { refusals_per_minute: settings.audit.refusals_per_minute },
        client_certificates: settings.takes_client_certificates(),
        certificate_authorities: settings.mtls.ca_file.is_some(),
        details: DetailTypes::default(),
        pages: settings.server.pages,
        sign_up: login.sign_up,
        sign_ups: login.sign_ups_each_minute,
        passkey_after_password: login.passkey_after_password,
        about: about(settings),
        redirect_schemes: settings.clients.redirect_schemes.clone(),
        allowed_auth_methods: settings.clients.auth_methods.clone(),
    })
}

fn registration(settings: &Settings) -> RegistrationPolicy {
    let registration = &settings.registration;
    RegistrationPolicy {
        mode: registration.mode,
        scope: registration.scope.clone(),
        grant_types: registration.grant_types.clone(),
        unused: Lifetime::from_millis(registration.unused_days.millis()),
        each_minute: registration.each_minute,
        statements: registration.statement_issuers.clone(),
        require_statement: registration.require_statement,
        endpoint_audience: registration.endpoint_audience,
    }
}

fn admin(settings: &Settings) -> Option<AdminPolicy> {
    let address = settings.admin_address()?;
    Some(AdminPolicy { address, operators: settings.admin.operators.clone() })
}

fn device(settings: &Settings) -> DevicePolicy {
    let seconds = |setting: crate::config::Seconds| Lifetime::from_millis(setting.millis());
    DevicePolicy {
        life: seconds(settings.device.life_seconds),
        interval: seconds(settings.device.interval_seconds),
        alphabet: settings.device.user_code_alphabet.clone(),
        length: settings.device.user_code_length as usize,
        guesses: GuessLimits {
            each: settings.device.wrong_codes_per_minute,
            all: settings.device.wrong_codes_per_minute_in_all,
        },
    }
}

fn backchannel(settings: &Settings) -> BackchannelPolicy {
    let seconds = |setting: crate::config::Seconds| Lifetime::from_millis(setting.millis());
    BackchannelPolicy {
        enabled: settings.backchannel.enabled,
        life: seconds(settings.backchannel.life_seconds),
        interval: seconds(settings.backchannel.interval_seconds),
    }
}

fn sign_in_limits(settings: &Settings) -> SignInLimits {
    let (login, usual) = (&settings.login, SignInLimits::default());
    let every = Lifetime::from_millis(login.wrong_passwords_wait_seconds.millis());
    let account = Pace { burst: login.wrong_passwords, every };
    let address = Pace { burst: login.wrong_passwords_of_address, ..usual.address };
    SignInLimits { account, device: account, address, ..usual }
}

fn account(settings: &Settings) -> AccountPolicy {
    let account = &settings.account;
    AccountPolicy {
        api_key_scope: account.api_key_scope.clone(),
        api_key: Lifetime::from_millis(account.api_key_days.millis()),
        api_key_most: Lifetime::from_millis(account.api_key_most_days.millis()),
        client_owners: account.client_owners.clone(),
    }
}

fn outbox(settings: &Settings) -> OutboxPolicy {
    let seconds = |setting: crate::config::Seconds| Lifetime::from_millis(setting.millis());
    OutboxPolicy {
        attempts: settings.outbox.attempts,
        life: seconds(settings.outbox.life_seconds),
        first_pause: seconds(settings.outbox.first_pause_seconds),
        longest_pause: seconds(settings.outbox.longest_pause_seconds),
        attempt: Lifetime::from_millis(settings.outbox.attempt_timeout_ms.millis()),
    }
}

fn about(settings: &Settings) -> About {
    let text = |address: &Option<WebAddress>| address.as_ref().map(|address| address.as_str().to_owned());
    About {
        service_documentation: text(&settings.metadata.service_documentation),
        op_policy_uri: text(&settings.metadata.policy_uri),
        op_tos_uri: text(&settings.metadata.tos_uri),
    }
}

/// The issuers of the file that settings name.
fn trusted_issuers(settings: &Settings) -> Result<TrustedIssuers, StartError> {
    let Some(path) = &settings.tokens.trusted_issuers else { return Ok(TrustedIssuers::default()) };
    let read = crate::trust::read(path);
    Ok(read.map_err(|error| Fault::lasting("use tokens.trusted_issuers", format!("{}: {error}", path.display())))?)
}

/// The identity providers of the file that settings name.
pub(crate) fn upstreams(settings: &Settings) -> Result<Providers, StartError> {
    let Some(path) = &settings.login.upstreams else { return Ok(Providers::default()) };
    let read = crate::upstream::read(path);
    Ok(read.map_err(|error| Fault::lasting("use login.upstreams", format!("{}: {error}", path.display())))?)
}

/// Those of the file that settings name.
fn webhooks(settings: &Settings) -> Result<Webhooks, StartError> {
    let Some(path) = &settings.webhooks.file else { return Ok(Webhooks::default()) };
    let read = crate::webhooks::read(path);
    Ok(read.map_err(|error| Fault::lasting("use webhooks.file", format!("{}: {error}", path.display())))?)
}

/// How withdrawals are told.
fn feed(settings: &Settings) -> FeedPolicy {
    let feed = &settings.feed;
    FeedPolicy {
        enabled: feed.enabled,
        scope: feed.scope.clone(),
        poll: Lifetime::from_millis(feed.poll_ms.millis()),
        overlap: Lifetime::from_millis(feed.overlap_ms.millis()),
        window: Lifetime::from_millis(feed.window_seconds.millis()),
        listeners: feed.listeners as usize,
    }
}

fn claims(settings: &Settings) -> ClaimPolicy {
    let claims = settings.claims.clone();
    ClaimPolicy {
        id_token: claims.id_token,
        access_token: claims.access_token,
        introspection: claims.introspection,
        userinfo: claims.userinfo,
    }
}

fn key_policy(settings: &Settings) -> KeyPolicy {
    let days = |setting: crate::config::Days| Lifetime::from_millis(setting.millis());
    KeyPolicy {
        algorithms: settings.keys.algorithms.clone(),
        signing: days(settings.keys.rotate_days),
        sealing: days(settings.keys.seal_rotate_days),
        announce: days(settings.keys.announce_days),
    }
}
