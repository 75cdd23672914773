//! Apache with modules that nobody here wrote: mod_auth_openidc as a relying party, mod_oauth2 as a resource server.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use http::Request;
use http::header::{AUTHORIZATION, COOKIE, SET_COOKIE};
use url::Url;

use crate::support::browser::AuthorizationRequest;
use crate::support::client::Tokens;
use crate::support::engines::engine;
use crate::support::http::Answer;
use crate::support::server::Server;

const READY_WITHIN: Duration = Duration::from_secs(20);

/// A throwaway Apache with a folder of its own.
struct Apache {
    process: Child,
    folder: PathBuf,
    home: String,
}

impl Apache {
    /// With these lines in its configuration; `{home}` is its own address. `None` where it is not installed.
    fn start(name: &str, module: &str, lines: &str, server: &Server) -> Option<Self> {
        let program = engine("FIRMAN_TEST_APACHE")?;
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("htdocs")).unwrap();
        fs::write(folder.join("htdocs/index.html"), "the page behind it").unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let home = format!("http://{address}");
        let loads: String = ["mpm_event", "authn_core", "authz_core", "authz_user", "dir", "alias", module]
            .map(|name| format!("LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"))
            .concat();
        // Whoever starts it as root is not whom it runs as.
        let user = if rustix::process::getuid().is_root() { "User daemon\nGroup daemon\n" } else { "" };
        let settings = format!(
            "ServerRoot {folder}\nListen {address}\nServerName 127.0.0.1\nPidFile {folder}/pid\nMutex posixsem\n{loads}{user}\
             ErrorLog {folder}/log\nLogLevel info\nDocumentRoot {folder}/htdocs\nDirectoryIndex index.html\n\
             Alias /open {folder}/htdocs\nAlias /closed {folder}/htdocs\n<Directory {folder}>\nRequire all granted\n</Directory>\n{lines}\n",
            folder = folder.display(),
            lines = lines.replace("{home}", &home),
        );
        fs::write(folder.join("apache.conf"), settings).unwrap();
        let process = Command::new(program)
            .arg("-f")
            .arg(folder.join("apache.conf"))
            .args(["-D", "FOREGROUND"])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let mut apache = Self { process, folder, home };
        apache.wait(server);
        Some(apache)
    }

    fn wait(&mut self, server: &Server) {
        let begun = Instant::now();
        while begun.elapsed() < READY_WITHIN && self.process.try_wait().unwrap().is_none() {
            let request = Request::get(format!("{}/nowhere", self.home)).body(Vec::new()).unwrap();
            if server.http.try_send(request).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("Apache does not start: {}", self.log());
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for Apache {
    fn drop(&mut self) {
        let _ = rustix::process::kill_process(
            rustix::process::Pid::from_child(&self.process),
            rustix::process::Signal::TERM,
        );
        let _ = self.process.wait();
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// Somebody's cookies at Apache.
#[derive(Default)]
struct Cookies(Vec<(String, String)>);

impl Cookies {
    fn get(&mut self, server: &Server, url: &str) -> Answer {
        let line: Vec<_> = self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let answer = server.http.send(Request::get(url).header(COOKIE, line.join("; ")).body(Vec::new()).unwrap());
        for cookie in answer.headers.get_all(SET_COOKIE) {
            let (name, value) = cookie.to_str().unwrap().split(';').next().unwrap().split_once('=').unwrap();
            self.0.retain(|(known, _)| known != name);
            if !value.is_empty() {
                self.0.push((name.to_owned(), value.to_owned()));
            }
        }
        answer
    }
}

#[test]
fn mod_auth_openidc_lets_in_whoever_signs_in() {
    let server = Server::start("apache-relying-party");
    let ready = &server.ready;
    let lines = format!(
        "OIDCProviderMetadataURL {issuer}/.well-known/openid-configuration\nOIDCClientID {id}\nOIDCClientSecret {secret}\n\
         OIDCRedirectURI {{home}}/callback\nOIDCCryptoPassphrase of-this-test-alone\nOIDCScope \"openid profile email\"\n\
         OIDCPKCEMethod S256\nOIDCProviderTokenEndpointAuth client_secret_basic\n\
         <Location />\nAuthType openid-connect\nRequire valid-user\n</Location>\n\
         <Location /open>\nAuthType openid-connect\nRequire claim email:demo@demo.example\n</Location>\n\
         <Location /closed>\nAuthType openid-connect\nRequire claim email:another@demo.example\n</Location>",
        issuer = ready.issuer,
        id = ready.client_id,
        secret = ready.client_secret,
    );
    let Some(apache) = Apache::start("apache-relying-party-of", "auth_openidc", &lines, &server) else { return };
    let mut cookies = Cookies::default();
    let sent = cookies.get(&server, &format!("{}/open/", apache.home));
    assert_eq!(sent.status, 302, "{sent:?} {}", apache.log());
    let url = Url::parse(sent.header("location")).unwrap();
    let callback = server.browser().authorize(&AuthorizationRequest { url, ..AuthorizationRequest::new(&server) });
    let back = cookies.get(&server, callback.as_str());
    assert_eq!(back.header("location"), format!("{}/open/", apache.home), "{back:?} {}", apache.log());
    let page = cookies.get(&server, back.header("location"));
    assert_eq!((page.status, page.body.as_str()), (200, "the page behind it"), "{}", apache.log());
    let closed = cookies.get(&server, &format!("{}/closed/", apache.home));
    assert!(matches!(closed.status, 401 | 403), "{closed:?}");
}

#[test]
fn mod_oauth2_asks_about_tokens_and_lets_live_ones_in() {
    let server = Server::start("apache-resource");
    let ready = &server.ready;
    let lines = format!(
        "<Location />\nAuthType oauth2\nOAuth2TokenVerify introspect {issuer}/oauth2/introspect \
         introspect.auth=client_secret_basic&client_id={id}&client_secret={secret}&expiry=0\nRequire valid-user\n</Location>\n\
         <Location /open>\nAuthType oauth2\nRequire oauth2_claim client_id:{id}\n</Location>\n\
         <Location /closed>\nAuthType oauth2\nRequire oauth2_claim client_id:another\n</Location>",
        issuer = ready.issuer,
        id = ready.service_client_id,
        secret = ready.service_client_secret,
    );
    let Some(apache) = Apache::start("apache-resource-of", "oauth2", &lines, &server) else { return };
    let get = |path: &str, token: Option<&str>| {
        let mut request = Request::get(format!("{}{path}", apache.home));
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        server.http.send(request.body(Vec::new()).unwrap())
    };
    let token = server.service().client_credentials().text("access_token");
    let page = get("/open/", Some(&token));
    assert_eq!((page.status, page.body.as_str()), (200, "the page behind it"), "{}", apache.log());
    assert!(matches!(get("/closed/", Some(&token)).status, 401 | 403));
    for wrong in [None, Some("x"), Some("fm_at_AAAA")] {
        let refused = get("/open/", wrong);
        assert_eq!(refused.status, 401, "{wrong:?} {refused:?}");
        assert!(refused.header("www-authenticate").starts_with("Bearer"), "{refused:?}");
    }
    let persons = Tokens::of(&server.demo().redeem(&server.browser().sign_in()));
    assert_eq!(get("/", Some(&persons.access)).status, 200, "{}", apache.log());
    server.demo().revoke(&persons.refresh);
    assert_eq!(get("/", Some(&persons.access)).status, 401, "{}", apache.log());
}
