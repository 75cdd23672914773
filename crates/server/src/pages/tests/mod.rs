//! What every page must keep: escaped texts, stable ids, no script, no inline style.

mod contrast;
mod samples;
mod single;

use super::assets;
use samples::{every_page, login, login_with, passkey, post, signed_out};

/// Breaks out of text, of a quoted attribute, and of a tag, wherever it is not escaped.
const HOSTILE: &str = "\"'><script>x</script><p style=\"x\">&amp;{{ 7*7 }}";

#[test]
fn every_text_is_escaped() {
    let web = format!("https://a.example/{HOSTILE}");
    for (clean, hostile) in every_page("https://a.example/").iter().zip(every_page(&web)) {
        // The same tags and as many quotes: nothing that came in as data became markup.
        for mark in ["<", ">", "\"", "'"] {
            assert_eq!(clean.matches(mark).count(), hostile.matches(mark).count(), "{mark} in {hostile}");
        }
        assert!(hostile.contains("&#60;script&#62;") && hostile.contains("&#38;amp;"), "{hostile}");
    }
}

#[test]
fn no_page_has_script_or_inline_style_but_those_that_go_on_by_themselves_and_those_that_ask_for_a_passkey() {
    let script = |url| format!("<script src=\"{url}\"></script>");
    let (posts, leaves) = (script(assets::post_url()), script(assets::signed_out_url()));
    let asks = format!("<script src=\"{}\" defer></script>", assets::passkey_url());
    assert!(post("plain").contains(&posts) && signed_out("plain").contains(&leaves));
    assert!(login_with("plain", Some(passkey("plain"))).contains(&asks) && !login("plain").contains(&asks));
    for page in every_page("plain") {
        let page = page.replace(&posts, "").replace(&leaves, "").replace(&asks, "");
        for word in ["<script", "style=", "<style", "javascript:", "onload=", "onclick=", "onsubmit="] {
            assert!(!page.contains(word), "{word} in {page}");
        }
    }
}

#[test]
fn every_page_has_its_language_and_one_main_heading() {
    for page in every_page("plain") {
        assert!(page.starts_with("<!doctype html>\n<html lang=\"en\" dir=\"ltr\">"), "{page}");
        assert_eq!(page.matches("<h1").count(), 1, "{page}");
        assert_eq!(page.matches("<main").count(), 1, "{page}");
        assert!(page.contains("<link rel=\"stylesheet\" href=\"/assets/firman.css?v="), "{page}");
    }
}
