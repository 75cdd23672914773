//! Requests as bytes, made as far as possible before the clock runs.

use std::io::Write as _;
use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use firman_proto::form;

/// A POST of a form by an authenticated client, all but the form.
pub(super) struct Post(String);

impl Post {
    /// To this path, with these credentials (RFC 6749 §2.3.1: encoded as form values before they are joined).
    pub(super) fn new(address: SocketAddr, path: &str, client: &str, secret: &str) -> Self {
        let (mut pair, mut encoded_secret) = (String::new(), String::new());
        form::encode(&mut pair, client);
        form::encode(&mut encoded_secret, secret);
        let credentials = STANDARD.encode(format!("{pair}:{encoded_secret}"));
        Self(format!(
            "POST {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Basic {credentials}\r\naccept: application/json\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: "
        ))
    }

    /// To this path, by a client that says in the form who it is.
    pub(super) fn anonymous(address: SocketAddr, path: &str) -> Self {
        Self(format!(
            "POST {path} HTTP/1.1\r\nhost: {address}\r\naccept: application/json\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: "
        ))
    }

    /// Appends the request with this form, given in parts.
    pub(super) fn write(&self, out: &mut Vec<u8>, form: &[&str]) {
        self.finish(out, "", form);
    }

    /// The same with a header more.
    pub(super) fn write_with(&self, out: &mut Vec<u8>, (name, value): (&str, &str), form: &[&str]) {
        self.finish(out, &format!("{name}: {value}\r\n"), form);
    }

    fn finish(&self, out: &mut Vec<u8>, header: &str, form: &[&str]) {
        let length: usize = form.iter().map(|part| part.len()).sum();
        out.extend_from_slice(self.0.as_bytes());
        // Writing to memory does not fail.
        let _ = write!(out, "{length}\r\n{header}\r\n");
        for part in form {
            out.extend_from_slice(part.as_bytes());
        }
    }
}

/// A GET with cookies.
pub(super) fn get(address: SocketAddr, target: &str, cookies: &str) -> Vec<u8> {
    let cookies = if cookies.is_empty() { String::new() } else { format!("cookie: {cookies}\r\n") };
    format!("GET {target} HTTP/1.1\r\nhost: {address}\r\n{cookies}\r\n").into_bytes()
}

/// A POST of a form with cookies.
pub(super) fn post_page(address: SocketAddr, target: &str, cookies: &str, form: &str) -> Vec<u8> {
    let length = form.len();
    format!(
        "POST {target} HTTP/1.1\r\nhost: {address}\r\ncookie: {cookies}\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {length}\r\n\r\n{form}"
    )
    .into_bytes()
}
