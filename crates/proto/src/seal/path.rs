//! Paths, compared by segment: what could be read in two ways is refused, never normalised.

/// A path and what lies below it: `/v1/books` admits `/v1/books` and `/v1/books/7`, not `/v1/bookstore`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathPrefix(Box<str>);

impl PathPrefix {
    /// Reads a prefix: absolute, in plain segments, without a slash at its end (`/` alone admits every plain path).
    pub fn parse(text: &str) -> Option<Self> {
        (is_plain(text) && (text == "/" || !text.ends_with('/'))).then(|| Self(Box::from(text)))
    }

    /// Whether the path of a request, as it was sent and without its query, is this one or lies below it.
    pub fn admits(&self, path: &str) -> bool {
        let below = || path.strip_prefix(&*self.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        is_plain(path) && (&*self.0 == "/" || below())
    }

    /// The prefix as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether every server reads this path in the same way.
fn is_plain(path: &str) -> bool {
    let Some(rest) = path.strip_prefix('/') else { return false };
    let mut segments = rest.split('/').peekable();
    while let Some(segment) = segments.next() {
        // Servers fold `//` differently; nothing after the last slash is a common spelling, and means one thing.
        if (segment.is_empty() && segments.peek().is_some()) || is_dots(segment) || !is_segment(segment) {
            return false;
        }
    }
    true
}

/// RFC 3986 §3.3 dot segments, also with parameters (`..;x`), which some servers drop.
fn is_dots(segment: &str) -> bool {
    matches!(segment.split(';').next(), Some("." | ".."))
}

/// RFC 3986 §3.3: segment = *pchar, without the escapes that hide a character which means something in a path.
fn is_segment(segment: &str) -> bool {
    let mut bytes = segment.bytes();
    while let Some(byte) = bytes.next() {
        let legal = match byte {
            b'%' => {
                escaped(bytes.next(), bytes.next()).is_some_and(|b| b >= 0x20 && b != 0x7f && !b"./\\%;".contains(&b))
            }
            other => other.is_ascii_alphanumeric() || b"-._~:@!$&'()*+,;=".contains(&other),
        };
        if !legal {
            return false;
        }
    }
    true
}

fn escaped(high: Option<u8>, low: Option<u8>) -> Option<u8> {
    let digit = |byte: Option<u8>| char::from(byte?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(high)? << 4 | digit(low)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_compare_by_segment() {
        let books = PathPrefix::parse("/v1/books").expect("plain");
        for path in
            ["/v1/books", "/v1/books/", "/v1/books/7", "/v1/books/7/pages", "/v1/books/a%20b", "/v1/books/%C3%A4"]
        {
            assert!(books.admits(path), "{path}");
        }
        for path in ["/v1/bookstore", "/v1", "/", "", "/V1/books", "/v1/%62ooks", "v1/books", "/v2/v1/books"] {
            assert!(!books.admits(path), "{path}");
        }
    }

    // RFC 3986 §3.3.
    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        let all = PathPrefix::parse("/").expect("plain");
        assert!(all.admits("/") && all.admits("/anything"));
        for path in [
            "/v1/books/../admin",
            "/v1/books/./x",
            "/v1/books/..",
            "/v1/books/..;a/admin",
            "/v1/books/%2e%2e/admin",
            "/v1/books/%2E./admin",
            "/v1/books%2fadmin",
            "/v1/books%2Fadmin",
            "/v1/books%5cadmin",
            "/v1/books%252fadmin",
            "/v1/books%3b/admin",
            "/v1/books%00",
            "/v1/books%",
            "/v1/books%2",
            "/v1/books%zz",
            "/v1/books%+1",
            "/v1/books\\admin",
            "/v1//books",
            "//v1",
            "/v1/books//",
            "/v1/books?x=1",
            "/v1/books#x",
            "/v1/books x",
            "/v1/bücher",
            "/v1/books\0",
            "*",
            "",
        ] {
            assert!(!all.admits(path), "{path:?}");
            assert_eq!(PathPrefix::parse(path), None, "{path:?}");
        }
    }
}
