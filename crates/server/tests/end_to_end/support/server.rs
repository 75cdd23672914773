//! The built binary as a process of its own, in a folder of its own.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use url::Url;

use super::browser::Browser;
use super::client::Client;
use super::http::Http;

/// Long enough for a debug build on a busy machine; a server that needs longer is broken.
const READY_WITHIN: Duration = Duration::from_mins(1);
const STOPPED_WITHIN: Duration = Duration::from_secs(20);

/// The line `firman serve --demo --json` prints when it is ready.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Ready {
    pub(crate) issuer: String,
    pub(crate) client_id: String,
    pub(crate) client_secret: String,
    pub(crate) redirect_uri: String,
    pub(crate) username: String,
    pub(crate) password: String,
    pub(crate) service_client_id: String,
    pub(crate) service_client_secret: String,
    pub(crate) console: String,
}

/// A running demo server. Dropping it stops the process, and removes the folder unless the test has failed.
pub(crate) struct Server {
    pub(crate) ready: Ready,
    pub(crate) ready_line: String,
    pub(crate) http: Http,
    // Before the folder, so that the process is gone when its files go.
    process: Process,
    folder: Folder,
}

impl Server {
    /// A demo server on a free port, with an empty folder called after the test.
    pub(crate) fn start(name: &str) -> Self {
        Self::start_in(Folder::new(name), &[])
    }

    /// The same with settings, each by the name of its variable: `("FIRMAN__REGISTRATION__MODE", "open")`.
    pub(crate) fn start_with(name: &str, settings: &[(&str, &str)]) -> Self {
        let folder = Folder::new(name);
        let lines: Vec<_> = settings.iter().map(|(name, value)| format!("{name}={value}\n")).collect();
        fs::write(folder.0.join(SETTINGS_FILE), lines.concat()).unwrap();
        Self::start_in(folder, &[])
    }

    /// The same, whose issuer has a name and no address: `http://localhost:…`.
    pub(crate) fn start_at_a_name(name: &str) -> Self {
        Folder::new(name).at_a_name().start_again()
    }

    /// The same, started by another program: `["strace", "-f"]`.
    pub(crate) fn start_under(name: &str, launcher: &[OsString]) -> Self {
        Self::start_in(Folder::new(name), launcher)
    }

    fn start_in(folder: Folder, launcher: &[OsString]) -> Self {
        let (process, ready_line) = Process::spawn(&folder, launcher);
        let ready: Ready = serde_json::from_str(&ready_line)
            .unwrap_or_else(|error| panic!("not the ready line ({error}): {ready_line}"));
        fs::write(folder.port_file(), port_of(&ready.issuer).to_string()).unwrap();
        Self { ready, ready_line, http: Http::new(), process, folder }
    }

    /// Stops gracefully (SIGTERM) and leaves the folder.
    pub(crate) fn stop(self) -> Folder {
        let Self { mut process, folder, .. } = self;
        let status = process.end(Signal::TERM).expect("a server that is told to stop, stops");
        assert!(status.success(), "after SIGTERM: {status}; log: {}", folder.log_path().display());
        folder
    }

    /// Kills without warning (SIGKILL) and leaves the folder.
    pub(crate) fn kill(self) -> Folder {
        let Self { mut process, folder, .. } = self;
        let status = process.end(Signal::KILL).expect("a killed process ends");
        assert_eq!(status.signal(), Some(Signal::KILL.as_raw()), "it ended by itself, before the kill");
        folder
    }

    /// The process, for a test that kills it while others use the server.
    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.process.0)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.ready.issuer.trim_end_matches('/'))
    }

    /// `host:port`, for tests that write their own bytes.
    pub(crate) fn address(&self) -> String {
        let issuer = Url::parse(&self.ready.issuer).unwrap();
        format!("{}:{}", issuer.host_str().unwrap(), port_of(&self.ready.issuer))
    }

    /// The demo client, that signs people in.
    pub(crate) fn demo(&self) -> Client<'_> {
        Client::new(self, &self.ready.client_id, &self.ready.client_secret)
    }

    /// The service client, that has tokens of its own and may introspect all.
    pub(crate) fn service(&self) -> Client<'_> {
        Client::new(self, &self.ready.service_client_id, &self.ready.service_client_secret)
    }

    /// A browser without cookies.
    pub(crate) fn browser(&self) -> Browser<'_> {
        Browser::new(self)
    }

    pub(crate) fn folder(&self) -> &Folder {
        &self.folder
    }
}

/// A port of this machine that nobody listened on a moment ago.
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn port_of(issuer: &str) -> u16 {
    Url::parse(issuer).unwrap().port_or_known_default().unwrap()
}

/// The files of one server: its data, and beside them its log.
pub(crate) struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Starts a server on these files again, at the address it had: its issuer is part of what it sealed.
    pub(crate) fn start_again(self) -> Server {
        Server::start_in(self, &[])
    }

    /// What `--dir` names.
    pub(crate) fn data(&self) -> PathBuf {
        self.0.join("data")
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.data().join("firman.db")
    }

    pub(crate) fn log_path(&self) -> PathBuf {
        self.0.join("server.log")
    }

    /// An empty folder called after the test, of a server whose database is at this address. A file holds it.
    pub(crate) fn with_database(name: &str, url: &str) -> Self {
        let folder = Self::new(name);
        fs::create_dir(folder.data()).unwrap();
        fs::write(folder.0.join(URL_FILE), url).unwrap();
        folder
    }

    /// An empty folder called after the test, of a server and commands with these settings.
    pub(crate) fn with_settings(name: &str, settings: &[(&str, &str)]) -> Self {
        settings.iter().fold(Self::new(name), |folder, (variable, value)| folder.with_setting(variable, value))
    }

    /// The same folder with one setting more. A file holds it.
    pub(crate) fn with_setting(self, variable: &str, value: &str) -> Self {
        let file = self.0.join(SETTINGS_FILE);
        let before = fs::read_to_string(&file).unwrap_or_default();
        fs::write(file, format!("{before}{variable}={value}\n")).unwrap();
        self
    }

    /// The same folder, of a server whose issuer has a name and no address, and is known before it starts.
    pub(crate) fn at_a_name(self) -> Self {
        let port = free_port();
        fs::write(self.port_file(), port.to_string()).unwrap();
        self.with_setting("FIRMAN__SERVER__ISSUER", &format!("http://localhost:{port}"))
    }

    /// The issuer of a server that is to start at a name.
    pub(crate) fn issuer(&self) -> String {
        format!("http://localhost:{}", self.port())
    }

    /// Writes a file beside the data.
    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn port_file(&self) -> PathBuf {
        self.0.join("port")
    }

    fn port(&self) -> String {
        fs::read_to_string(self.port_file()).unwrap_or_else(|_| "0".to_owned())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("the files are left in {}", self.0.display());
        } else {
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}

/// Where a folder keeps the address of its database, if that is not a file in the folder.
const URL_FILE: &str = "url";

/// Where a folder keeps its settings: a variable of the environment on each line.
const SETTINGS_FILE: &str = "settings";

/// The settings that belong to this data folder.
pub(crate) fn settings_of(data: &Path) -> Vec<(String, String)> {
    let text = fs::read_to_string(data.parent().unwrap().join(SETTINGS_FILE)).unwrap_or_default();
    text.lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// The file with the address of the database that belongs to this data folder, and the variable that names it.
pub(crate) fn database_of(data: &Path) -> Option<(&'static str, PathBuf)> {
    let file = data.parent().unwrap().join(URL_FILE);
    file.exists().then_some(("FIRMAN__STORE__URL_FILE", file))
}

struct Process(Child);

impl Process {
    fn spawn(folder: &Folder, launcher: &[OsString]) -> (Self, String) {
        let log = File::options().create(true).append(true).open(folder.log_path()).unwrap();
        let mut line: Vec<OsString> = launcher.to_vec();
        line.push(env!("CARGO_BIN_EXE_firman").into());
        line.extend(["serve", "--demo", "--json", "--port", &folder.port(), "--dir"].map(OsString::from));
        line.push(folder.data().into());
        let mut command = Command::new(&line[0]);
        command.args(&line[1..]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        // Nobody's own settings change what is tested.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("FIRMAN__")) {
            command.env_remove(name);
        }
        command.envs(database_of(&folder.data())).envs(settings_of(&folder.data()));
        let mut process = Self(command.spawn().unwrap());

        let output = process.0.stdout.take().unwrap();
        let (send, receive) = mpsc::channel();
        thread::spawn(move || {
            BufReader::new(output).lines().map_while(Result::ok).for_each(|line| drop(send.send(line)));
        });
        match receive.recv_timeout(READY_WITHIN) {
            Ok(ready) => (process, ready),
            Err(error) => {
                let log = fs::read_to_string(folder.log_path()).unwrap_or_default();
                panic!("no ready line ({error}): {:?}\n{log}", process.end(Signal::KILL));
            }
        }
    }

    /// Signals, and waits for the end. None when it does not come.
    fn end(&mut self, signal: Signal) -> Option<std::process::ExitStatus> {
        if let Ok(Some(status)) = self.0.try_wait() {
            return Some(status);
        }
        kill_process(Pid::from_child(&self.0), signal).unwrap();
        let begun = Instant::now();
        while begun.elapsed() < STOPPED_WITHIN {
            if let Ok(Some(status)) = self.0.try_wait() {
                return Some(status);
            }
            thread::sleep(Duration::from_millis(5));
        }
        None
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.end(Signal::TERM).is_none() {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}
