//! A browser without a window: it signs in once, by the pages and their forms.

use std::collections::BTreeMap;

use firman_proto::form;

use super::BenchError;
use super::client::{Answer, Connection};
use super::request;
use super::site::Site;

/// More pages than there are between a request and its code.
const MOST_PAGES: usize = 8;

/// Follows an authorization request to its code, through the login and the consent page; gives the browser's cookies.
pub(super) fn sign_in(site: &Site, target: &str) -> Result<String, BenchError> {
    let mut connection = Connection::open(site.address)?;
    let mut cookies = BTreeMap::new();
    let mut next = request::get(site.address, target, "");
    let mut page = target.to_owned();
    for _ in 0..MOST_PAGES {
        let answer = connection.exchange(&next)?;
        keep_cookies(&mut cookies, &answer);
        let jar = jar(&cookies);
        match answer.header("location") {
            Some(location) if code_of(location).is_some() => return Ok(jar),
            Some(location) => {
                path_of(location, site).ok_or_else(|| answer.unexpected())?.clone_into(&mut page);
                next = request::get(site.address, &page, &jar);
            }
            None => {
                let action = page.split('?').next().unwrap_or_default();
                next = request::post_page(site.address, action, &jar, &filled(site, action, &answer)?);
            }
        }
    }
    Err(BenchError::Answer("the sign-in does not end".to_owned()))
}

/// The code in an address that the browser is sent to.
pub(super) fn code_of(location: &str) -> Option<&str> {
    let (_, query) = location.split_once('?')?;
    query.split('&').find_map(|pair| pair.strip_prefix("code="))
}

/// The address below the issuer that the browser is sent to.
pub(super) fn path_of<'a>(location: &'a str, site: &Site) -> Option<&'a str> {
    location.strip_prefix("http://")?.strip_prefix(&*site.address.to_string())
}

fn keep_cookies(cookies: &mut BTreeMap<String, String>, answer: &Answer<'_>) {
    for line in answer.headers("set-cookie") {
        let pair = line.split(';').next().unwrap_or_default();
        if let Some((name, value)) = pair.trim().split_once('=') {
            cookies.insert(name.to_owned(), value.to_owned());
        }
    }
}

fn jar(cookies: &BTreeMap<String, String>) -> String {
    let pairs: Vec<_> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("; ")
}

/// The form of a page as somebody fills it in who wants to sign in and to allow.
pub(super) fn filled(site: &Site, action: &str, page: &Answer<'_>) -> Result<String, BenchError> {
    page.must_be(200)?;
    let mut form = String::new();
    for name in ["request", "csrf"] {
        form::append(&mut form, name, hidden(page, name)?);
    }
    if action.ends_with(crate::http::login::PATH) {
        form::append(&mut form, "username", &site.ready.username);
        form::append(&mut form, "password", &site.ready.password);
    } else {
        form::append(&mut form, "decision", "allow");
    }
    Ok(form)
}

/// The value of a hidden field.
pub(super) fn hidden<'a>(page: &Answer<'a>, name: &str) -> Result<&'a str, BenchError> {
    let html = std::str::from_utf8(page.body).unwrap_or_default();
    let value = html.split_once(&*format!("name=\"{name}\" value=\"")).and_then(|(_, rest)| rest.split('"').next());
    value.ok_or_else(|| page.unexpected())
}
