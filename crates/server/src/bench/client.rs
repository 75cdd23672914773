//! One keep-alive connection of an HTTP/1.1 client that knows just what our server answers: a head, a length, a body.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use super::BenchError;

/// More than any answer of ours has.
const LONGEST: usize = 32 * 1024;
/// For connecting, for a write, and for the rest of an answer that has begun.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection, with at most one request on its way.
pub(super) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    filled: usize,
}

/// An answer, as it lies in the buffer.
pub(super) struct Answer<'a> {
    pub(super) status: u16,
    head: &'a [u8],
    pub(super) body: &'a [u8],
}

impl Connection {
    pub(super) fn open(address: SocketAddr) -> Result<Self, BenchError> {
        let open = || {
            let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            Ok(stream)
        };
        let stream = open().map_err(BenchError::cannot("connect to the server"))?;
        Ok(Self { stream, buffer: vec![0; LONGEST], filled: 0 })
    }

    pub(super) fn send(&mut self, request: &[u8]) -> Result<(), BenchError> {
        self.stream.write_all(request).map_err(BenchError::cannot("send a request"))
    }

    /// Reads once; the answer, if that was the rest of it.
    pub(super) fn receive(&mut self) -> Result<Option<Answer<'_>>, BenchError> {
        let free = self.buffer.get_mut(self.filled..).filter(|free| !free.is_empty());
        let free = free.ok_or_else(|| BenchError::Answer(format!("longer than {LONGEST} bytes")))?;
        let read = self.stream.read(free).and_then(|read| match read {
            0 => Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
            read => Ok(read),
        });
        self.filled += read.map_err(BenchError::cannot("read an answer"))?;
        let answer = parse(self.buffer.get(..self.filled).unwrap_or_default())?;
        if answer.is_some() {
            self.filled = 0;
        }
        Ok(answer)
    }

    /// Sends a request and waits for its answer.
    pub(super) fn exchange(&mut self, request: &[u8]) -> Result<Answer<'_>, BenchError> {
        self.send(request)?;
        while self.receive()?.is_none() {}
        // The borrow checker does not follow a value out of a loop: what was complete a moment ago is parsed again.
        parse(&self.buffer)?.ok_or_else(|| BenchError::Answer("it is gone".to_owned()))
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

/// An answer, if it is complete; what comes behind it is not looked at.
fn parse(bytes: &[u8]) -> Result<Option<Answer<'_>>, BenchError> {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let (head, rest) = bytes.split_at(end);
    let rest = rest.get(4..).unwrap_or_default();
    let answer = Answer { status: status(head).unwrap_or_default(), head, body: rest };
    let length = answer.header("content-length").and_then(|value| value.parse::<usize>().ok());
    let Some(length) = length.filter(|_| answer.status != 0) else {
        return Err(BenchError::Answer(String::from_utf8_lossy(head).into_owned()));
    };
    Ok(rest.get(..length).map(|body| Answer { body, ..answer }))
}

fn status(head: &[u8]) -> Option<u16> {
    std::str::from_utf8(head.get(9..12)?).ok()?.parse().ok()
}

impl<'a> Answer<'a> {
    /// The value of the first header of this name.
    pub(super) fn header(&self, name: &str) -> Option<&'a str> {
        self.headers(name).next()
    }

    /// The values of all headers of this name.
    pub(super) fn headers(&self, name: &str) -> impl Iterator<Item = &'a str> {
        let lines = self.head.split(|byte| *byte == b'\n').skip(1);
        lines.filter_map(move |line| {
            let (key, value) = line.split_at_checked(name.len())?;
            let value = value.strip_prefix(b":")?;
            key.eq_ignore_ascii_case(name.as_bytes()).then(|| std::str::from_utf8(value.trim_ascii()).ok())?
        })
    }

    /// A member of the JSON body whose value is a text without escapes, as all tokens are.
    pub(super) fn member(&self, name: &str) -> Result<&'a str, BenchError> {
        let body = std::str::from_utf8(self.body).unwrap_or_default();
        let value = body.split_once(&*format!("\"{name}\":\"")).and_then(|(_, rest)| rest.split('"').next());
        value.ok_or_else(|| self.unexpected())
    }

    /// Refuses every status but one.
    pub(super) fn must_be(&self, status: u16) -> Result<(), BenchError> {
        if self.status == status { Ok(()) } else { Err(self.unexpected()) }
    }

    /// This answer as an error.
    pub(super) fn unexpected(&self) -> BenchError {
        let body = String::from_utf8_lossy(self.body.get(..300).unwrap_or(self.body));
        BenchError::Answer(format!("status {}: {body}", self.status))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &[u8] =
        b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\nset-cookie: a=1\r\nset-cookie: b=2\r\n\r\n{\"t\":\"value\"}";

    #[test]
    fn an_answer_is_complete_when_its_whole_body_is_there() {
        for cut in 0..ANSWER.len() {
            assert!(parse(&ANSWER[..cut]).unwrap().is_none(), "{cut}");
        }
        let answer = parse(ANSWER).unwrap().unwrap();
        assert_eq!((answer.status, answer.member("t").unwrap()), (200, "value"));
        assert_eq!(answer.headers("Set-Cookie").collect::<Vec<_>>(), ["a=1", "b=2"]);
        assert!(answer.member("missing").is_err());
    }

    #[test]
    fn an_answer_without_a_length_is_refused() {
        assert!(parse(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").is_err());
    }
}
