//! Three cookies: which browser it is, who is signed in with it, and who has been before.

use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use firman_engine::Fault;
use firman_engine::authorize::{Browser, SessionCookie};
use firman_engine::sign_in::known_to;

use super::App;

/// The names of the cookies. `__Host-` makes browsers insist on TLS, this host, and every path (RFC 6265bis §4.1.3.2).
struct Names {
    browser: &'static str,
    session: &'static str,
    device: &'static str,
}

/// For how long a browser is known to have signed in before, in seconds.
const DEVICE_SECONDS: i64 = 400 * 86_400;

const fn names(secure: bool) -> Names {
    if secure {
        Names { browser: "__Host-fm_browser", session: "__Host-fm_session", device: "__Host-fm_device" }
    } else {
        Names { browser: "fm_browser", session: "fm_session", device: "fm_device" }
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
    set(app, response, names(app.secure_cookies).session, cookie.value.reveal(), Some(cookie.lifetime.seconds()));
}

/// Lets a browser keep its session until it is closed.
pub fn keep_session_while_open(app: &App, response: &mut Response, cookie: &SessionCookie) {
    set(app, response, names(app.secure_cookies).session, cookie.value.reveal(), None);
}

/// Lets a browser forget its session.
pub fn forget_session(app: &App, response: &mut Response) {
    set(app, response, names(app.secure_cookies).session, "", Some(0));
}

/// Lets a browser keep that it has signed somebody in, so that strangers who guess at their password do not make it wait.
pub fn keep_device(app: &App, response: &mut Response, browser: &Browser, username: &str) -> Result<(), Fault> {
    if let Some(device) = known_to(&app.engine, browser, username)? {
        set(app, response, names(app.secure_cookies).device, &device, Some(DEVICE_SECONDS));
    }
    Ok(())
}

fn set(app: &App, response: &mut Response, name: &str, value: &str, max_age: Option<i64>) {
    let secure = if app.secure_cookies { "; Secure" } else { "" };
    let kept = max_age.map_or_else(String::new, |seconds| format!("; Max-Age={seconds}"));
    let cookie = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{kept}");
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
