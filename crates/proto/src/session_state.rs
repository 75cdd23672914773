//! What a client compares to learn that somebody has signed in or out with its browser (OpenID Connect Session Management §3).

use std::fmt::Write as _;

use crate::digest::sha256;

/// The `session_state` of a response: a digest of the client, where it is, the state of the browser here, and a salt, then the salt. The
/// script of the frame (`check_session_iframe`) computes the same.
pub fn session_state(client_id: &str, origin: &str, browser_state: &str, salt: &str) -> String {
    // OpenID Connect Session Management §3.2: the parts are separated by spaces, the salt follows a period.
    let digest = sha256(format!("{client_id} {origin} {browser_state} {salt}").as_bytes());
    let mut text = digest.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    text.push('.');
    text.push_str(salt);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    // OpenID Connect Session Management §3.2.
    #[test]
    fn it_depends_on_every_part_and_ends_with_the_salt() {
        let state = session_state("a client", "https://app.example", "state", "salt");
        // sha256sum of "a client https://app.example state salt"
        assert_eq!(state, "87a773119ac72afd93dbdce1ea44bf5aa71bd294b050a126fd4e944fd5ecdf0f.salt");
        let others = [
            session_state("another", "https://app.example", "state", "salt"),
            session_state("a client", "https://app.example:8443", "state", "salt"),
            session_state("a client", "https://app.example", "", "salt"),
            session_state("a client", "https://app.example", "state", "pepper"),
        ];
        assert!(others.iter().all(|other| *other != state));
    }
}
