//! A listener on this machine that a browser comes back to (RFC 8252 §7.3).

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use firman_proto::form::Form;

use crate::error::{Advice, Breach, Error};
use crate::flow::code::Errand;
use crate::secret::Secret;

/// How long a browser may take to say what it wants. Some connect early and say nothing.
const SILENCE: Duration = Duration::from_secs(10);
/// The longest request line that is read, in bytes.
const LONGEST: u64 = 16 * 1024;

/// A port of this machine, open until it is dropped or the browser has come back.
#[derive(Debug)]
pub struct Loopback {
    listener: TcpListener,
    at: SocketAddr,
}

impl Loopback {
    /// The path of the redirect URI.
    pub const PATH: &'static str = "/callback";

    /// Opens a free port on 127.0.0.1.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn open() -> io::Result<Self> {
        // RFC 8252 §8.3: the address itself, because a name may lead elsewhere.
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let at = listener.local_addr()?;
        Ok(Self { listener, at })
    }

    /// The redirect URI. A server takes any port of one that is registered as `http://127.0.0.1/callback`.
    pub fn redirect_uri(&self) -> String {
        format!("http://{}{}", self.at, Self::PATH)
    }

    /// Waits until the browser comes back with the answer to this sign-in, tells its person how it went, and gives the code. What is
    /// no answer to it is turned away and waited on.
    ///
    /// # Errors
    ///
    /// The answer is a no, or comes from another server; or nobody came back in time.
    pub fn wait(self, errand: &Errand, patience: Duration) -> Result<Secret, Error> {
        let (arrived, arrivals) = mpsc::channel();
        let done = Arc::new(AtomicBool::new(false));
        let (listener, stop) = (self.listener, Arc::clone(&done));
        // One thread takes connections, and each has its own: none that says nothing keeps another from being heard.
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let arrived = arrived.clone();
                thread::spawn(move || arrived.send((read_query(&stream), stream)).ok());
            }
        });
        let outcome = answers(&arrivals, errand, patience);
        done.store(true, Ordering::Relaxed);
        // So that the thread sees it, and the port is free again.
        let _ = TcpStream::connect_timeout(&self.at, Duration::from_secs(1));
        outcome
    }
}

type Arrival = (Option<String>, TcpStream);

fn answers(arrivals: &mpsc::Receiver<Arrival>, errand: &Errand, patience: Duration) -> Result<Secret, Error> {
    loop {
        let (query, stream) = arrivals.recv_timeout(patience).map_err(|why| match why {
            RecvTimeoutError::Timeout => Error::Local("nobody came back in time: begin again".to_owned()),
            RecvTimeoutError::Disconnected => Error::Local("the listener ended".to_owned()),
        })?;
        let Some(query) = query else {
            answer(&stream, "404 Not Found", "Nothing here.");
            continue;
        };
        let form = Form::parse(query.as_bytes());
        let came =
            form.map_err(|denied| Error::breach(&errand.redirect_uri, Breach::Malformed(denied.text.into_owned())));
        match came.and_then(|form| errand.code(&form)) {
            Ok(code) => {
                answer(&stream, "200 OK", "You are signed in. You may close this page and go back to the terminal.");
                return Ok(code);
            }
            // RFC 6749 §10.12: anybody can open this address; only the answer to this sign-in ends the waiting.
            Err(Error::Protocol { breach: Breach::WrongState | Breach::Malformed(_), .. }) => {
                answer(&stream, "400 Bad Request", "This is not the answer that was asked for.");
            }
            Err(error) if matches!(error, Error::Permission { .. }) && error.advice() != Advice::ChangeSettings => {
                answer(&stream, "200 OK", "You are not signed in. You may close this page.");
                return Err(error);
            }
            Err(error) => {
                answer(&stream, "400 Bad Request", "You are not signed in. The terminal says why.");
                return Err(error);
            }
        }
    }
}

fn read_query(stream: &TcpStream) -> Option<String> {
    stream.set_read_timeout(Some(SILENCE)).ok()?;
    let mut line = String::new();
    BufReader::new(stream.take(LONGEST)).read_line(&mut line).ok()?;
    let target = line.strip_prefix("GET ")?.split(' ').next()?;
    let (path, query) = target.split_once('?')?;
    (path == Loopback::PATH).then(|| query.to_owned())
}

fn answer(mut stream: &TcpStream, status: &str, text: &str) {
    let page =
        format!("<!doctype html><html lang=en><meta charset=utf-8><title>Signing in</title><p>{text}</p></html>");
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\
         Content-Security-Policy: default-src 'none'\r\nReferrer-Policy: no-referrer\r\nCache-Control: no-store\r\n\
         Connection: close\r\n\r\n",
        page.len()
    );
    // The person may have closed the page already.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(page.as_bytes()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::answer::tests::NOW;
    use crate::flow::code::Wish;
    use crate::flow::party::tests::{ISSUER, server};
    use crate::flow::party::{Client, Party};
    use crate::world::tests::Counted;

    fn errand(redirect_uri: String) -> Errand {
        let (server, entropy, client) = (server(), Counted::default(), Client::public("app"));
        let party = Party { client: &client, server: &server, entropy: &entropy, now: NOW };
        Errand::begin(&party, &Wish { redirect_uri, ..Wish::default() }).unwrap()
    }

    fn visit(at: SocketAddr, target: &str) -> String {
        let mut stream = TcpStream::connect(at).unwrap();
        write!(stream, "GET {target} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.lines().next().unwrap_or_default().to_owned()
    }

    // RFC 8252 §7.3, §8.3, RFC 6749 §10.12.
    #[test]
    fn only_the_answer_ends_the_waiting_and_who_says_nothing_delays_nobody() {
        let loopback = Loopback::open().unwrap();
        let (at, errand) = (loopback.at, errand(loopback.redirect_uri()));
        assert_eq!(loopback.redirect_uri(), format!("http://127.0.0.1:{}/callback", at.port()));
        let state = errand.state.reveal().to_owned();
        let browser = thread::spawn(move || {
            let silent = TcpStream::connect(at).unwrap();
            let turned_away =
                ["/", "/favicon.ico", "/callback", "/callback?code=c&state=x"].map(|target| visit(at, target));
            let taken = visit(at, &format!("/callback?code=c&state={state}&iss={ISSUER}"));
            drop(silent);
            (turned_away, taken)
        });
        assert_eq!(loopback.wait(&errand, Duration::from_mins(1)).unwrap().reveal(), "c");
        let (turned_away, taken) = browser.join().unwrap();
        assert_eq!(turned_away.map(|line| line[9..12].to_owned()), ["404", "404", "404", "400"]);
        assert_eq!(taken, "HTTP/1.1 200 OK");
    }

    // RFC 9207 §2.4, RFC 6749 §4.1.2.1.
    #[test]
    fn an_answer_of_another_server_and_a_no_end_it() {
        for (answer, status) in
            [("code=c&iss=https://evil.example", "400"), ("error=access_denied&iss=https://as.example", "200")]
        {
            let loopback = Loopback::open().unwrap();
            let (at, errand) = (loopback.at, errand(loopback.redirect_uri()));
            let target = format!("/callback?state={}&{answer}", errand.state.reveal());
            let browser = thread::spawn(move || visit(at, &target));
            assert!(loopback.wait(&errand, Duration::from_mins(1)).is_err());
            assert_eq!(&browser.join().unwrap()[9..12], status);
        }
    }
}
