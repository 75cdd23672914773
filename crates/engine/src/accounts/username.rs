//! User names: which are taken for the same, which are refused, which look like another (RFC 8265 §3.3, UTS 39 §4).

use firman_proto::digest::Digest16;
use firman_proto::error::{Denied, invalid_request};
use firman_proto::id::IssuerNumber;
use firman_store::record::{Name, Namespace};
use precis_profiles::UsernameCaseMapped;
use precis_profiles::precis_core::profile::PrecisFastInvocation as _;
use unicode_security::MixedScript as _;
use unicode_security::confusable_detection::skeleton;

/// The longest user name, in bytes.
pub const LONGEST_USERNAME: usize = 255;

/// What two spellings of one user name have in common. What could not be registered is compared by its lower case: nobody has
/// it, unless they had it before there were rules.
pub(crate) fn normalized(username: &str) -> String {
    let trimmed = username.trim();
    // Nothing is normalised that is too long to be anybody's: work grows with length.
    if trimmed.len() > LONGEST_USERNAME {
        return trimmed.chars().take(LONGEST_USERNAME + 1).collect();
    }
    // RFC 8265 §3.3: width, case and composition are one, whatever the keyboard made.
    UsernameCaseMapped::enforce(trimmed).map_or_else(|_| trimmed.to_lowercase(), std::borrow::Cow::into_owned)
}

/// The key under which a user name is found.
pub(crate) fn digest_of(issuer: IssuerNumber, username: &str) -> Digest16 {
    Name::digest(issuer, Namespace::Username, &normalized(username))
}

/// A user name that somebody may have, as they wrote it.
pub(crate) fn acceptable(username: &str) -> Result<&str, Denied> {
    let username = username.trim();
    if username.is_empty() || username.len() > LONGEST_USERNAME {
        return Err(invalid_request(format!("username: 1 to {LONGEST_USERNAME} bytes")));
    }
    // RFC 8265 §3.3.2: neither spaces, controls, symbols that look alike by compatibility, nor mixed directions.
    if UsernameCaseMapped::enforce(username).is_err() {
        let text = "username: letters, digits and the signs of ASCII, without spaces; written in one direction";
        return Err(invalid_request(text));
    }
    Ok(username)
}

/// The key that user names have in common that look alike (UTS 39 §4). No user name is the text of it: none holds a NUL.
pub(crate) fn look_of(issuer: IssuerNumber, username: &str) -> Digest16 {
    let look: String = skeleton(&normalized(username)).collect();
    Name::digest(issuer, Namespace::Username, &format!("\0look {look}"))
}

/// Whether its letters are of several scripts that are not written together (UTS 39 §5.1).
pub(crate) fn mixes_scripts(username: &str) -> bool {
    !normalized(username).is_single_script()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: IssuerNumber = IssuerNumber(0);

    // RFC 8265 §3.3.
    #[test]
    fn spellings_of_one_name_are_one_name() {
        for (one, other) in [
            ("Somebody", " somebody\t"),
            ("J\u{fc}rgen", "ju\u{308}rgen"),
            ("\u{ff21}lice", "alice"),
            ("STRASSE", "strasse"),
            ("a@B.example", "A@b.EXAMPLE"),
            ("has space", "HAS SPACE"),
        ] {
            assert_eq!(normalized(one), normalized(other), "{one} {other}");
        }
        assert_ne!(normalized("alice"), normalized("\u{430}lice"));
    }

    // RFC 8265 §3.3.2.
    #[test]
    fn odd_names_are_refused_and_names_of_the_world_are_not() {
        for odd in [
            "",
            "   ",
            "two words",
            "a\nb",
            "a\u{0}b",
            "zero\u{200b}width",
            "right\u{202e}left",
            "\u{fb01}sh",
            "\u{2163}",
            "\u{5d0}bc1\u{5d1}x",
            "a\u{feff}",
            "\u{1f600}",
            &"x".repeat(256),
            &"\u{e4}".repeat(128),
        ] {
            assert!(acceptable(odd).is_err(), "{odd:?}");
        }
        for good in [
            "alice",
            "a.b-c_d+e@f.example",
            "J\u{fc}rgen",
            "\u{5d3}\u{5d5}\u{5d3}",
            "\u{738b}\u{5c0f}\u{660e}",
            "\u{391}\u{3bb}\u{3ad}\u{3be}\u{3b7}",
        ] {
            assert_eq!(acceptable(good).unwrap(), good);
        }
    }

    #[test]
    fn no_work_is_done_for_a_name_that_is_too_long() {
        let endless = "\u{e4}".repeat(1_000_000);
        assert!(normalized(&endless).len() < 1024 && acceptable(&endless).is_err());
    }

    // UTS 39 §4, §5.1.
    #[test]
    fn names_that_look_alike_have_one_look() {
        for (one, other) in
            [("paypal", "p\u{430}ypal"), ("alice1", "alicel"), ("scope", "\u{455}\u{441}\u{43e}\u{440}\u{435}")]
        {
            assert_eq!(look_of(ISSUER, one), look_of(ISSUER, other), "{one} {other}");
            assert_ne!(digest_of(ISSUER, one), digest_of(ISSUER, other));
        }
        assert_ne!(look_of(ISSUER, "alice"), look_of(ISSUER, "bob"));
        assert_ne!(look_of(ISSUER, "alice"), digest_of(ISSUER, "alice"));
        assert!(mixes_scripts("p\u{430}ypal") && !mixes_scripts("paypal"));
    }
}
