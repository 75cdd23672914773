//! `oidc-agent`, which nobody here wrote: it keeps tokens for a person at a terminal, as ssh-agent keeps keys.

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use url::Url;

use crate::device::connect;
use crate::support::cli::Cli;
use crate::support::engines::engine;
use crate::support::server::Server;

const READY_WITHIN: Duration = Duration::from_secs(20);

/// An agent with accounts and a socket of its own.
struct Agent {
    process: Child,
    program: PathBuf,
    folder: PathBuf,
}

impl Agent {
    /// `None` where it is not installed.
    fn start(name: &str) -> Option<Self> {
        let program = PathBuf::from(engine("FIRMAN_TEST_OIDC_AGENT")?);
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("accounts")).unwrap();
        let log = fs::File::create(folder.join("log")).unwrap();
        let process = Command::new(&program)
            // In the foreground.
            .args([OsString::from("-d"), "-a".into(), folder.join("socket").into()])
            .envs(Self::environment(&folder))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut agent = Self { process, program, folder };
        let begun = Instant::now();
        while !agent.folder.join("socket").exists() {
            let running = agent.process.try_wait().unwrap().is_none() && begun.elapsed() < READY_WITHIN;
            assert!(running, "it does not start: {}", fs::read_to_string(agent.folder.join("log")).unwrap());
            thread::sleep(Duration::from_millis(10));
        }
        Some(agent)
    }

    fn environment(folder: &Path) -> [(&'static str, OsString); 4] {
        [
            ("HOME", folder.into()),
            ("OIDC_CONFIG_DIR", folder.join("accounts").into()),
            ("OIDC_SOCK", folder.join("socket").into()),
            ("OIDC_ENCRYPTION_PW", "of-this-test-alone".into()),
        ]
    }

    /// One of its programs, from the folder it is in itself.
    fn tool(&self, name: &str, words: &[&str]) -> Command {
        let mut command = Command::new(self.program.with_file_name(name));
        command.args(words).envs(Self::environment(&self.folder)).stdin(Stdio::null());
        command
    }

    fn run(&self, name: &str, words: &[&str]) -> String {
        let output = self.tool(name, words).output().unwrap();
        assert!(output.status.success(), "{name} {words:?}: {}", told(&output));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Makes an account by the device flow, with somebody who says yes.
    fn add(&self, server: &Server, account: &str, words: &[&str]) {
        let mut making = self
            .tool("oidc-gen", &[account, "--iss", &server.ready.issuer, "-w", "device"])
            .args(["--scope", "openid offline_access profile"])
            .args(["--pw-env", "--prompt=none", "--confirm-default"])
            .args(words)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(making.stderr.take().unwrap()).lines().map_while(Result::ok);
        let mut seen = String::new();
        let said = lines.by_ref().inspect(|line| seen.push_str(line));
        let code = { said }.find_map(|line| line.split_once("enter the code: ").map(|(_, code)| code.to_owned()));
        let code = code.unwrap_or_else(|| panic!("no code: {seen}"));
        let address = Url::parse_with_params(&server.url("/device"), [("user_code", code)]).unwrap();
        let last = connect(server, &mut server.browser(), &address, "consent-allow");
        assert_eq!(last.path(), "/device/allowed");
        // Read to the end, so that it can go on writing.
        let rest: Vec<_> = lines.collect();
        let output = making.wait_with_output().unwrap();
        assert!(output.status.success(), "{} {rest:?}", told(&output));
    }

    /// Forgets an account, and has the server forget it.
    fn delete(&self, account: &str) {
        self.run("oidc-gen", &["-d", account, "--confirm-yes", "--pw-env"]);
    }
}

fn told(output: &Output) -> String {
    format!("{} {} {}", output.status, String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.process), Signal::TERM);
        let _ = self.process.wait();
        if !thread::panicking() {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

#[test]
fn oidc_agent_registers_waits_as_a_device_refreshes_and_takes_its_leave() {
    let Some(agent) = Agent::start("oidc-agent") else { return };
    let settings = [
        ("FIRMAN__REGISTRATION__MODE", "open"),
        ("FIRMAN__REGISTRATION__GRANT_TYPES", "refresh_token,urn:ietf:params:oauth:grant-type:device_code"),
        ("FIRMAN__DEVICE__INTERVAL_SECONDS", "1"),
    ];
    let server = Server::start_with("oidc-agent-of", &settings);
    let registered = || {
        let clients = Cli::on(server.folder()).json(&["client", "list"]);
        let is_its = |name: &str| name.starts_with("oidc-agent:mine");
        clients.as_array().unwrap().iter().any(|client| client["client_name"].as_str().is_some_and(is_its))
    };
    agent.add(&server, "mine", &[]);
    assert!(registered());
    let token = agent.run("oidc-token", &["mine"]);
    assert!(server.service().is_active(&token), "{token}");
    // One that is good for longer than any: it must refresh.
    let another = agent.run("oidc-token", &["--time", "1000000", "mine"]);
    assert!(another != token && server.service().is_active(&another), "{another}");

    agent.delete("mine");
    assert!(!server.service().is_active(&another));
    assert!(!registered());
}

#[test]
fn oidc_agent_waits_as_a_device_of_a_known_client_and_revokes() {
    let Some(agent) = Agent::start("oidc-agent-known") else { return };
    let server = Server::start_with("oidc-agent-known-of", &[("FIRMAN__DEVICE__INTERVAL_SECONDS", "1")]);
    let (id, secret) = (&server.ready.client_id, &server.ready.client_secret);
    // It wants one with a port, and does not use it here.
    let words = ["--client-id", id, "--client-secret", secret, "--redirect-uri", "http://localhost:4242/callback"]
        .map(AsRef::as_ref);
    agent.add(&server, "known", &words);
    let token = agent.run("oidc-token", &["known"]);
    assert_eq!(server.service().introspect(&token)["client_id"], **id);
    agent.delete("known");
    assert!(!server.service().is_active(&token));
}
