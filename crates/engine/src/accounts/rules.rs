//! Which passwords an account may be given (NIST SP 800-63B §3.1.1.2): long enough, none that everybody tries first, and no other
//! rules about characters.

use firman_proto::error::{Denied, invalid_request};

use super::normalized;

/// The shortest password an account may be given, in characters, unless the settings ask for more.
pub const SHORTEST_PASSWORD: usize = 8;
/// The longest password that is read, in bytes.
pub const LONGEST_PASSWORD: usize = 1024;

/// Which passwords are good enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordRules {
    /// In characters.
    pub shortest: usize,
}

impl Default for PasswordRules {
    fn default() -> Self {
        Self { shortest: SHORTEST_PASSWORD }
    }
}

impl PasswordRules {
    /// Refuses a password that is too short, too long, or among the first that anybody tries.
    pub fn check(&self, username: &str, password: &str) -> Result<(), Denied> {
        if password.chars().count() < self.shortest {
            return Err(invalid_request(format!("password: at least {} characters", self.shortest)));
        }
        if password.len() > LONGEST_PASSWORD {
            return Err(invalid_request(format!("password: at most {LONGEST_PASSWORD} bytes")));
        }
        if is_guessed_first(username, password) {
            return Err(invalid_request("password: everybody tries this one first; choose another"));
        }
        Ok(())
    }
}

/// A short list on purpose: the limits on guesses do the rest.
fn is_guessed_first(username: &str, password: &str) -> bool {
    let plain: String = password.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect();
    let stem = plain.trim_end_matches(|c: char| c.is_ascii_digit());
    let name: String = normalized(username).chars().filter(|c| c.is_alphanumeric()).collect();
    let local = username.split('@').next().unwrap_or_default().to_lowercase();
    let of_name = !stem.is_empty() && (stem == name || stem == local || plain == name || plain == local);
    let first = plain.chars().next();
    let repeated = plain.chars().all(|c| Some(c) == first);
    let is_walk = |keys: &str| keys.contains(&*plain) || keys.chars().rev().collect::<String>().contains(&*plain);
    of_name || repeated || WALKS.iter().any(|keys| is_walk(keys)) || COMMON.contains(&stem) || COMMON.contains(&&*plain)
}

/// What lies side by side, on keyboards and in people's minds.
const WALKS: &[&str] = &[
    "01234567890123456789",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "1q2w3e4r5t6y7u8i9o0p",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
];

/// Words that lead every list of what was found out, without the digits behind them.
const COMMON: &[&str] = &[
    "password",
    "passwort",
    "motdepasse",
    "contrasena",
    "passw0rd",
    "p4ssw0rd",
    "pssw0rd",
    "mypassword",
    "welcome",
    "willkommen",
    "bienvenue",
    "letmein",
    "changeme",
    "iloveyou",
    "ichliebedich",
    "sunshine",
    "princess",
    "football",
    "baseball",
    "superman",
    "batman",
    "trustno",
    "starwars",
    "whatever",
    "computer",
    "internet",
    "michelle",
    "jennifer",
    "monkey",
    "dragon",
    "master",
    "shadow",
    "qwerty",
    "qwertz",
    "azerty",
    "asdf",
    "asdfasdf",
    "admin",
    "administrator",
    "secret",
    "default",
    "test",
    "testtest",
    "guest",
    "login",
    "abc",
    "abcabc",
    "firman",
];

#[cfg(test)]
mod tests {
    use super::*;

    // NIST SP 800-63B §3.1.1.2.
    #[test]
    fn what_everybody_tries_first_is_refused() {
        let rules = PasswordRules::default();
        for bad in [
            "password",
            "Password1",
            "PASSWORD123!",
            "12345678",
            "87654321",
            "qwertyuiop",
            "11111111",
            "abcdefgh",
            "Welcome2025",
            "1q2w3e4r",
            "alice123",
            "Alice-1990",
            "firman2026",
        ] {
            assert!(rules.check("alice", bad).is_err(), "{bad}");
        }
        assert!(rules.check("alice@mail.example", "alice12345").is_err());
        for good in ["correct horse battery staple", "ümläute8", "another password", "xkQ7-vbTz", "password of alice"]
        {
            rules.check("alice", good).unwrap();
        }
    }

    #[test]
    fn how_long_is_counted_in_characters() {
        let rules = PasswordRules { shortest: 15 };
        assert!(rules.check("a", "fourteen chars").is_err());
        rules.check("a", "fifteen chars €").unwrap();
        assert!(rules.check("a", &"ab€".repeat(1000)).is_err());
    }
}
