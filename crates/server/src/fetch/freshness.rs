//! For how long a document may be kept (RFC 9111 §4.2), within our bounds.

use std::time::UNIX_EPOCH;

use axum::http::HeaderMap;
use axum::http::header::{AGE, CACHE_CONTROL, DATE, EXPIRES, HeaderName};
use firman_proto::time::Lifetime;

/// Whatever the headers say: asking for one address more often than this would make us a tool against it.
pub(super) const SHORTEST: Lifetime = Lifetime::from_seconds(60);
/// Whatever the headers say: withdrawn keys and clients must be seen at last.
pub(super) const LONGEST: Lifetime = Lifetime::from_days(1);
/// Where the headers say nothing.
const UNSAID: Lifetime = Lifetime::from_seconds(300);

/// How long an answer with these headers stays fresh from now on.
pub(super) fn lifetime(headers: &HeaderMap) -> Lifetime {
    said(headers).map_or(UNSAID, |said| said.max(SHORTEST).min(LONGEST))
}

fn said(headers: &HeaderMap) -> Option<Lifetime> {
    let mut max_age = None;
    let directives = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    for directive in directives.flat_map(|value| value.split(',')) {
        let (name, argument) = directive.split_once('=').unwrap_or((directive, ""));
        match name.trim().to_ascii_lowercase().as_str() {
            "no-store" | "no-cache" => return Some(Lifetime::ZERO),
            // RFC 9111 §4.2.1: of several, the first; one that cannot be read makes the answer stale.
            "max-age" if max_age.is_none() => {
                max_age = Some(argument.trim().trim_matches('"').parse::<u32>().unwrap_or(0));
            }
            _ => {}
        }
    }
    if let Some(max_age) = max_age {
        let age = text(headers, &AGE).and_then(|age| age.trim().parse::<u32>().ok()).unwrap_or(0);
        return Some(Lifetime::from_seconds(i64::from(max_age) - i64::from(age)));
    }
    // RFC 9111 §5.3: an Expires that cannot be read is in the past.
    let expires = text(headers, &EXPIRES)?;
    let seconds = |text: &str| {
        let time = httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
        i64::try_from(time.as_secs()).ok()
    };
    let span = seconds(expires).zip(text(headers, &DATE).and_then(seconds)).map(|(end, now)| end - now);
    Some(Lifetime::from_seconds(span.unwrap_or(0)))
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&'static str, &str)]) -> i64 {
        let headers: HeaderMap =
            pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect();
        lifetime(&headers).millis() / 1000
    }

    // RFC 9111 §4.2, §4.2.1, §5.3.
    #[test]
    fn headers_say_how_long_within_bounds() {
        assert_eq!(of(&[]), 300);
        assert_eq!(of(&[("cache-control", "public, max-age=600")]), 600);
        assert_eq!(of(&[("cache-control", "max-age=600"), ("age", "200")]), 400);
        assert_eq!(of(&[("cache-control", "max-age=31536000")]), 86_400);
        assert_eq!(of(&[("cache-control", "max-age=600, max-age=1200")]), 600, "the first");
        for short in
            ["max-age=1", "no-store", "no-cache", "No-Store, max-age=600", "max-age=-1", "max-age=x", "max-age"]
        {
            assert_eq!(of(&[("cache-control", short)]), 60, "{short}");
        }
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(of(&[date, ("expires", "Sun, 06 Nov 1994 08:59:37 GMT")]), 600);
        assert_eq!(of(&[date, ("expires", "Sun, 06 Nov 1994 07:49:37 GMT")]), 60);
        assert_eq!(of(&[("expires", "0")]), 60);
        assert_eq!(of(&[date, ("expires", "Sun, 06 Nov 1994 08:59:37 GMT"), ("cache-control", "max-age=120")]), 120);
    }
}
