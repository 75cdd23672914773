//! The style sheet, the icon and the scripts, served from memory.

use std::sync::LazyLock;

/// For how long a browser may keep an asset: a changed one has another address.
pub const CACHE_CONTROL: &str = "public, max-age=31536000, immutable";

static STYLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("/assets/firman.css", "text/css; charset=utf-8", include_str!("firman.css")));
static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("/assets/firman.svg", "image/svg+xml", include_str!("icon.svg")));

static POST: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("/assets/post.js", "text/javascript; charset=utf-8", include_str!("post.js")));
static PASSKEY: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("/assets/passkey.js", "text/javascript; charset=utf-8", include_str!("passkey.js")));

static SIGNED_OUT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("/assets/signed-out.js", "text/javascript; charset=utf-8", include_str!("signed-out.js"))
});

static CHECK_SESSION: LazyLock<Asset> = LazyLock::new(|| {
    Asset::new("/assets/check-session.js", "text/javascript; charset=utf-8", include_str!("check-session.js"))
});

/// The asset at this path (without query), if there is one.
pub fn find(path: &str) -> Option<&'static Asset> {
    [&*STYLE, &*ICON, &*POST, &*PASSKEY, &*SIGNED_OUT, &*CHECK_SESSION].into_iter().find(|asset| asset.path == path)
}

/// The paths of all assets, for the router.
pub fn paths() -> [&'static str; 6] {
    [STYLE.path, ICON.path, POST.path, PASSKEY.path, SIGNED_OUT.path, CHECK_SESSION.path]
}

/// Where the pages link the style sheet: path and content hash.
pub(super) fn style_url() -> &'static str {
    &STYLE.url
}

/// Where the pages link the icon: path and content hash.
pub(super) fn icon_url() -> &'static str {
    &ICON.url
}

/// Where the page that posts itself links its script: path and content hash.
pub(super) fn post_url() -> &'static str {
    &POST.url
}

/// Where pages that ask for a passkey link its script: path and content hash.
pub(super) fn passkey_url() -> &'static str {
    &PASSKEY.url
}

/// Where the page of somebody who is signed out links its script: path and content hash.
pub(super) fn signed_out_url() -> &'static str {
    &SIGNED_OUT.url
}

/// Where the frame in which clients ask links its script: path and content hash.
pub(super) fn check_session_url() -> &'static str {
    &CHECK_SESSION.url
}

/// One file that pages refer to.
#[derive(Debug)]
pub struct Asset {
    /// Its path on this server.
    pub path: &'static str,
    /// The value of `Content-Type`.
    pub content_type: &'static str,
    /// What is in it.
    pub body: &'static str,
    /// Path and content hash (`?v=…`).
    url: String,
}

impl Asset {
    fn new(path: &'static str, content_type: &'static str, body: &'static str) -> Self {
        Self { path, content_type, body, url: format!("{path}?v={:016x}", fnv1a(body.as_bytes())) }
    }
}

/// FNV-1a, 64 bits: it only has to differ when the file does.
pub(super) fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_fnv1a() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn what_pages_link_is_found() {
        for url in [style_url(), icon_url(), post_url(), passkey_url(), signed_out_url(), check_session_url()] {
            let (path, _) = url.split_once("?v=").unwrap();
            assert!(find(path).is_some(), "{path}");
        }
        assert!(find("/assets/other.css").is_none());
    }

    #[test]
    fn the_style_sheet_needs_nothing_from_outside() {
        for word in ["url(", "@import", "http:", "https:", "//"] {
            assert!(!STYLE.body.contains(word), "{word}");
        }
    }
}
