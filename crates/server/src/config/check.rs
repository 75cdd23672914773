//! What single values cannot show: keys that belong together, and keys that serving needs.

use super::error::{ConfigError, Problem, Source};
use super::secret::MAKE_A_KEY;
use super::{Secret, Settings, SmtpTls, routes};
use crate::mail::is_this_machine;
use firman_proto::issuer::Issuer;

impl Settings {
    /// The issuer; an error with its cure if none was given.
    pub fn issuer(&self) -> Result<&Issuer, ConfigError> {
        self.server.issuer.as_ref().ok_or_else(|| {
            let cure = "give the address under which clients reach this server: issuer = \"https://…\" under [server], \
                        or FIRMAN__SERVER__ISSUER";
            problem(Source::Default, "server.issuer", "not set", cure).into()
        })
    }

    /// The master key; an error with its cure if none was given.
    pub fn master_key(&self) -> Result<&Secret<[u8; 32]>, ConfigError> {
        self.secrets.master_key.as_ref().ok_or_else(|| {
            let cure = format!(
                "make one with `{MAKE_A_KEY} > master.key`, keep it apart from the database and its backups, and set \
                 FIRMAN__SECRETS__MASTER_KEY_FILE to its path"
            );
            problem(Source::Default, "secrets.master_key", "not set", &cure).into()
        })
    }

    /// Whether browsers reach this server over TLS, here or in front: then cookies are Secure.
    pub fn is_behind_tls(&self) -> bool {
        self.server.tls_certificate.is_some()
            || self.server.trust_forwarded_proto
            || self.server.issuer.as_ref().is_some_and(Issuer::is_https)
    }

    /// Whether certificates of clients reach this server, here or through a front.
    pub fn takes_client_certificates(&self) -> bool {
        self.mtls.request || self.mtls.front_header.is_some()
    }

    /// The address under which browsers reach the admin API, without a slash at its end; `None` if it is off.
    pub fn admin_address(&self) -> Option<String> {
        let listen = self.admin.listen?;
        let scheme = if self.server.tls_certificate.is_some() { "https" } else { "http" };
        let said = self.admin.address.as_ref().map(|address| address.as_str().trim_end_matches('/').to_owned());
        Some(said.unwrap_or_else(|| format!("{scheme}://{listen}")))
    }

    /// Where the value of this key came from.
    pub fn source(&self, key: &str) -> &Source {
        self.sources.get(key).unwrap_or(&Source::Default)
    }
}

/// The problems of values that are right each for itself.
pub(super) fn together(settings: &Settings) -> Vec<Problem> {
    let mut problems = Vec::new();
    let (certificate, key) = ("server.tls_certificate", "server.tls_key");
    let missing = match (&settings.server.tls_certificate, &settings.server.tls_key) {
        (Some(_), None) => Some((certificate, key)),
        (None, Some(_)) => Some((key, certificate)),
        _ => None,
    };
    if let Some((given, missing)) = missing {
        let what = format!("given without {missing}");
        problems.push(problem(settings.source(given).clone(), given, &what, "give both for TLS, or neither"));
    }
    problems.extend(certificates(settings));
    problems.extend(mail(settings));
    problems.extend(routes::clash(settings));
    let known: Vec<_> = settings.login.acr_classes.names().collect();
    if settings.login.userinfo_acr_values.iter().any(|name| !known.contains(&name.as_str())) {
        let key = "login.userinfo_acr_values";
        let cure = "give names of login.acr_classes";
        problems.push(problem(settings.source(key).clone(), key, "one of them is no class of this server", cure));
    }
    let keys = &settings.keys;
    if keys.announce_days >= keys.rotate_days {
        let given =
            ["keys.announce_days", "keys.rotate_days"].into_iter().find(|key| *settings.source(key) != Source::Default);
        let key = given.unwrap_or("keys.announce_days");
        let what = format!(
            "announce_days ({}) is not shorter than rotate_days ({})",
            keys.announce_days.0, keys.rotate_days.0
        );
        problems.push(problem(
            settings.source(key).clone(),
            key,
            &what,
            "give a shorter announce_days or a longer rotate_days",
        ));
    }
    problems
}

/// Certificates of clients come over TLS of our own, or in a header from somewhere.
fn certificates(settings: &Settings) -> Vec<Problem> {
    let mtls = &settings.mtls;
    let tls = settings.server.tls_certificate.is_some();
    let header = (mtls.front_header.is_some(), !mtls.fronts.0.is_empty());
    [
        (mtls.request && !tls, "mtls.request", "given without server.tls_certificate", "give both, or neither"),
        (header == (true, false), "mtls.front_header", "given without mtls.fronts", "say where those fronts are"),
        (header == (false, true), "mtls.fronts", "given without mtls.front_header", "say which header they set"),
        (
            mtls.ca_file.is_some() && !settings.takes_client_certificates(),
            "mtls.ca_file",
            "given, but no client certificate reaches this server",
            "give mtls.request or mtls.front_header too",
        ),
    ]
    .into_iter()
    .filter(|(wrong, ..)| *wrong)
    .map(|(_, key, what, cure)| problem(settings.source(key).clone(), key, what, cure))
    .collect()
}

/// Mail needs a sender, and people who make accounts need accounts here.
fn mail(settings: &Settings) -> Vec<Problem> {
    let (smtp, login) = (&settings.smtp, &settings.login);
    let sends = smtp.host.is_some();
    let plain = smtp.tls == SmtpTls::None && smtp.host.as_ref().is_some_and(|host| !is_this_machine(host.as_str()));
    let accounts = login.local_accounts && settings.login_app.url.is_none();
    [
        (sends && smtp.from.is_none(), "smtp.host", "given without smtp.from", "say who writes"),
        (
            smtp.password_file.is_some() && smtp.user.is_none(),
            "smtp.password_file",
            "given without smtp.user",
            "give both",
        ),
        (plain, "smtp.tls", "\"none\" for a server on another machine", "use \"starttls\" or \"tls\""),
        (
            login.sign_up && !accounts,
            "login.sign_up",
            "given, but nobody has an account here",
            "leave one of the two out",
        ),
    ]
    .into_iter()
    .filter(|(wrong, ..)| *wrong)
    .map(|(_, key, what, cure)| problem(settings.source(key).clone(), key, what, cure))
    .collect()
}

pub(super) fn problem(source: Source, key: &str, what: &str, cure: &str) -> Problem {
    Problem { source, key: key.to_owned(), what: what.to_owned(), cure: cure.to_owned() }
}
