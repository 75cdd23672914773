//! The device grant (RFC 8628 §3.4): codes to which somebody has said yes become tokens.

use std::time::Duration;

use firman_proto::client::GrantType;
use firman_proto::form;
use firman_proto::metadata::path;

use super::Scenario;
use crate::bench::BenchError;
use crate::bench::client::{Answer, Connection};
use crate::bench::load::{Load, Work};
use crate::bench::request::{self, Post};
use crate::bench::sign_in;
use crate::bench::site::Site;
use crate::bench::stop::Stop;

const SCOPE: &str = "openid profile offline_access";
/// At most, whatever the rate: each is typed on a page and allowed on another before.
const MOST_CODES: f64 = 2_500.0;
/// For saying yes to them.
const LONGEST: Duration = Duration::from_mins(5);
/// One person says yes to one after the other: of many answers of one person at once some would lose the race for their consent.
const BROWSERS: usize = 1;

/// Redeems device codes that were allowed before.
pub(super) struct Device {
    post: Post,
    head: String,
    codes: Vec<Box<str>>,
}

impl Device {
    pub(super) fn new(site: &Site) -> Self {
        let mut head = String::new();
        form::append(&mut head, "grant_type", GrantType::DeviceCode.as_str());
        Self { post: site.application(path::TOKEN), head: format!("{head}&device_code="), codes: Vec::new() }
    }
}

impl Work for Device {
    fn ask(&mut self, _: usize, out: &mut Vec<u8>) -> bool {
        let Some(code) = self.codes.pop() else { return false };
        self.post.write(out, &[&self.head, &code]);
        true
    }

    fn answered(&mut self, _: usize, answer: &Answer<'_>) -> Result<(), BenchError> {
        answer.must_be(200)
    }
}

impl Scenario for Device {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded above and positive")]
    fn stock(&mut self, site: &Site, time: Duration, rate: f64, stop: &Stop) -> Result<(), BenchError> {
        let wanted = (rate * time.as_secs_f64()).clamp(500.0, MOST_CODES) as usize;
        let left = wanted.saturating_sub(self.codes.len());
        let mut people = People::new(site, left)?;
        Load::open(site.address, BROWSERS, stop)?.run(&mut people, LONGEST, &mut || Ok(()))?;
        self.codes.append(&mut people.allowed);
        Ok(())
    }
}

/// How far a device is, and the person with it.
enum Stage {
    Begin,
    Type { device: Box<str>, user: String },
    Look { device: Box<str>, page: String },
    Allow { device: Box<str>, page: String, filled: String },
}

/// Devices that begin, and people who say yes; all in the one browser that is signed in.
struct People<'a> {
    site: &'a Site,
    begin: Post,
    csrf: String,
    left: usize,
    stages: Vec<Stage>,
    allowed: Vec<Box<str>>,
}

impl<'a> People<'a> {
    fn new(site: &'a Site, left: usize) -> Result<Self, BenchError> {
        let mut connection = Connection::open(site.address)?;
        let page = connection.exchange(&request::get(site.address, path::DEVICE, &site.cookies))?;
        let csrf = sign_in::hidden(&page, "csrf")?.to_owned();
        let stages = (0..BROWSERS).map(|_| Stage::Begin).collect();
        let begin = site.application(path::DEVICE_AUTHORIZATION);
        Ok(Self { site, begin, csrf, left, stages, allowed: Vec::with_capacity(left) })
    }
}

impl Work for People<'_> {
    fn ask(&mut self, lane: usize, out: &mut Vec<u8>) -> bool {
        let (address, cookies) = (self.site.address, &self.site.cookies);
        match self.stages.get(lane) {
            None => return false,
            Some(Stage::Begin) => {
                let Some(left) = self.left.checked_sub(1) else { return false };
                self.left = left;
                let mut scope = String::new();
                form::append(&mut scope, "scope", SCOPE);
                self.begin.write(out, &[&scope]);
            }
            Some(Stage::Type { user, .. }) => {
                let mut typed = String::new();
                form::append(&mut typed, "user_code", user);
                form::append(&mut typed, "csrf", &self.csrf);
                out.extend_from_slice(&request::post_page(address, path::DEVICE, cookies, &typed));
            }
            Some(Stage::Look { page, .. }) => out.extend_from_slice(&request::get(address, page, cookies)),
            Some(Stage::Allow { page, filled, .. }) => {
                out.extend_from_slice(&request::post_page(address, page, cookies, filled));
            }
        }
        true
    }

    fn answered(&mut self, lane: usize, answer: &Answer<'_>) -> Result<(), BenchError> {
        let Some(stage) = self.stages.get_mut(lane) else { return Err(answer.unexpected()) };
        *stage = match std::mem::replace(stage, Stage::Begin) {
            Stage::Begin => {
                answer.must_be(200)?;
                Stage::Type {
                    device: answer.member("device_code")?.into(),
                    user: answer.member("user_code")?.to_owned(),
                }
            }
            Stage::Type { device, .. } => {
                let page = answer.header("location").and_then(|location| sign_in::path_of(location, self.site));
                Stage::Look { device, page: page.ok_or_else(|| answer.unexpected())?.to_owned() }
            }
            Stage::Look { device, page } => {
                let action = page.split('?').next().unwrap_or_default();
                let filled = sign_in::filled(self.site, action, answer)?;
                Stage::Allow { device, page: action.to_owned(), filled }
            }
            Stage::Allow { device, .. } => {
                let there =
                    answer.header("location").is_some_and(|location| location.ends_with(crate::http::device::ALLOWED));
                if !there {
                    return Err(answer.unexpected());
                }
                self.allowed.push(device);
                Stage::Begin
            }
        };
        Ok(())
    }
}
