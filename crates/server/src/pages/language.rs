//! In which language to speak: the one place where it is chosen.

use super::texts::Texts;

/// More languages than anybody reads; what comes after is not looked at.
const MOST: usize = 16;

/// The first that is spoken here of the languages an application asks for (OpenID Connect Core §3.1.2.1 `ui_locales`); it says first.
pub fn asked<'l>(
    spoken: &'static [&'static Texts],
    ui_locales: impl IntoIterator<Item = &'l str>,
) -> Option<&'static Texts> {
    ui_locales.into_iter().take(MOST).find_map(|tag| speaking(spoken, tag))
}

/// Where no application asks: the dearest of those a browser knows (RFC 9110 §12.5.4 `Accept-Language`), or else the first there is.
pub fn preferred(spoken: &'static [&'static Texts], accept: &str) -> &'static Texts {
    accepted(spoken, accept).unwrap_or_else(|| first(spoken))
}

/// The language of a BCP 47 tag, by RFC 4647 §3.4: `de-CH-1996` is `de-CH` or else `de`.
pub(crate) fn speaking(spoken: &'static [&'static Texts], tag: &str) -> Option<&'static Texts> {
    let mut tag = tag.trim();
    loop {
        if let Some(found) = spoken.iter().find(|texts| texts.lang.eq_ignore_ascii_case(tag)) {
            return Some(found);
        }
        (tag, _) = tag.rsplit_once('-')?;
    }
}

fn accepted(spoken: &'static [&'static Texts], accept: &str) -> Option<&'static Texts> {
    let mut dearest: Option<(u16, &'static Texts)> = None;
    for range in accept.split(',').take(MOST) {
        let (tag, weight) = range.split_once(';').map_or((range, 1000), |(tag, rest)| (tag, weight(rest)));
        // RFC 9110 §12.4.2: a weight of 0 is a no.
        if weight == 0 || dearest.is_some_and(|(known, _)| weight <= known) {
            continue;
        }
        let found = if tag.trim() == "*" { spoken.first().copied() } else { speaking(spoken, tag) };
        dearest = found.map(|texts| (weight, texts)).or(dearest);
    }
    dearest.map(|(_, texts)| texts)
}

/// RFC 9110 §12.4.2: `q=` and up to three digits behind the point, in thousandths; what is no weight is none.
fn weight(text: &str) -> u16 {
    let value = text.trim().strip_prefix("q=").or_else(|| text.trim().strip_prefix("Q=")).unwrap_or_default();
    let weight = value.parse::<f32>().unwrap_or_default().clamp(0.0, 1.0) * 1000.0;
    // Between 0 and 1000, so nothing is cut off but the fraction.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it was clamped")]
    let weight = weight as u16;
    weight
}

fn first(spoken: &'static [&'static Texts]) -> &'static Texts {
    spoken.first().copied().unwrap_or(&super::texts::ENGLISH)
}

#[cfg(test)]
mod tests {
    use super::super::texts::ENGLISH;
    use super::*;

    static FRENCH: Texts = Texts { lang: "fr", ..ENGLISH };
    static SWISS: Texts = Texts { lang: "de-CH", ..ENGLISH };
    static SPOKEN: &[&Texts] = &[&ENGLISH, &FRENCH, &SWISS];

    fn chosen(ui_locales: &str, accept: &str) -> &'static str {
        asked(SPOKEN, ui_locales.split(' ')).unwrap_or_else(|| preferred(SPOKEN, accept)).lang
    }

    // OpenID Connect Core §3.1.2.1: ui_locales, in the order of preference.
    #[test]
    fn an_application_says_first_and_the_browser_after_it() {
        assert_eq!(chosen("tlh fr-CA en", "en"), "fr");
        assert_eq!(chosen("tlh", "de-ch-1996, fr;q=0.5"), "de-CH");
        assert_eq!(chosen("", ""), "en");
        assert_eq!(chosen("tlh", "tlh"), "en");
    }

    // RFC 9110 §12.4.2, §12.5.4. RFC 4647 §3.4.
    #[test]
    fn the_dearest_language_of_a_browser_is_taken() {
        assert_eq!(chosen("", "en;q=0.4, fr;q=0.8, *;q=0.1"), "fr");
        assert_eq!(chosen("", "fr;q=0, *;q=0.1"), "en");
        assert_eq!(chosen("", "fr;q=nonsense, de-CH;q=2"), "de-CH");
        assert_eq!(chosen("", "de"), "en", "German is not the German of Switzerland");
    }
}
