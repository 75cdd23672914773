//! For how long a document is good (RFC 9111), and when to ask again.

use firman_proto::time::{Lifetime, Timestamp};
use http::HeaderMap;
use http::header::{AGE, CACHE_CONTROL, EXPIRES, HeaderName, RETRY_AFTER};

/// A document is not asked for more often than this, whatever it says.
pub const SHORTEST: Lifetime = Lifetime::from_seconds(10);
/// A document that says nothing is good for so long.
pub const USUAL: Lifetime = Lifetime::from_seconds(300);
/// No document is good for longer.
pub const LONGEST: Lifetime = Lifetime::from_days(1);

/// For how long an answer is good (RFC 9111 §4.2), between [`SHORTEST`] and [`LONGEST`].
pub fn lifetime(headers: &HeaderMap, now: Timestamp) -> Lifetime {
    said(headers, now).unwrap_or(USUAL)
}

/// The same; `None` where the answer says nothing of it.
pub(crate) fn said(headers: &HeaderMap, now: Timestamp) -> Option<Lifetime> {
    directives(headers, now).map(|said| said.clamp(SHORTEST, LONGEST))
}

fn directives(headers: &HeaderMap, now: Timestamp) -> Option<Lifetime> {
    let mut most = None;
    let all = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    for directive in all.flat_map(|value| value.split(',')).map(str::trim) {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        // RFC 9111 §5.2.2.4, §5.2.2.5.
        if name.eq_ignore_ascii_case("no-store") || name.eq_ignore_ascii_case("no-cache") {
            return Some(Lifetime::ZERO);
        }
        // RFC 9111 §5.2.2.1.
        if name.eq_ignore_ascii_case("max-age") {
            most = seconds(value.trim_matches('"')).or(most);
        }
    }
    if let Some(most) = most {
        // RFC 9111 §4.2.3: what it has aged on its way.
        let age = text(headers, &AGE).and_then(seconds).unwrap_or_default();
        return Some(Lifetime::from_millis(most.millis() - age.millis()));
    }
    // RFC 9111 §5.3: what is no date has expired.
    text(headers, &EXPIRES).map(|date| instant(date).map_or(Lifetime::ZERO, |at| at.since(now)))
}

/// How long the server asks to wait (RFC 9110 §10.2.3), at most a day.
pub fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Lifetime> {
    let said = text(headers, &RETRY_AFTER)?;
    let wait = seconds(said).or_else(|| instant(said).map(|at| at.since(now)))?;
    Some(wait.min(LONGEST))
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// RFC 9111 §1.2.2: digits alone; more than we can count is very long.
fn seconds(text: &str) -> Option<Lifetime> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| Lifetime::from_seconds(text.parse().unwrap_or(i64::MAX)))
}

fn instant(text: &str) -> Option<Timestamp> {
    let at = httpdate::parse_http_date(text).ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    i64::try_from(at.as_millis()).ok().map(Timestamp::from_millis)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    // 1994-11-06 08:49:37 UTC.
    const NOW: Timestamp = Timestamp::from_seconds(784_111_777);

    fn headers(of: &[(HeaderName, &'static str)]) -> HeaderMap {
        of.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    // RFC 9111 §1.2.2, §4.2, §4.2.3, §5.2.2.1, §5.2.2.4, §5.2.2.5, §5.3.
    #[test]
    fn a_document_is_good_for_as_long_as_it_says_within_bounds() {
        let of = |of: &[(HeaderName, &'static str)]| lifetime(&headers(of), NOW).seconds();
        assert_eq!(of(&[]), 300);
        assert_eq!(of(&[(CACHE_CONTROL, "public, max-age=600")]), 600);
        assert_eq!(of(&[(CACHE_CONTROL, "Max-Age=\"600\""), (AGE, "100")]), 500);
        assert_eq!(of(&[(CACHE_CONTROL, "max-age=600, no-store")]), 10);
        assert_eq!(of(&[(CACHE_CONTROL, "max-age=0")]), 10);
        assert_eq!(of(&[(CACHE_CONTROL, "max-age=99999999999999999999")]), 86_400);
        assert_eq!(of(&[(CACHE_CONTROL, "max-age=-1")]), 300);
        assert_eq!(of(&[(EXPIRES, "Sun, 06 Nov 1994 09:49:37 GMT")]), 3600);
        assert_eq!(of(&[(EXPIRES, "0")]), 10);
    }

    // RFC 9110 §10.2.3.
    #[test]
    fn how_long_to_wait_is_told_in_seconds_or_as_a_date() {
        let of = |value| retry_after(&headers(&[(RETRY_AFTER, value)]), NOW).map(Lifetime::seconds);
        assert_eq!(of("120"), Some(120));
        assert_eq!(of("Sun, 06 Nov 1994 08:50:37 GMT"), Some(60));
        assert_eq!(of("Sun, 06 Nov 1994 07:50:37 GMT"), Some(0));
        assert_eq!(of("99999999999"), Some(86_400));
        assert_eq!((of("soon"), retry_after(&HeaderMap::new(), NOW)), (None, None));
    }
}
