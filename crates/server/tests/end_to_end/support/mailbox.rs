//! A mail server that takes mail and passes none on, for as long as a test lives (RFC 5321, RFC 3207, RFC 4954).

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// Long enough for a debug build on a busy machine.
const WITHIN: Duration = Duration::from_secs(30);

/// How it speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speech {
    /// In clear text, and offers nothing better.
    Clear,
    /// In clear text, and offers TLS.
    StartTls,
    /// TLS from the beginning.
    Tls,
    /// It says nothing at all.
    Silent,
    /// It answers every recipient with this.
    Refuses(u16),
}

/// A mail that has come.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    /// Whether nobody between could read it.
    pub(crate) tls: bool,
    /// Who said they were allowed to send it: user and password.
    pub(crate) login: Option<(String, String)>,
    pub(crate) to: Vec<String>,
    /// Header and body.
    pub(crate) data: String,
}

/// Stops listening when it is dropped.
pub(crate) struct Mailbox {
    pub(crate) port: u16,
    /// The certificate it shows, in PEM.
    pub(crate) certificate: String,
    received: mpsc::Receiver<Received>,
    address: SocketAddr,
    over: Arc<AtomicBool>,
}

impl Mailbox {
    pub(crate) fn open(speech: Speech) -> Self {
        Self::open_at(speech, None)
    }

    /// The same, which also writes each mail into a file of this folder.
    pub(crate) fn open_at(speech: Speech, folder: Option<PathBuf>) -> Self {
        let shown = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(shown.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_no_client_auth().with_single_cert(vec![shown.cert.der().clone()], key).unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (send, received) = mpsc::channel();
        let over = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&over);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                let (send, config, folder) = (send.clone(), Arc::clone(&config), folder.clone());
                thread::spawn(move || {
                    let talk = Talk { speech, config, send, folder };
                    // Who hangs up in the middle has sent nothing.
                    let _ = talk.answer(stream);
                });
            }
        });
        Self { port: address.port(), certificate: shown.cert.pem(), received, address, over }
    }

    /// The next mail, which must come.
    pub(crate) fn next(&self) -> Received {
        self.received.recv_timeout(WITHIN).expect("a mail")
    }

    /// Whether nothing has come so far.
    pub(crate) fn is_empty(&self) -> bool {
        self.received.try_recv().is_err()
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        self.over.store(true, Ordering::SeqCst);
        if let Ok(last) = TcpStream::connect(self.address) {
            let _ = last.shutdown(Shutdown::Both);
        }
    }
}

trait Wire: Read + Write {}

impl<T: Read + Write> Wire for T {}

struct Talk {
    speech: Speech,
    config: Arc<ServerConfig>,
    send: mpsc::Sender<Received>,
    folder: Option<PathBuf>,
}

impl Talk {
    fn answer(&self, stream: TcpStream) -> std::io::Result<()> {
        stream.set_read_timeout(Some(WITHIN))?;
        if self.speech == Speech::Silent {
            let mut stream = stream;
            return stream.read(&mut [0; 1]).map(|_| ());
        }
        if self.speech == Speech::Tls {
            let connection = ServerConnection::new(Arc::clone(&self.config)).map_err(std::io::Error::other)?;
            let mut stream = StreamOwned::new(connection, stream);
            say(&mut stream, "220 localhost")?;
            return self.converse(&mut stream, true).map(|_| ());
        }
        let mut stream = stream;
        say(&mut stream, "220 localhost")?;
        if self.converse(&mut stream, false)? {
            let connection = ServerConnection::new(Arc::clone(&self.config)).map_err(std::io::Error::other)?;
            self.converse(&mut StreamOwned::new(connection, stream), true)?;
        }
        Ok(())
    }

    /// Until somebody hangs up, or wants to go on in TLS.
    fn converse(&self, wire: &mut dyn Wire, tls: bool) -> std::io::Result<bool> {
        let (mut login, mut to) = (None, Vec::new());
        loop {
            let line = line(wire)?;
            let word = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            match word.as_str() {
                "EHLO" if self.speech == Speech::StartTls && !tls => say(wire, "250-localhost\r\n250 STARTTLS")?,
                "EHLO" => say(wire, "250-localhost\r\n250-8BITMIME\r\n250 AUTH PLAIN")?,
                "STARTTLS" => {
                    say(wire, "220 go on")?;
                    return Ok(true);
                }
                "AUTH" => {
                    let said = STANDARD.decode(line.rsplit(' ').next().unwrap_or_default()).unwrap_or_default();
                    let said = String::from_utf8_lossy(&said).into_owned();
                    let mut parts = said.split('\0').skip(1).map(str::to_owned);
                    login = parts.next().zip(parts.next());
                    say(wire, "235 welcome")?;
                }
                "RCPT" => {
                    if let Speech::Refuses(code) = self.speech {
                        say(wire, &format!("{code} no {line}"))?;
                        continue;
                    }
                    to.extend(line.split(['<', '>']).nth(1).map(str::to_owned));
                    say(wire, "250 fine")?;
                }
                "DATA" => {
                    say(wire, "354 go on")?;
                    let received = Received { tls, login: login.clone(), to: to.clone(), data: data(wire)? };
                    self.keep(received);
                    say(wire, "250 taken")?;
                }
                "QUIT" => {
                    say(wire, "221 bye")?;
                    return Ok(false);
                }
                _ => say(wire, "250 fine")?,
            }
        }
    }

    fn keep(&self, received: Received) {
        if let Some(folder) = &self.folder {
            let name =
                format!("{}.eml", received.data.lines().find(|line| line.starts_with("Message-ID")).unwrap_or("x"));
            let name: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '.').collect();
            // Whole at once, for whoever watches the folder.
            let part = folder.join(format!(".{name}"));
            fs::write(&part, &received.data).unwrap();
            fs::rename(part, folder.join(name)).unwrap();
        }
        let _ = self.send.send(received);
    }
}

fn say(wire: &mut dyn Wire, text: &str) -> std::io::Result<()> {
    wire.write_all(format!("{text}\r\n").as_bytes())?;
    wire.flush()
}

/// Byte by byte, so that nothing of what comes after a line is kept back from TLS.
fn line(wire: &mut dyn Wire) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n") {
        let mut byte = [0; 1];
        wire.read_exact(&mut byte)?;
        bytes.push(byte[0]);
    }
    bytes.truncate(bytes.len() - 2);
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// RFC 5321 §4.5.2: until a line with nothing but a dot; of lines that begin with one, it is taken away.
fn data(wire: &mut dyn Wire) -> std::io::Result<String> {
    let mut text = String::new();
    loop {
        let line = line(wire)?;
        if line == "." {
            return Ok(text);
        }
        text.push_str(line.strip_prefix('.').unwrap_or(&line));
        text.push('\n');
    }
}
