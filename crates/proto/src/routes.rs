//! Where endpoints and pages are, below the issuer, if not where they usually are.

use std::collections::BTreeMap;

/// A path below the issuer: segments of unreserved characters, none of them of dots alone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Route(String);

impl Route {
    /// The longest, in bytes.
    const LONGEST: usize = 128;

    /// Reads a path such as `/oauth2/token`.
    pub fn parse(text: &str) -> Option<Self> {
        let unreserved = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
        let is_segment = |segment: &str| segment.bytes().all(unreserved) && segment.bytes().any(|b| b != b'.');
        let below = text.strip_prefix('/')?;
        (text.len() <= Self::LONGEST && below.split('/').all(is_segment)).then(|| Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether one lies below the other, or is the same.
    pub fn meets(&self, other: &Self) -> bool {
        below(&self.0, &other.0).is_some() || below(&other.0, &self.0).is_some()
    }
}

/// Which usual paths have been moved where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Routes(BTreeMap<String, Route>);

impl Routes {
    /// Pairs of a usual path and where it is now.
    pub fn new(moved: impl IntoIterator<Item = (&'static str, Route)>) -> Self {
        let differs = |(usual, now): &(&'static str, Route)| *usual != now.as_str();
        Self(moved.into_iter().filter(differs).map(|(usual, now)| (usual.to_owned(), now)).collect())
    }

    /// Where a usual path is now; what lies below it has moved along.
    pub fn of(&self, path: &str) -> String {
        let moved = self.0.iter().find_map(|(usual, now)| Some((now, below(path, usual)?)));
        moved.map_or_else(|| path.to_owned(), |(now, rest)| format!("{}{rest}", now.as_str()))
    }
}

/// What of `path` lies below `parent`: nothing, or a slash and more.
fn below<'p>(path: &'p str, parent: &str) -> Option<&'p str> {
    path.strip_prefix(parent).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_is_a_plain_path() {
        for text in ["/token", "/oauth2/token", "/a.b/~c_d-e"] {
            assert_eq!(Route::parse(text).unwrap().as_str(), text);
        }
        for text in
            ["", "/", "token", "/token/", "//token", "/a/../b", "/a/./b", "/{id}", "/a b", "/a%20b", "/a?b", "/ä"]
        {
            assert_eq!(Route::parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_lies_below_a_path_moves_along() {
        let routes =
            Routes::new([("/device", Route::parse("/tv").unwrap()), ("/login", Route::parse("/login").unwrap())]);
        for (path, now) in
            [("/device", "/tv"), ("/device/allowed", "/tv/allowed"), ("/devices", "/devices"), ("/login", "/login")]
        {
            assert_eq!(routes.of(path), now);
        }
        assert_eq!(routes, Routes::new([("/device", Route::parse("/tv").unwrap())]));
    }

    #[test]
    fn routes_that_lie_within_each_other_meet() {
        let meet = |a, b| Route::parse(a).unwrap().meets(&Route::parse(b).unwrap());
        assert!(meet("/a", "/a") && meet("/a", "/a/b") && meet("/a/b", "/a"));
        assert!(!meet("/a", "/ab") && !meet("/a/b", "/a/c"));
    }
}
