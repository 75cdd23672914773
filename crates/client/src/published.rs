//! Documents that are published: sent to those alone who have not got them (RFC 9110 §13.1.2).

use firman_proto::digest::Digest16;
use http::header::{CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, Response, StatusCode};

/// An answer with its version, by which it can be asked for again: without its body, and 304, where whoever `asked` has it.
pub fn unless_known<B: AsRef<[u8]> + Default>(asked: &HeaderMap, mut document: Response<B>) -> Response<B> {
    // RFC 9110 §8.8.3: a strong tag, because it is made of every byte.
    let version = Digest16::of(&[document.body().as_ref()]).to_string();
    if is_known(asked, &version) {
        *document.body_mut() = B::default();
        *document.status_mut() = StatusCode::NOT_MODIFIED;
        // RFC 9110 §15.4.5: what tells how long it may be kept stays, what describes the body goes with it.
        document.headers_mut().remove(CONTENT_TYPE);
    }
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{version}\"")) {
        document.headers_mut().insert(ETAG, tag);
    }
    document
}

/// Whether a version is among those that whoever asks has.
fn is_known(asked: &HeaderMap, version: &str) -> bool {
    asked.get_all(IF_NONE_MATCH).iter().any(|field| {
        // RFC 9110 §8.8.3, §13.1.2: any will do, or one of a list; weak ones count, too. No tag has a quote in it.
        let mut tags = field.as_bytes().split(|byte| *byte == b'"').skip(1).step_by(2);
        field.as_bytes().trim_ascii() == b"*" || tags.any(|tag| tag == version.as_bytes())
    })
}

#[cfg(test)]
mod tests {
    use http::header::CACHE_CONTROL;

    use super::*;

    fn told(fields: &[&str], body: &str) -> Response<String> {
        let asked = fields.iter().map(|field| (IF_NONE_MATCH, HeaderValue::from_str(field).unwrap())).collect();
        let document = Response::builder().header(CONTENT_TYPE, "application/json").header(CACHE_CONTROL, "max-age=60");
        unless_known(&asked, document.body(body.to_owned()).unwrap())
    }

    // RFC 9110 §8.8.3.
    #[test]
    fn a_document_has_a_strong_tag_that_changes_with_it() {
        let (one, same, other) = (told(&[], "{}"), told(&[], "{}"), told(&[], "{ }"));
        assert_eq!((one.status(), one.body().as_str()), (StatusCode::OK, "{}"));
        let tag = one.headers()[ETAG].to_str().unwrap();
        assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() == 34, "{tag}");
        assert!(one.headers()[ETAG] == same.headers()[ETAG] && one.headers()[ETAG] != other.headers()[ETAG]);
    }

    // RFC 9110 §13.1.2, §15.4.5.
    #[test]
    fn who_has_the_document_is_told_so_and_no_more() {
        let first = told(&[], "{}");
        let tag = first.headers()[ETAG].to_str().unwrap();
        let known = [
            vec![tag.to_owned()],
            vec![format!("W/{tag}")],
            vec![format!("\"a, b\",W/\"\" ,, {tag}, \"c\"")],
            vec!["\"a\"".to_owned(), tag.to_owned()],
            vec!["*".to_owned()],
        ];
        for fields in known {
            let fields: Vec<_> = fields.iter().map(String::as_str).collect();
            let told = told(&fields, "{}");
            assert_eq!((told.status(), told.body().as_str()), (StatusCode::NOT_MODIFIED, ""), "{fields:?}");
            assert!([ETAG, CACHE_CONTROL].iter().all(|kept| told.headers()[kept] == first.headers()[kept]));
            assert!(!told.headers().contains_key(CONTENT_TYPE));
        }
        let bare = tag.trim_matches('"');
        for other in ["\"a\"", "", "\"*\"", bare, &format!("\"{bare}a\""), &format!("\"a\"{bare}\"b\"")] {
            assert_eq!(told(&[other], "{}").status(), StatusCode::OK, "{other}");
        }
    }
}
