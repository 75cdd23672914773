//! People: how they sign in, what they see, what is mailed to them.

use std::path::PathBuf;

use firman_engine::account::Owners;
use firman_engine::sessions::SessionGrants;
use firman_proto::acr::Classes;
use firman_proto::device::Alphabet;
use firman_proto::scope::Scope;

use crate::config::{Days, HelpAddress, Line, Seconds, SmtpTls, WebAddress};
use crate::pages::brand::Colour;

crate::config::schema::sections! {
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
}
