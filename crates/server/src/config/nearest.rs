//! Which known name somebody may have meant.

use strsim::normalized_damerau_levenshtein as likeness;

/// From here on, two words are alike.
const ALIKE: f64 = 0.6;

/// Among the known names, the one whose last word is most like that of `name`; among equals, the one in the section most
/// like it (so that a key is found that was written in the wrong section). None if none is like it.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .filter_map(|candidate| Some((score(name, candidate)?, candidate)))
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, candidate)| candidate)
}

fn score(name: &str, candidate: &str) -> Option<f64> {
    let split =
        |text: &str| text.rsplit_once('.').map_or((String::new(), text.to_owned()), |(a, b)| (a.into(), b.into()));
    let ((section, word), (known_section, known_word)) = (split(name), split(candidate));
    let alike = likeness(&word, &known_word);
    (alike >= ALIKE).then(|| alike + likeness(&section, &known_section) / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 4] = ["server.listen", "metrics.listen", "tokens.code_seconds", "log.level"];

    #[test]
    fn a_slip_of_the_pen_is_found() {
        assert_eq!(nearest("server.listn", KNOWN.into_iter()), Some("server.listen"));
        assert_eq!(nearest("metrics.listenn", KNOWN.into_iter()), Some("metrics.listen"));
    }

    #[test]
    fn a_key_in_the_wrong_section_is_found() {
        assert_eq!(nearest("login.code_seconds", KNOWN.into_iter()), Some("tokens.code_seconds"));
        assert_eq!(nearest("level", KNOWN.into_iter()), Some("log.level"));
    }

    #[test]
    fn nothing_is_like_a_wholly_other_name() {
        assert_eq!(nearest("colour", KNOWN.into_iter()), None);
        assert_eq!(nearest("server.colour", KNOWN.into_iter()), None);
    }
}
