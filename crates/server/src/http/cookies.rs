//! Cookies: which browser it is, who is signed in with it, who has been before, and what it was sent elsewhere for.

use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use firman_engine::Fault;
use firman_engine::authorize::{Browser, SessionCookie};
use firman_engine::sign_in::known_to;
use firman_proto::error::{Denied, invalid_request};
use firman_proto::time::Lifetime;

use super::App;

/// The names of the cookies. `__Host-` makes browsers insist on TLS, this host, and every path (RFC 6265bis §4.1.3.2).
struct Names {
    browser: &'static str,
    session: &'static str,
    device: &'static str,
    errand: &'static str,
    state: &'static str,
}

/// For how long a browser is known to have signed in before, in seconds.
const DEVICE_SECONDS: i64 = 400 * 86_400;
/// How much of an errand goes into one cookie, in bytes.
const PIECE: usize = 3500;
/// An errand in more cookies than this is too large.
const MOST_PIECES: usize = 4;
/// With so many of their cookies there, older errands are forgotten.
const MOST_ERRANDS: usize = 4;

const fn names(secure: bool) -> Names {
    if secure {
        Names {
            browser: "__Host-fm_browser",
            session: "__Host-fm_session",
            device: "__Host-fm_device",
            errand: "__Host-fm_upstream",
            state: "__Host-fm_state",
        }
    } else {
        Names {
            browser: "fm_browser",
            session: "fm_session",
            device: "fm_device",
            errand: "fm_upstream",
            state: "fm_state",
        }
    }
}

/// The browser that sent a request; `None` if it was not here before.
pub fn browser(app: &App, headers: &HeaderMap) -> Option<Browser> {
    let names = names(app.secure_cookies);
    let browser = Browser::new(find(headers, names.browser), find(headers, names.session))?;
    Some(browser.on_device(find(headers, names.device)))
}

/// The value of a cookie. One that is there twice was planted: neither is taken.
fn find<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut values = pairs.filter(|(key, _)| *key == name).map(|(_, value)| value);
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

/// Lets a browser that was not here before keep its id, for as long as it is open.
pub fn keep_browser(app: &App, response: &mut Response, browser: &Browser) {
    set(app, response, names(app.secure_cookies).browser, browser.id(), None);
}

/// Lets a browser keep its session.
pub fn keep_session(app: &App, response: &mut Response, cookie: &SessionCookie) {
    let max_age = Some(cookie.lifetime.seconds());
    set(app, response, names(app.secure_cookies).session, cookie.value.reveal(), max_age);
    keep_state(app, response, cookie.state.as_deref(), max_age);
}

/// Lets a browser keep its session until it is closed.
pub fn keep_session_while_open(app: &App, response: &mut Response, cookie: &SessionCookie) {
    set(app, response, names(app.secure_cookies).session, cookie.value.reveal(), None);
    keep_state(app, response, cookie.state.as_deref(), None);
}

/// Lets a browser forget its session.
pub fn forget_session(app: &App, response: &mut Response) {
    set(app, response, names(app.secure_cookies).session, "", Some(0));
    if app.engine.policy().session_management {
        keep_state(app, response, Some(""), Some(0));
    }
}

/// The name of the cookie that the script of the frame reads (OpenID Connect Session Management).
pub fn state_name(app: &App) -> &'static str {
    names(app.secure_cookies).state
}

/// Lets a browser keep the state of the session it has, if it does not: it began before anybody looked at that, or was ended elsewhere.
pub fn mend_state(app: &App, headers: &HeaderMap, response: &mut Response, state: &str) {
    if find(headers, state_name(app)).unwrap_or_default() != state {
        keep_state(app, response, Some(state), state.is_empty().then_some(0));
    }
}

/// For scripts of ours in frames of other sites: where the scheme is http, browsers give it to frames of the same site alone.
fn keep_state(app: &App, response: &mut Response, state: Option<&str>, max_age: Option<i64>) {
    let Some(state) = state else { return };
    let reach = if app.secure_cookies { "; SameSite=None; Secure" } else { "; SameSite=Lax" };
    set_with(response, state_name(app), state, reach, max_age);
}

/// Lets a browser keep that it has signed somebody in, so that strangers who guess at their password do not make it wait.
pub fn keep_device(app: &App, response: &mut Response, browser: &Browser, username: &str) -> Result<(), Fault> {
    if let Some(device) = known_to(&app.engine, browser, username)? {
        set(app, response, names(app.secure_cookies).device, &device, Some(DEVICE_SECONDS));
    }
    Ok(())
}

/// The errand of a browser that is at another identity provider, or waits for a mail: in pieces, because browsers keep no cookie of more than
/// four kilobytes.
pub fn keep_errand(
    app: &App,
    headers: &HeaderMap,
    response: &mut Response,
    (state, errand): (&str, &str),
    lifetime: Lifetime,
) -> Result<(), Denied> {
    let pieces: Vec<_> = errand.as_bytes().chunks(PIECE).collect();
    if pieces.len() > MOST_PIECES {
        return Err(invalid_request("the request is too large to go to another provider for"));
    }
    // Who begins again and again does not send all of it for ever after.
    let others = errands(app, headers);
    if others.len() >= MOST_ERRANDS {
        for name in others {
            set(app, response, name, "", Some(0));
        }
    }
    for (number, piece) in pieces.into_iter().enumerate() {
        let piece = std::str::from_utf8(piece).unwrap_or_default();
        set(app, response, &errand_name(app, state, number), piece, Some(lifetime.seconds()));
    }
    Ok(())
}

/// The errand of a state.
pub fn errand(app: &App, headers: &HeaderMap, state: &str) -> Option<String> {
    let pieces = (0..MOST_PIECES).map_while(|number| find(headers, &errand_name(app, state, number)));
    Some(pieces.collect::<String>()).filter(|errand| !errand.is_empty())
}

/// The errand is done.
pub fn forget_errand(app: &App, headers: &HeaderMap, response: &mut Response, state: &str) {
    for number in 0..MOST_PIECES {
        let name = errand_name(app, state, number);
        if find(headers, &name).is_some() {
            set(app, response, &name, "", Some(0));
        }
    }
}

/// One for each sign-in that is under way, so that two tabs do not disturb each other.
fn errand_name(app: &App, state: &str, number: usize) -> String {
    let handle: String = state.chars().filter(char::is_ascii_alphanumeric).take(12).collect();
    format!("{}_{handle}_{number}", names(app.secure_cookies).errand)
}

fn errands<'h>(app: &App, headers: &'h HeaderMap) -> Vec<&'h str> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let is_ours = |name: &&str| {
        name.starts_with(names(app.secure_cookies).errand)
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    };
    pairs.map(|(name, _)| name).filter(is_ours).collect()
}

fn set(app: &App, response: &mut Response, name: &str, value: &str, max_age: Option<i64>) {
    let secure = if app.secure_cookies { "; HttpOnly; SameSite=Lax; Secure" } else { "; HttpOnly; SameSite=Lax" };
    set_with(response, name, value, secure, max_age);
}

fn set_with(response: &mut Response, name: &str, value: &str, attributes: &str, max_age: Option<i64>) {
    let kept = max_age.map_or_else(String::new, |seconds| format!("; Max-Age={seconds}"));
    let cookie = format!("{name}={value}; Path=/{attributes}{kept}");
    if let Ok(mut cookie) = HeaderValue::from_str(&cookie) {
        cookie.set_sensitive(true);
        response.headers_mut().append(SET_COOKIE, cookie);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_that_is_there_twice_is_not_taken() {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, HeaderValue::from_static("a=1; b=2; a=3"));
        assert_eq!(find(&headers, "a"), None);
        assert_eq!(find(&headers, "b"), Some("2"));
        headers.append(COOKIE, HeaderValue::from_static("b=4"));
        assert_eq!(find(&headers, "b"), None);
        assert_eq!(find(&headers, "c"), None);
    }
}
