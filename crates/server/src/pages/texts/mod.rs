//! Everything the pages say, in one place: a file for each page, with every language in it. Another language is another [`Texts`].

mod account;
mod api_keys;
mod app;
mod apps;
mod client;
mod clients;
mod consent;
mod device;
mod error;
mod frame;
mod home;
mod login;
mod logout;
mod mail;
mod passkey;
mod permission;
mod post;
mod requests;
mod second;
mod security;
mod select;
mod sessions;
mod sign_up;
mod upstream;

/// A sentence with one gap, written `{}`, for a name that the page may emphasise.
#[derive(Clone, Copy, Debug)]
pub struct Phrase(&'static str);

impl Phrase {
    /// What stands before the gap.
    pub fn before(self) -> &'static str {
        self.0.split_once("{}").map_or(self.0, |(before, _)| before)
    }

    /// What stands after it.
    pub fn after(self) -> &'static str {
        self.0.split_once("{}").map_or("", |(_, after)| after)
    }
}

/// What the pages say, in one language: a member for each page.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "each is described where it is defined")]
pub struct Texts {
    /// BCP 47, for the `lang` attribute.
    pub lang: &'static str,
    /// `ltr` or `rtl`.
    pub dir: &'static str,
    pub account: account::Account,
    pub api_keys: api_keys::ApiKeys,
    pub app: app::App,
    pub apps: apps::Apps,
    pub client: client::Client,
    pub clients: clients::Clients,
    pub consent: consent::Consent,
    pub device: device::Device,
    pub error: error::Error,
    pub frame: frame::Frame,
    pub home: home::Home,
    pub login: login::Login,
    pub logout: logout::Logout,
    pub mail: mail::Mail,
    pub passkey: passkey::Passkey,
    pub permission: permission::Permission,
    pub post: post::Post,
    pub requests: requests::Requests,
    pub second: second::Second,
    pub security: security::Security,
    pub select: select::Select,
    pub sessions: sessions::Sessions,
    pub sign_up: sign_up::SignUp,
    pub upstream: upstream::Upstream,
}

impl Texts {
    /// What a claim is to a person, whatever its language.
    pub fn claim(&self, name: &str) -> Option<&'static str> {
        let name = name.split_once('#').map_or(name, |(name, _)| name);
        self.permission.claims.iter().find(|(claim, _)| *claim == name).map(|(_, text)| *text)
    }

    /// What a scope means to a person, if it is a standard one.
    pub fn scope(&self, name: &str) -> Option<&'static str> {
        self.permission.scopes.iter().find(|(scope, _)| *scope == name).map(|(_, text)| *text)
    }
}

/// Every language there is; the first where nobody says.
pub static SPOKEN: &[&Texts] = &[&ENGLISH, &GERMAN];

/// The pages in English.
pub static ENGLISH: Texts = Texts {
    lang: "en",
    dir: "ltr",
    account: account::ENGLISH,
    api_keys: api_keys::ENGLISH,
    app: app::ENGLISH,
    apps: apps::ENGLISH,
    client: client::ENGLISH,
    clients: clients::ENGLISH,
    consent: consent::ENGLISH,
    device: device::ENGLISH,
    error: error::ENGLISH,
    frame: frame::ENGLISH,
    home: home::ENGLISH,
    login: login::ENGLISH,
    logout: logout::ENGLISH,
    mail: mail::ENGLISH,
    passkey: passkey::ENGLISH,
    permission: permission::ENGLISH,
    post: post::ENGLISH,
    requests: requests::ENGLISH,
    second: second::ENGLISH,
    security: security::ENGLISH,
    select: select::ENGLISH,
    sessions: sessions::ENGLISH,
    sign_up: sign_up::ENGLISH,
    upstream: upstream::ENGLISH,
};

/// The pages in German.
pub static GERMAN: Texts = Texts {
    lang: "de",
    dir: "ltr",
    account: account::GERMAN,
    api_keys: api_keys::GERMAN,
    app: app::GERMAN,
    apps: apps::GERMAN,
    client: client::GERMAN,
    clients: clients::GERMAN,
    consent: consent::GERMAN,
    device: device::GERMAN,
    error: error::GERMAN,
    frame: frame::GERMAN,
    home: home::GERMAN,
    login: login::GERMAN,
    logout: logout::GERMAN,
    mail: mail::GERMAN,
    passkey: passkey::GERMAN,
    permission: permission::GERMAN,
    post: post::GERMAN,
    requests: requests::GERMAN,
    second: second::GERMAN,
    security: security::GERMAN,
    select: select::GERMAN,
    sessions: sessions::GERMAN,
    sign_up: sign_up::GERMAN,
    upstream: upstream::GERMAN,
};

#[cfg(test)]
mod tests {
    use super::*;

    /// What is rightly the same in English and in German.
    const SAME: &[&str] =
        &["Firman", "Problem:", "Code", "Issuer", "openid-configuration", "Passkeys", "Passkey", "Name", "Website"];

    /// All that is said in a language, in an order that is the same for all.
    fn said(texts: &Texts) -> Vec<String> {
        let whole = format!("{texts:#?}");
        whole.lines().map(|line| line.trim().to_owned()).skip_while(|line| !line.starts_with("dir:")).skip(1).collect()
    }

    /// The text of a line of [`said`], if there is one.
    fn text(line: &str) -> Option<&str> {
        line.split_once('"').and_then(|(_, rest)| rest.rsplit_once('"')).map(|(text, _)| text)
    }

    #[test]
    fn every_phrase_has_one_gap_and_nothing_else_has_any() {
        for texts in SPOKEN {
            let lines = said(texts);
            let phrases: Vec<_> =
                lines.iter().zip(lines.iter().skip(1)).filter(|(line, _)| line.ends_with("Phrase(")).collect();
            assert!(phrases.len() > 10, "{}", phrases.len());
            assert!(phrases.iter().all(|(_, line)| line.matches("{}").count() == 1), "{phrases:?}");
            assert_eq!(lines.iter().filter(|line| line.contains("{}")).count(), phrases.len(), "{}", texts.lang);
        }
        assert_eq!((Phrase("a {} b").before(), Phrase("a {} b").after()), ("a ", " b"));
    }

    #[test]
    fn every_text_is_there_in_every_language_and_in_that_language() {
        let (english, german) = (said(&ENGLISH), said(&GERMAN));
        assert_eq!(english.len(), german.len(), "a list is longer in one language");
        assert!(english.len() > 250);
        let mut keys = false;
        for (ours, theirs) in english.iter().zip(&german) {
            // In the lists of scopes, claims and ways the first of two is a name that is nobody's language.
            if ours == "(" {
                keys = true;
                continue;
            }
            let (Some(one), Some(other)) = (text(ours), text(theirs)) else { continue };
            assert!(!one.trim().is_empty() && !other.trim().is_empty(), "{ours} {theirs}");
            if std::mem::take(&mut keys) {
                assert_eq!(one, other);
            } else {
                assert!(one != other || SAME.contains(&one), "said alike in both languages: {one}");
            }
        }
    }

    // OpenID Connect Core §5.1.
    #[test]
    fn every_standard_claim_has_words() {
        let standard = firman_proto::claims::SCOPE_CLAIMS.iter().flat_map(|(_, claims)| claims.iter());
        for claim in standard {
            assert!(ENGLISH.claim(claim).is_some() && ENGLISH.claim(&format!("{claim}#de")).is_some(), "{claim}");
        }
        assert_eq!(ENGLISH.claim("groups"), None);
    }

    // OpenID Connect Core §5.4, §11.
    #[test]
    fn every_standard_scope_has_words() {
        for scope in ["openid", "profile", "email", "address", "phone", "offline_access"] {
            assert!(ENGLISH.scope(scope).is_some(), "{scope}");
        }
        assert_eq!(ENGLISH.scope("invoices:read"), None);
    }
}
