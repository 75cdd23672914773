//! The layers together: what wins, what is refused, and with which words.

use std::path::{Path, PathBuf};

use super::*;

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// A folder of one test, gone with it.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("firman-config-{}-{test}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn load(file: Option<&Path>, env: &[(&str, &str)], overrides: &[(&str, &str)]) -> Result<Settings, ConfigError> {
    let env = env.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let overrides: Vec<_> = overrides.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    Settings::load(file, env, &overrides)
}

/// Loads a file of this text, called `firman.toml`, and gives what was wrong with it, without the folder.
fn refused(test: &str, text: &str) -> String {
    let folder = Folder::new(test);
    let path = folder.write("firman.toml", text);
    let error = load(Some(&path), &[], &[]).unwrap_err().to_string();
    error.replace(&format!("{}/", folder.0.display()), "")
}

fn refused_env(name: &str, value: &str) -> String {
    load(None, &[(name, value)], &[]).unwrap_err().to_string()
}

#[test]
fn nothing_given_is_all_defaults() {
    let settings = load(None, &[], &[]).unwrap();
    assert_eq!(settings.server.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(settings.store.url.as_str(), "sqlite:firman.db");
    assert_eq!((settings.tokens.code_seconds, settings.tokens.failed_redemptions), (Seconds(60), 5));
    assert_eq!((settings.server.tls_key, settings.metrics.listen), (None, None));
    assert_eq!(settings.log.format, LogFormat::Text);
    assert_eq!(settings.keys.algorithms.len(), 3);
}

#[test]
fn every_default_is_in_its_range_and_every_line_is_a_sentence() {
    for key in SECTIONS.iter().flat_map(|section| section.keys) {
        assert_eq!(key.kind == Kind::Whole, key.range.is_some(), "{} needs a range", key.name);
        assert!(key.about.ends_with('.') && !key.about.contains('\n'), "{}: {}", key.name, key.about);
    }
}

#[test]
fn environment_wins_over_file_and_command_line_over_both() {
    let folder = Folder::new("wins");
    let file = folder.write("firman.toml", "[tokens]\ncode_seconds = 30\nlate_seconds = 1\n\n[store]\nreaders = 2\n");
    let env = [("FIRMAN__TOKENS__CODE_SECONDS", "40"), ("FIRMAN__STORE__READERS", "3"), ("PATH", "/bin")];
    let settings = load(Some(&file), &env, &[("store.readers", "5")]).unwrap();
    let tokens = &settings.tokens;
    assert_eq!((tokens.late_seconds, tokens.code_seconds, settings.store.readers), (Seconds(1), Seconds(40), 5));
    assert_eq!(settings.source("tokens.late_seconds"), &Source::File { path: file, line: Some(3) });
    assert_eq!(settings.source("tokens.code_seconds").to_string(), "environment FIRMAN__TOKENS__CODE_SECONDS");
    assert_eq!(settings.source("store.readers"), &Source::CommandLine);
    assert_eq!(settings.source("server.listen"), &Source::Default);
}

#[test]
fn every_kind_can_come_from_the_environment() {
    let env = [
        ("FIRMAN__SERVER__LISTEN", "[::1]:0"),
        ("FIRMAN__SERVER__TRUST_FORWARDED_PROTO", "true"),
        ("FIRMAN__KEYS__ALGORITHMS", "EdDSA, PS256"),
        ("FIRMAN__STORE__NAMES__GRANTS", "oauth_grants"),
        ("FIRMAN__STORE__NAMES__GRANTS__CLIENT_ID", "app"),
        ("FIRMAN__LOG__FORMAT", "json"),
    ];
    let settings = load(None, &env, &[]).unwrap();
    assert!(settings.server.listen.is_ipv6() && settings.server.trust_forwarded_proto);
    assert_eq!(settings.keys.algorithms, [firman_proto::jws::Algorithm::EdDSA, firman_proto::jws::Algorithm::PS256]);
    let names: Vec<_> = settings.store.names.0.iter().map(|(key, name)| (key.as_str(), name.as_str())).collect();
    assert_eq!(names, [("grants", "oauth_grants"), ("grants.client_id", "app")]);
    assert_eq!(settings.log.format, LogFormat::Json);
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_name() {
    assert_eq!(
        refused("unknown", "[server]\n\nlistn = \"127.0.0.1:1\"\n"),
        "firman.toml:3: server.listn: unknown key; did you mean server.listen?"
    );
    assert_eq!(refused("section", "[sever]\n"), "firman.toml:1: [sever]: unknown section; did you mean [server]?");
    assert_eq!(
        refused("elsewhere", "[login]\ncode_seconds = 60\n"),
        "firman.toml:2: login.code_seconds: unknown key; did you mean tokens.code_seconds?"
    );
    assert_eq!(
        refused("alien", "[server]\ncolour = 1\n"),
        "firman.toml:2: server.colour: unknown key; `firman config` shows every key there is"
    );
    assert_eq!(
        refused("bare", "code_seconds = 1\n"),
        "firman.toml:1: code_seconds: unknown key; did you mean tokens.code_seconds (a key stands below its [section])?"
    );
    let error = load(None, &[], &[("server.port", "1")]).unwrap_err();
    assert!(error.to_string().starts_with("command line: server.port: unknown key; "), "{error}");
}

#[test]
fn an_unknown_variable_is_refused_with_the_nearest_name() {
    for (name, meant) in [
        ("FIRMAN__SERVER__LISTN", "FIRMAN__SERVER__LISTEN"),
        ("FIRMAN__server__listen", "FIRMAN__SERVER__LISTEN"),
        ("FIRMAN_SERVER_LISTEN", "FIRMAN__SERVER__LISTEN"),
        ("FIRMAN_SECRETS_MASTER_KEY_FILE", "FIRMAN__SECRETS__MASTER_KEY_FILE"),
        ("FIRMAN__LISTEN", "LISTEN"),
    ] {
        let error = refused_env(name, "x");
        assert!(
            error.starts_with(&format!("environment {name}: ")) && error.ends_with(&format!("{meant}?")),
            "{error}"
        );
    }
    // Others' business, such as which file to read.
    assert!(load(None, &[("FIRMAN_CONFIG", "x"), ("FIRMANISH", "x")], &[]).is_ok());
}

#[test]
fn a_wrong_type_names_key_and_line() {
    assert_eq!(
        refused("type", "[tokens]\ncode_seconds = \"60\"\n"),
        "firman.toml:2: tokens.code_seconds: this is a text; give a whole number from 1 to 600"
    );
    assert_eq!(
        refused("flag", "[server]\ntrust_forwarded_proto = 1\n"),
        "firman.toml:2: server.trust_forwarded_proto: this is a whole number; give true or false"
    );
    assert_eq!(
        refused("list", "[keys]\nalgorithms = [\"ES256\", 5]\n"),
        "firman.toml:2: keys.algorithms: this is a list; give a list of texts"
    );
    assert_eq!(
        refused("tables", "[[server]]\n"),
        "firman.toml:1: server: this is a list, not a section; write [server], then one key a line"
    );
    assert_eq!(
        refused_env("FIRMAN__TOKENS__CODE_SECONDS", "soon"),
        "environment FIRMAN__TOKENS__CODE_SECONDS: tokens.code_seconds: \"soon\" will not do; give a whole number from 1 to 600"
    );
}

#[test]
fn a_value_out_of_range_says_the_range() {
    for text in ["0", "601", "-1", "0x7fff_ffff_ffff_ffff"] {
        let error = refused("range", &format!("[tokens]\ncode_seconds = {text}\n"));
        assert!(error.ends_with(" is out of range; give a whole number from 1 to 600"), "{error}");
    }
    assert!(refused("huge", "[tokens]\ncode_seconds = 99999999999999999999\n").contains("from 1 to 600"));
}

#[test]
fn a_wrong_value_says_what_would_do() {
    for (variable, value, cure) in [
        ("FIRMAN__SERVER__LISTEN", "localhost", "an IP address and a port"),
        ("FIRMAN__SERVER__ISSUER", "http://id.example", "https (http only on loopback)"),
        ("FIRMAN__STORE__URL", "oracle://x", "\"sqlite:\" and the path"),
        ("FIRMAN__KEYS__ALGORITHMS", "none", "ES256, RS256, PS256 and EdDSA"),
        ("FIRMAN__LOG__FORMAT", "xml", "\"text\" or \"json\""),
        ("FIRMAN__LOG__LEVEL", "loud", "error, warn, info, debug or trace"),
    ] {
        let error = refused_env(variable, value);
        assert!(error.contains("will not do; give ") && error.contains(cure), "{error}");
    }
}

#[test]
fn all_problems_are_told_at_once() {
    let error = refused("all", "[server]\nlistn = 1\nmax_connections = 0\n[tokens]\ncode_seconds = true\n");
    assert_eq!(error.lines().count(), 3, "{error}");
}

#[test]
fn a_file_that_cannot_be_read_or_is_no_toml_is_named() {
    let error = load(Some(Path::new("/nowhere/firman.toml")), &[], &[]).unwrap_err().to_string();
    assert!(error.starts_with("/nowhere/firman.toml: cannot be read: "), "{error}");
    let error = refused("syntax", "[server]\nlisten = \"a\"\n[tokens\n");
    assert!(error.starts_with("firman.toml:3: not TOML: "), "{error}");
    let error = refused("twice", "[server]\nlisten = \"127.0.0.1:1\"\nlisten = \"127.0.0.1:2\"\n");
    assert!(error.starts_with("firman.toml:3: not TOML: "), "{error}");
}

#[test]
fn tables_and_columns_get_names_in_either_spelling() {
    let folder = Folder::new("names");
    for text in ["\"grants.client\" = \"app\"\ngrants = \"g\"\n", "grants.client = \"app\"\n"] {
        let file = folder.write("firman.toml", &format!("[store.names]\n{text}"));
        let settings = load(Some(&file), &[], &[]).unwrap();
        assert_eq!(settings.store.names.0.get("grants.client").map(String::as_str), Some("app"));
        assert_eq!(settings.source("store.names.grants.client"), &Source::File { path: file, line: Some(2) });
    }
    for text in ["\"a.b.c\" = \"x\"", "\"a b\" = \"x\"", "grants = 5", "\"\" = \"x\""] {
        let error = refused("names-wrong", &format!("[store.names]\n{text}\n"));
        assert!(error.starts_with("firman.toml:2: store.names."), "{error}");
    }
}

#[test]
fn a_secret_comes_from_a_file_less_one_newline() {
    let folder = Folder::new("secret");
    for end in ["", "\n", "\r\n"] {
        let file = folder.write("master.key", &format!("{KEY}{end}"));
        let settings = load(None, &[("FIRMAN__SECRETS__MASTER_KEY_FILE", file.to_str().unwrap())], &[]).unwrap();
        assert_eq!(settings.master_key().unwrap().reveal()[31], 31);
    }
    let file = folder.write("master.key", &format!("{KEY}\n\n"));
    let error = refused_env("FIRMAN__SECRETS__MASTER_KEY_FILE", file.to_str().unwrap());
    assert!(error.contains("base64 of exactly 32 bytes"), "{error}");
    let error = refused_env("FIRMAN__SECRETS__MASTER_KEY_FILE", "/nowhere/key");
    assert!(error.contains("(/nowhere/key): secrets.master_key: cannot be read"), "{error}");
}

#[test]
fn the_address_of_the_database_comes_from_a_file_too() {
    let folder = Folder::new("url");
    let file = folder.write("url", "mysql://me:hush@db.example/firman\n");
    let settings = load(None, &[("FIRMAN__STORE__URL_FILE", file.to_str().unwrap())], &[]).unwrap();
    assert_eq!(settings.store.url.as_str(), "mysql://me:hush@db.example/firman");
    assert!(!settings.describe().contains("hush") && !settings.to_json().to_string().contains("hush"));
    for wrong in ["mysq://me:hush@db/firman", "me:hush@db"] {
        let file = folder.write("wrong", wrong);
        let error = refused_env("FIRMAN__STORE__URL_FILE", file.to_str().unwrap());
        assert!(error.contains("what was given will not do") && !error.contains("hush"), "{error}");
    }
}

#[test]
fn a_secret_given_twice_is_refused() {
    let folder = Folder::new("both");
    let file = folder.write("master.key", KEY);
    let both = [("FIRMAN__SECRETS__MASTER_KEY_FILE", file.to_str().unwrap()), ("FIRMAN__SECRETS__MASTER_KEY", KEY)];
    let error = load(None, &both, &[]).unwrap_err().to_string();
    assert!(error.contains("FIRMAN__SECRETS__MASTER_KEY is set as well; unset one of the two"), "{error}");
}

#[test]
fn only_a_secret_has_a_file_of_its_own() {
    let error = refused_env("FIRMAN__SERVER__ISSUER_FILE", "/x");
    assert!(error.contains("only a secret can come from a file of its own; set FIRMAN__SERVER__ISSUER"), "{error}");
}

#[test]
fn no_secret_is_in_an_error_or_a_description() {
    let leaked = "hunter2hunter2";
    for error in [
        refused_env("FIRMAN__SECRETS__MASTER_KEY", leaked),
        refused("leak", &format!("[secrets]\nmaster_key = \"{leaked}\"\n")),
        refused("leak-type", &format!("[secrets]\nmaster_key = [\"{leaked}\"]\n")),
        refused("leak-syntax", &format!("[secrets]\nmaster_key = \"{leaked}\n")),
        refused("leak-bare", &format!("[secrets]\nmaster_key = {leaked}\n")),
    ] {
        assert!(!error.contains("hunter2"), "{error}");
    }
    let settings = load(None, &[("FIRMAN__SECRETS__MASTER_KEY", KEY)], &[]).unwrap();
    for text in [settings.describe(), settings.to_json().to_string(), format!("{settings:?}")] {
        assert!(!text.contains(KEY) && !text.contains("[0, 1, 2, 3"), "{text}");
    }
    assert!(settings.describe().contains("# master_key = (set)  # environment FIRMAN__SECRETS__MASTER_KEY\n"));
}

#[test]
fn what_serving_needs_says_how_to_get_it() {
    let settings = load(None, &[], &[]).unwrap();
    let error = settings.master_key().unwrap_err().to_string();
    assert!(
        error.starts_with("secrets.master_key: not set; make one with `head -c 32 /dev/urandom | base64"),
        "{error}"
    );
    assert!(settings.issuer().unwrap_err().to_string().contains("FIRMAN__SERVER__ISSUER"));
    let settings = load(None, &[("FIRMAN__SERVER__ISSUER", "https://id.example")], &[]).unwrap();
    assert_eq!(settings.issuer().unwrap().as_str(), "https://id.example");
}

#[test]
fn keys_that_belong_together_are_checked_together() {
    let error = refused_env("FIRMAN__SERVER__TLS_KEY", "key.pem");
    assert!(error.contains("server.tls_key: given without server.tls_certificate; give both"), "{error}");
    let error = refused("announce", "[keys]\nrotate_days = 7\n");
    assert!(error.starts_with("firman.toml:2: keys.rotate_days: announce_days (7) is not shorter"), "{error}");
}

#[test]
fn a_description_loads_back_to_the_same() {
    let folder = Folder::new("round");
    let env = [
        ("FIRMAN__SERVER__ISSUER", "https://id.example"),
        ("FIRMAN__SERVER__TLS_KEY", "a \"quoted\" \\ path\nof two lines"),
        ("FIRMAN__SERVER__TLS_CERTIFICATE", "ä.pem"),
        ("FIRMAN__KEYS__ALGORITHMS", "PS256"),
        ("FIRMAN__STORE__NAMES__GRANTS__CLIENT", "app"),
        ("FIRMAN__STORE__NAMES__GRANTS", "g"),
        ("FIRMAN__TOKENS__FAILED_REDEMPTIONS", "0"),
    ];
    for env in [&env[..], &[]] {
        let first = load(None, env, &[]).unwrap();
        let file = folder.write("firman.toml", &first.describe());
        let second = load(Some(&file), &[], &[]).unwrap();
        assert!(first.values() == second.values(), "{}\n{}", first.describe(), second.describe());
    }
}

#[test]
fn a_description_tells_every_key_and_where_its_value_came_from() {
    let text = load(None, &[("FIRMAN__STORE__READERS", "9")], &[]).unwrap().describe();
    for key in SECTIONS.iter().flat_map(|section| section.keys) {
        assert!(text.contains(key.about), "{} in {text}", key.name);
    }
    assert!(text.contains("readers = 9  # environment FIRMAN__STORE__READERS\n"), "{text}");
    assert!(text.contains("code_seconds = 60  # default\n") && text.contains(" From 1 to 600.\n"), "{text}");
    assert!(text.contains("# master_key = (not set)  # default\n"), "{text}");
}

#[test]
fn json_has_every_key_with_value_and_source() {
    let json = load(None, &[("FIRMAN__STORE__NAMES__GRANTS", "g")], &[]).unwrap().to_json();
    assert_eq!(json["tokens"]["code_seconds"], serde_json::json!({ "value": 60, "source": "default" }));
    assert_eq!(json["secrets"]["master_key"], serde_json::json!({ "set": false, "source": "default" }));
    assert_eq!(json["store"]["names"]["grants"]["value"], "g");
    assert_eq!(json["store"]["names"]["grants"]["source"], "environment FIRMAN__STORE__NAMES__GRANTS");
    for key in SECTIONS.iter().flat_map(|section| section.keys) {
        let (section, short) = key.name.split_once('.').unwrap();
        assert!(json[section].get(short).is_some(), "{}", key.name);
    }
}

#[test]
fn routes_may_be_moved_and_not_into_each_others_way() {
    let settings = load(None, &[("FIRMAN__ROUTES__TOKEN", "/token")], &[]).unwrap();
    assert_eq!(settings.moved().of("/oauth2/token"), "/token");
    assert_eq!(settings.moved().of("/oauth2/par"), "/oauth2/par");
    for (value, what) in [
        ("/oauth2/par", "routes.par"),
        ("/oauth2", "routes.authorize"),
        ("/login/token", "routes.login"),
        ("/health/token", "taken"),
        ("token", "a path such as"),
    ] {
        let refused = refused_env("FIRMAN__ROUTES__TOKEN", value);
        assert!(refused.contains("routes.") && refused.contains(what), "{refused}");
    }
}

#[test]
fn userinfo_asks_for_classes_that_there_are() {
    let refused = refused_env("FIRMAN__LOGIN__USERINFO_ACR_VALUES", "urn:example:high");
    assert!(refused.contains("login.userinfo_acr_values") && refused.contains("login.acr_classes"), "{refused}");
}
