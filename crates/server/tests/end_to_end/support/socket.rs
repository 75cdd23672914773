//! Bytes on a socket, for requests that no well-behaved client sends.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use super::server::Server;

/// Sends these bytes, or as many as the server takes, and returns what it says.
pub(crate) fn exchange(server: &Server, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut sending = stream.try_clone().unwrap();
    let answer = std::thread::scope(|scope| {
        // A server that has refused need not read on, so the rest may fail.
        scope.spawn(move || drop(sending.write_all(request)));
        let mut answer = Vec::new();
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = stream.read(&mut buffer) {
            answer.extend_from_slice(&buffer[..count]);
            if answer.windows(4).any(|window| window == b"\r\n\r\n") {
                break;
            }
        }
        let _ = stream.shutdown(std::net::Shutdown::Both);
        answer
    });
    String::from_utf8_lossy(&answer).into_owned()
}
