//! Everything the pages say, in one place: another language is another [`Texts`].

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

/// What the pages say, in one language.
#[derive(Debug)]
#[expect(missing_docs, reason = "the English text beside each name says it best")]
pub struct Texts {
    /// BCP 47, for the `lang` attribute.
    pub lang: &'static str,
    /// `ltr` or `rtl`.
    pub dir: &'static str,
    pub product: &'static str,
    pub footer: &'static str,
    /// Names the links at the foot to a screen reader.
    pub footer_links: Phrase,
    pub footer_terms: &'static str,
    pub footer_privacy: &'static str,
    pub footer_support: &'static str,
    /// Begins the title of a page on which something went wrong.
    pub problem_mark: &'static str,
    /// Leads past the menu, for who cannot see where it ends.
    pub skip: &'static str,

    /// Names the list of links to a screen reader.
    pub client_links: Phrase,
    pub client_site: &'static str,
    pub client_policy: &'static str,
    pub client_terms: &'static str,

    pub login_title: &'static str,
    pub login_lead: Phrase,
    pub username: &'static str,
    pub password: &'static str,
    pub login_submit: &'static str,
    pub cancel: &'static str,
    pub wrong_credentials: &'static str,

    pub consent_title: Phrase,
    pub consent_asks: &'static str,
    pub consent_signed_in_as: &'static str,
    pub consent_sent_to: &'static str,
    pub consent_user_code: &'static str,
    pub consent_resources: &'static str,
    pub consent_allow: &'static str,
    pub consent_deny: &'static str,
    /// The standard scopes (OpenID Connect Core §5.4, §11) in words.
    pub scopes: &'static [(&'static str, &'static str)],
    pub scope_unknown: Phrase,
    pub scope_none: &'static str,

    pub post_title: &'static str,
    pub post_lead: Phrase,
    pub post_submit: &'static str,

    pub device_title: &'static str,
    pub device_lead: &'static str,
    pub device_code: &'static str,
    pub device_submit: &'static str,
    pub device_unknown: &'static str,
    pub device_phone: &'static str,
    /// What the picture is to a screen reader.
    pub device_qr: &'static str,
    pub device_allowed_title: &'static str,
    pub device_allowed_text: &'static str,
    pub device_denied_title: &'static str,
    pub device_denied_text: &'static str,

    pub requests_title: &'static str,
    pub requests_lead: &'static str,
    pub requests_none: &'static str,
    pub requests_asks: Phrase,
    pub requests_message: &'static str,
    pub requests_allowed: &'static str,
    pub requests_denied: &'static str,

    pub error_title: &'static str,
    pub error_next: &'static str,
    pub error_steps: &'static [&'static str],
    pub error_code: &'static str,
    pub error_incident: &'static str,
    /// The public text of a fault of the server itself.
    pub error_internal: &'static str,

    pub home_title: Phrase,
    pub home_lead: &'static str,
    pub home_person: &'static str,
    pub home_account: &'static str,
    pub home_developers: &'static str,
    pub home_issuer: &'static str,
    pub home_discovery: &'static str,
    pub home_discovery_link: &'static str,

    pub demo_back_title: &'static str,
    pub demo_back_text: &'static str,

    pub not_found_title: &'static str,
    pub not_found_text: &'static str,

    pub select_title: &'static str,
    pub select_same: Phrase,
    pub select_another: &'static str,
    /// The claims that may be asked for one by one (OpenID Connect Core §5.1) in words.
    pub claims: &'static [(&'static str, &'static str)],
    pub logout_title: &'static str,
    pub logout_lead: &'static str,
    pub logout_client: Phrase,
    pub logout_another: &'static str,
    pub logout_problem: &'static str,
    pub logout_submit: &'static str,
    pub logout_cancel: &'static str,
    pub logout_stayed_title: &'static str,
    pub logout_stayed_text: &'static str,
    pub signed_out_title: &'static str,
    pub signed_out_text: &'static str,
    pub signed_out_frames: &'static str,
    pub signed_out_frame: &'static str,
    pub signed_out_next: Phrase,

    pub wait_credentials: &'static str,
    pub own_sign_in_lead: &'static str,
    pub own_sign_in_again: &'static str,

    pub second_title: &'static str,
    pub second_lead: &'static str,
    pub second_code: &'static str,
    pub second_submit: &'static str,
    pub second_wrong: &'static str,
    pub second_wait: &'static str,

    pub security_title: &'static str,
    pub security_lead: &'static str,
    pub security_elsewhere: &'static str,
    pub security_back: &'static str,
    pub password_section: &'static str,
    pub password_change: &'static str,
    pub password_set: &'static str,
    pub password_none: &'static str,
    pub password_lead: &'static str,
    pub password_current: &'static str,
    pub password_new: &'static str,
    pub password_again: &'static str,
    pub password_differ: &'static str,
    pub password_wrong: &'static str,
    pub password_changed: &'static str,
    pub app_section: &'static str,
    pub app_none: &'static str,
    pub app_since: Phrase,
    pub app_add: &'static str,
    pub app_remove: &'static str,
    pub app_removed: &'static str,
    pub app_title: &'static str,
    pub app_lead: &'static str,
    pub app_secret: &'static str,
    pub app_qr: &'static str,
    pub app_code: &'static str,
    pub app_submit: &'static str,
    pub app_wrong: &'static str,
    pub recovery_left: Phrase,
    pub recovery_new: &'static str,
    pub recovery_title: &'static str,
    pub recovery_lead: &'static str,

    pub passkey_submit: &'static str,
    pub passkey_failed: &'static str,
    pub passkey_refused: &'static str,
    pub second_lead_passkey: &'static str,
    pub passkeys_section: &'static str,
    pub passkeys_none: &'static str,
    pub passkey_since: Phrase,
    pub passkey_used: Phrase,
    pub passkey_new: &'static str,
    pub passkey_title: &'static str,
    pub passkey_lead: &'static str,
    pub passkey_name: &'static str,
    pub passkey_add: &'static str,
    pub passkey_added: &'static str,
    pub passkey_not_added: &'static str,
    pub passkey_rename: &'static str,
    pub passkey_renamed: &'static str,
    pub passkey_remove: &'static str,
    pub passkey_removed: &'static str,
    /// Names the list of buttons to a screen reader.
    pub upstreams_label: &'static str,
    pub upstream_with: Phrase,
    pub upstream_only: &'static str,
    pub upstream_title: Phrase,
    pub upstream_unreachable: &'static str,
    pub upstream_refused: &'static str,
    pub upstream_unproved: &'static str,
    pub upstream_not_admitted: &'static str,
    pub upstream_again: &'static str,
    pub upstream_choose: &'static str,
    pub upstream_leave: &'static str,
    /// The pages of the account.
    pub account_menu: &'static str,
    pub account_apps: &'static str,
    pub account_sessions: &'static str,
    pub account_security: &'static str,
    pub account_requests: &'static str,
    pub account_keys: &'static str,
    pub account_clients: &'static str,
    pub account_next: &'static str,
    pub account_problem: &'static str,
    pub account_since: &'static str,
    pub account_last_used: &'static str,
    pub account_never_used: &'static str,
    pub account_until: &'static str,
    pub account_name: &'static str,
    pub account_create: &'static str,
    pub account_save: &'static str,
    pub account_once: &'static str,
    pub account_apps_lead: &'static str,
    pub account_apps_none: &'static str,
    pub account_kind_app: &'static str,
    pub account_kind_device: &'static str,
    pub account_kind_agent: &'static str,
    pub account_remembered: &'static str,
    pub account_withdraw: &'static str,
    pub account_withdraw_all: &'static str,
    pub account_withdraw_all_text: &'static str,
    pub account_withdrawn: &'static str,
    pub account_withdrawn_all: &'static str,
    pub account_sessions_lead: &'static str,
    pub account_this_browser: &'static str,
    pub account_other_browser: &'static str,
    pub account_last_seen: &'static str,
    pub account_ways: &'static str,
    pub account_end: &'static str,
    pub account_end_here: &'static str,
    pub account_end_others: &'static str,
    pub account_ended: &'static str,
    pub account_ended_others: &'static str,
    pub account_keys_lead: &'static str,
    pub account_keys_none: &'static str,
    pub account_key: &'static str,
    pub account_key_new: &'static str,
    pub account_key_new_lead: &'static str,
    pub account_key_days: &'static str,
    pub account_key_resources: &'static str,
    pub account_key_revoke: &'static str,
    pub account_key_revoked: &'static str,
    pub account_may: &'static str,
    pub account_may_ask: &'static str,
    pub account_clients_lead: &'static str,
    pub account_clients_none: &'static str,
    pub account_client_new: &'static str,
    pub account_client_id: &'static str,
    pub account_client_page: &'static str,
    pub account_confidential: &'static str,
    pub account_redirects: &'static str,
    pub account_secret: &'static str,
    pub account_secret_made: &'static str,
    pub account_rotate: &'static str,
    pub account_rotate_text: &'static str,
    pub account_delete: &'static str,
    pub account_delete_text: &'static str,
    pub account_deleted: &'static str,
    pub account_saved: &'static str,
    pub account_held: &'static str,
    pub account_held_none: &'static str,
    pub client_checked: &'static str,
    pub client_verified: &'static str,
    pub client_unverified: &'static str,
    pub consent_asks_new: &'static str,
    pub consent_known: &'static str,
    pub account_key_made: Phrase,
    /// The ways to sign in (RFC 8176) in words.
    pub account_amr: &'static [(&'static str, &'static str)],
}

impl Texts {
    /// What a claim is to a person, whatever its language.
    pub fn claim(&self, name: &str) -> Option<&'static str> {
        let name = name.split_once('#').map_or(name, |(name, _)| name);
        self.claims.iter().find(|(claim, _)| *claim == name).map(|(_, text)| *text)
    }

    /// What a scope means to a person, if it is a standard one.
    pub fn scope(&self, name: &str) -> Option<&'static str> {
        self.scopes.iter().find(|(scope, _)| *scope == name).map(|(_, text)| *text)
    }
}

/// Every language there is; the first where nobody says.
pub static SPOKEN: &[&Texts] = &[&ENGLISH];

/// The pages in English.
pub static ENGLISH: Texts = Texts {
    lang: "en",
    dir: "ltr",
    product: "Firman",
    footer: "Signed and sealed by Firman",
    footer_links: Phrase("About {}"),
    footer_terms: "Terms",
    footer_privacy: "Privacy",
    footer_support: "Help",
    problem_mark: "Problem:",
    skip: "Skip the menu",

    client_links: Phrase("About {}"),
    client_site: "Website",
    client_policy: "Privacy policy",
    client_terms: "Terms of service",

    login_title: "Sign in",
    login_lead: Phrase("to continue to {}"),
    username: "User name",
    password: "Password",
    login_submit: "Sign in",
    cancel: "Cancel",
    wrong_credentials: "User name or password is wrong.",

    consent_title: Phrase("Allow {}?"),
    consent_asks: "This application asks for your permission to",
    consent_signed_in_as: "You are signed in as",
    consent_sent_to: "Either way, you go on to",
    consent_user_code: "Only if your device shows",
    consent_resources: "For use at",
    consent_allow: "Allow",
    consent_deny: "Deny",
    scopes: &[
        ("openid", "Know that it is you"),
        ("profile", "See your name and the rest of your profile"),
        ("email", "See your e-mail address"),
        ("address", "See your postal address"),
        ("phone", "See your telephone number"),
        ("offline_access", "Keep this permission while you are away"),
    ],
    scope_unknown: Phrase("Use the permission {}"),
    scope_none: "Act for you, without any permission in particular",

    post_title: "One more step",
    post_lead: Phrase("You are on your way back to {}."),
    post_submit: "Continue",

    device_title: "Connect a device",
    device_lead: "Type the code that your device shows.",
    device_code: "Code",
    device_submit: "Continue",
    device_unknown: "No device waits with this code. Look at it again; if it is right, begin again on the device.",
    device_phone: "Go on with a telephone",
    device_qr: "QR code with the address of this page",
    device_allowed_title: "Your device is connected",
    device_allowed_text: "It goes on by itself in a few seconds. You may close this page.",
    device_denied_title: "Your device is not connected",
    device_denied_text: "It has no access. You may close this page.",

    requests_title: "Waiting for you",
    requests_lead: "Applications that ask for your permission while you use them elsewhere. Allow only what you have just begun yourself.",
    requests_none: "Nothing waits for you.",
    requests_asks: Phrase("{} asks to"),
    requests_message: "Only if it shows you",
    requests_allowed: "You allowed it. The application goes on by itself in a few seconds.",
    requests_denied: "You denied it. The application has no access.",

    error_title: "This request cannot continue",
    error_next: "What you can do",
    error_steps: &[
        "Go back to the application you came from and start again.",
        "If it happens again, tell the people who run that application, and give them what stands below.",
    ],
    error_code: "Error",
    error_incident: "Incident",
    error_internal: "Something went wrong on this server. It is not your fault.",

    home_title: Phrase("This is {}"),
    home_lead: "It signs people in to applications, and keeps what they allowed those applications to do.",
    home_person: "Start in the application that you want to use: it sends you here when it is time to sign in. Here \
                  you see what you have allowed, and where you are signed in.",
    home_account: "Your account",
    home_developers: "For developers",
    home_issuer: "Issuer",
    home_discovery: "OpenID Connect discovery",
    home_discovery_link: "openid-configuration",

    demo_back_title: "You are back in the demo application",
    demo_back_text: "It would now exchange the code in the address of this page for tokens. To see that done, run \
                     firman login in a terminal.",

    not_found_title: "Nothing here",
    not_found_text: "There is no page at this address.",

    select_title: "Choose an account",
    select_same: Phrase("Continue as {}"),
    select_another: "Use another account",
    claims: &[
        ("name", "See your full name"),
        ("family_name", "See your family name"),
        ("given_name", "See your given name"),
        ("middle_name", "See your middle name"),
        ("nickname", "See your nickname"),
        ("preferred_username", "See the user name that you prefer"),
        ("profile", "See the address of your profile page"),
        ("picture", "See your picture"),
        ("website", "See the address of your website"),
        ("gender", "See your gender"),
        ("birthdate", "See your date of birth"),
        ("zoneinfo", "See your time zone"),
        ("locale", "See your language and region"),
        ("updated_at", "See when your profile was last changed"),
        ("email", "See your e-mail address"),
        ("email_verified", "See whether your e-mail address is verified"),
        ("address", "See your postal address"),
        ("phone_number", "See your telephone number"),
        ("phone_number_verified", "See whether your telephone number is verified"),
    ],
    logout_title: "Sign out?",
    logout_lead: "You are signed in as",
    logout_client: Phrase("{} asks whether you want to sign out here, too."),
    logout_another: "The application means somebody else, or another sign-in than this one.",
    logout_problem: "Something in the application's request is wrong, so you will stay here afterwards.",
    logout_submit: "Sign out",
    logout_cancel: "Stay signed in",
    logout_stayed_title: "You are still signed in",
    logout_stayed_text: "Nothing has changed. You may close this page.",
    signed_out_title: "You are signed out",
    signed_out_frames: "The applications that you have used are being told.",
    signed_out_frame: "An application that is told",
    signed_out_next: Phrase("Go on to {}"),
    signed_out_text: "Applications that you have used may still know you for a while; sign out there if others use this device.",

    wait_credentials: "Too many sign-ins went wrong. Wait a minute, then try again.",
    own_sign_in_lead: "to continue to your account",
    own_sign_in_again: "Sign in again to change this.",

    second_title: "One more step",
    second_lead: "Type the code that your authenticator app shows, or one of your recovery codes.",
    second_code: "Code",
    second_submit: "Continue",
    second_wrong: "This code is wrong, or was used before. Wait for the next one.",
    second_wait: "Too many codes were wrong. Wait five minutes, then try again.",

    security_title: "How you sign in",
    security_lead: "What proves that it is you. To change any of it, you may have to sign in again first.",
    security_elsewhere: "Your account is kept by another service. There you change how you sign in.",
    security_back: "Back",
    password_section: "Password",
    password_change: "Change the password",
    password_set: "Set a password",
    password_none: "You have no password.",
    password_lead: "You are signed out everywhere but here, and applications have to ask you again.",
    password_current: "Password until now",
    password_new: "New password",
    password_again: "New password once more",
    password_differ: "The two new passwords are not the same.",
    password_wrong: "The password until now is wrong.",
    password_changed: "You have a new password. Everywhere else you are signed out.",
    app_section: "Authenticator app",
    app_none: "Signing in asks for no code.",
    app_since: Phrase("Signing in asks for a code, since {}."),
    app_add: "Add an app",
    app_remove: "Remove the app",
    app_removed: "The app is removed. From now on your password is enough.",
    app_title: "Add an authenticator app",
    app_lead: "Scan the picture with the app, or type the key below into it. Then type the code that it shows.",
    app_secret: "Key",
    app_qr: "QR code for an authenticator app",
    app_code: "Code",
    app_submit: "Add",
    app_wrong: "This is not the code of this key. Look at the clock of your device, and try the next code.",
    recovery_left: Phrase("Recovery codes that are left: {}"),
    recovery_new: "Make new recovery codes",
    recovery_title: "Your recovery codes",
    recovery_lead: "Each signs you in once, when you do not have the app. Write them down now: they are not shown again.",

    passkey_submit: "Use a passkey",
    passkey_failed: "Your browser found no passkey for this site, or was not allowed to use it. Try again, or sign in another way.",
    passkey_refused: "This passkey was not accepted. Try again, or sign in another way.",
    second_lead_passkey: "Show one of your passkeys.",
    passkeys_section: "Passkeys",
    passkeys_none: "You have no passkey. With one, you sign in by fingerprint, face or PIN of your device, and without a password.",
    passkey_since: Phrase(", since {}"),
    passkey_used: Phrase(", last used {}"),
    passkey_new: "Add a passkey",
    passkey_title: "Add a passkey",
    passkey_lead: "Your device, or a security key, keeps it for this site. Your browser asks you where. It needs JavaScript.",
    passkey_name: "Name of the passkey",
    passkey_add: "Add",
    passkey_added: "The passkey is added. From now on it signs you in.",
    passkey_not_added: "This passkey was not accepted. Try again.",
    passkey_rename: "Rename",
    passkey_renamed: "The passkey has another name.",
    passkey_remove: "Remove",
    passkey_removed: "The passkey is removed, and signs you in no more. Remove it from your device, too.",
    upstreams_label: "Other ways to sign in",
    upstream_with: Phrase("Sign in with {}"),
    upstream_only: "Nobody signs in here with a password. Choose where you have your account.",
    upstream_title: Phrase("{} did not sign you in"),
    upstream_unreachable: "It cannot be reached at the moment. Try again in a minute; what you began here waits.",
    upstream_refused: "It refused, or you cancelled there.",
    upstream_unproved: "Its answer could not be verified, so it is not taken. Try again; if it happens again, tell the people who run this server.",
    upstream_not_admitted: "It knows you, but your account there gives no access here. Ask the people who run this server.",
    upstream_again: "Try again",
    upstream_choose: "Sign in another way",
    upstream_leave: "Back to the application",
    account_menu: "Your account",
    account_apps: "Applications",
    account_sessions: "Sign-ins",
    account_security: "Security",
    account_requests: "Requests",
    account_keys: "API keys",
    account_clients: "Your clients",
    account_next: "More",
    account_problem: "That did not work",
    account_since: "Since",
    account_last_used: "Last used",
    account_never_used: "not yet",
    account_until: "Until",
    account_name: "Name",
    account_create: "Create",
    account_save: "Save",
    account_once: "Copy it now: it is shown this once and never again.",
    account_apps_lead: "What you have allowed, and to whom.",
    account_apps_none: "You have not allowed anything to anybody.",
    account_kind_app: "Application",
    account_kind_device: "Device",
    account_kind_agent: "Acts for you",
    account_remembered: "May have this again without asking you",
    account_withdraw: "Withdraw",
    account_withdraw_all: "Withdraw everything",
    account_withdraw_all_text: "Every application loses what you have allowed it, and has to ask you again.",
    account_withdrawn: "You have withdrawn it. The application has no access any more.",
    account_withdrawn_all: "You have withdrawn everything. No application has access any more.",
    account_sessions_lead: "The browsers that you are signed in with. End what you do not know.",
    account_this_browser: "This browser",
    account_other_browser: "Another browser",
    account_last_seen: "Last seen",
    account_ways: "Signed in by",
    account_end: "Sign out",
    account_end_here: "Sign out here",
    account_end_others: "Sign out everywhere else",
    account_ended: "That browser is signed out.",
    account_ended_others: "All other browsers are signed out.",
    account_keys_lead: "Keys for programs of your own. Whoever has one can do what it is for, as you.",
    account_keys_none: "You have no API keys.",
    account_key: "API key",
    account_key_new: "New API key",
    account_key_new_lead: "Let it do no more than it needs to.",
    account_key_days: "Ends after so many days",
    account_key_resources: "None chosen: for this service itself.",
    account_key_revoke: "Revoke",
    account_key_revoked: "The key is revoked. Nobody can use it any more.",
    account_may: "It may",
    account_may_ask: "It may ask people for",
    account_clients_lead: "Applications of your own that sign people in here.",
    account_clients_none: "You have no clients.",
    account_client_new: "New client",
    account_client_id: "Client ID",
    account_client_page: "Its page on the web, if it has one",
    account_confidential: "It runs on a server and keeps a secret",
    account_redirects: "Where people are sent back to, one address a line",
    account_secret: "Client secret",
    account_secret_made: "The secret of your client",
    account_rotate: "New secret",
    account_rotate_text: "The client gets a new secret. The old one goes on working for a day.",
    account_delete: "Delete this client",
    account_delete_text: "Everything that people have allowed it ends at once. This cannot be undone.",
    account_deleted: "The client is deleted.",
    account_saved: "Saved.",
    account_held: "What people have allowed it",
    account_held_none: "Nobody has allowed it anything.",
    client_checked: "Who it is",
    client_verified: "Verified by this service",
    client_unverified: "Not verified: it says so itself",
    consent_asks_new: "This application now also asks for your permission to",
    consent_known: "What you have allowed it before",
    account_key_made: Phrase("Your key {}"),
    account_amr: &[
        ("pwd", "Password"),
        ("otp", "One-time code"),
        ("hwk", "Passkey"),
        ("swk", "Passkey"),
        ("fed", "Another service"),
    ],
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_phrase_has_one_gap() {
        let Texts { client_links, login_lead, consent_title, scope_unknown, post_lead, requests_asks, .. } = ENGLISH;
        let Texts { logout_client, signed_out_next, app_since, recovery_left, select_same, .. } = ENGLISH;
        let Texts { upstream_with, upstream_title, .. } = ENGLISH;
        let Texts { passkey_since, passkey_used, .. } = ENGLISH;
        let shown = [app_since, recovery_left, passkey_since, passkey_used];
        let own = [logout_client, signed_out_next, select_same, upstream_with, upstream_title];
        let known = [client_links, login_lead, consent_title, scope_unknown, post_lead, requests_asks];
        for phrase in known.into_iter().chain(own).chain(shown) {
            assert_eq!(phrase.0.matches("{}").count(), 1, "{phrase:?}");
            assert_eq!(format!("{}{{}}{}", phrase.before(), phrase.after()), phrase.0);
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
