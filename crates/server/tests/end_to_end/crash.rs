//! `kill -9` in the middle of a write load: what was acknowledged is there, and nothing is half there.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use rustix::process::{Signal, kill_process};

use crate::support::browser::{Browser, Code};
use crate::support::client::{Client, Tokens, redemption, refreshment};
use crate::support::database;
use crate::support::http::Answer;
use crate::support::server::Server;

const ROUNDS: usize = 10;
const CHAINS: usize = 4;
const CODES: usize = 60;
/// Every so many redeemed codes, one is revoked at once.
const REVOKE_EVERY: usize = 3;

/// What a worker was told, or was about to ask when there is more than one thing the answer could have been.
enum Event {
    Refreshed { chain: usize, tokens: Tokens },
    Redeemed { code: usize, tokens: Tokens },
    Revoking { code: usize },
    Revoked { code: usize },
}

#[test]
fn a_server_killed_ten_times_under_load_loses_no_acknowledged_answer() {
    let mut server = Server::start("crash");
    for round in 0..ROUNDS {
        let mut browser = server.browser();
        let chains: Vec<Tokens> = (0..CHAINS).map(|_| first_tokens(&server, &mut browser)).collect();
        let codes: Vec<Code> = (0..CODES).map(|_| browser.sign_in()).collect();

        // Never the same moment twice, and no clock: the load itself counts.
        let acknowledged = load_until_killed(&server, &chains, &codes, 20 + 17 * round);

        server = server.kill().start_again();
        database::assert_sound(&server.folder().database());
        acknowledged.check(&server, &codes);
    }
}

fn first_tokens(server: &Server, browser: &mut Browser<'_>) -> Tokens {
    Tokens::of(&server.demo().redeem(&browser.sign_in()))
}

/// Refreshes, redeems and revokes at the same time, and kills the server after so many answers.
fn load_until_killed(server: &Server, chains: &[Tokens], codes: &[Code], answers: usize) -> Acknowledged {
    let (report, events) = channel();
    thread::scope(|scope| {
        for (chain, tokens) in chains.iter().enumerate() {
            let report = report.clone();
            scope.spawn(move || refresh_on_and_on(server.demo(), chain, tokens.clone(), &report));
        }
        scope.spawn(move || redeem_and_revoke(server.demo(), codes, &report));

        let mut acknowledged = Acknowledged::new(chains, codes);
        acknowledged.take(&events, answers);
        kill_process(server.pid(), Signal::KILL).unwrap();
        acknowledged.take(&events, usize::MAX);
        acknowledged
    })
}

fn refresh_on_and_on(demo: Client<'_>, chain: usize, mut tokens: Tokens, report: &Sender<Event>) {
    while let Some(answer) = ask(demo, "/oauth2/token", &refreshment(&tokens.refresh)) {
        tokens = Tokens::of(&answer);
        report.send(Event::Refreshed { chain, tokens: tokens.clone() }).unwrap();
    }
}

fn redeem_and_revoke(demo: Client<'_>, codes: &[Code], report: &Sender<Event>) {
    for (code, redeemed) in codes.iter().enumerate() {
        let Some(answer) = ask(demo, "/oauth2/token", &redemption(redeemed)) else { return };
        let tokens = Tokens::of(&answer);
        let refresh = tokens.refresh.clone();
        report.send(Event::Redeemed { code, tokens }).unwrap();
        if code % REVOKE_EVERY == 0 {
            report.send(Event::Revoking { code }).unwrap();
            let Some(answer) = ask(demo, "/oauth2/revoke", &[("token", &refresh)]) else { return };
            assert_eq!(answer.status, 200, "{answer:?}");
            report.send(Event::Revoked { code }).unwrap();
        }
    }
}

/// The whole answer, or None: the server is gone.
fn ask(demo: Client<'_>, path: &str, form: &[(&str, &str)]) -> Option<Answer> {
    demo.try_post(path, form).ok()
}

/// What the workers know for certain.
struct Acknowledged {
    chains: Vec<Tokens>,
    redeemed: Vec<Option<Redeemed>>,
}

struct Redeemed {
    tokens: Tokens,
    revocation: Revocation,
}

#[derive(PartialEq)]
enum Revocation {
    NotAsked,
    Asked,
    Acknowledged,
}

impl Acknowledged {
    fn new(chains: &[Tokens], codes: &[Code]) -> Self {
        Self { chains: chains.to_vec(), redeemed: codes.iter().map(|_| None).collect() }
    }

    /// Takes at most so many events; fewer when all workers have ended.
    fn take(&mut self, events: &Receiver<Event>, most: usize) {
        for event in events.iter().take(most) {
            match event {
                Event::Refreshed { chain, tokens } => self.chains[chain] = tokens,
                Event::Redeemed { code, tokens } => {
                    self.redeemed[code] = Some(Redeemed { tokens, revocation: Revocation::NotAsked });
                }
                Event::Revoking { code } => self.revocation(code, Revocation::Asked),
                Event::Revoked { code } => self.revocation(code, Revocation::Acknowledged),
            }
        }
    }

    fn revocation(&mut self, code: usize, state: Revocation) {
        self.redeemed[code].as_mut().unwrap().revocation = state;
    }

    fn check(&self, server: &Server, codes: &[Code]) {
        let demo = server.demo();
        for tokens in &self.chains {
            // The newest token anyone saw is the newest, or its successor was written and its answer lost: either way
            // it gives tokens.
            let next = Tokens::of(&demo.refresh(&tokens.refresh));
            assert!(demo.is_active(&tokens.access) && demo.is_active(&next.access));
        }
        for (code, redeemed) in codes.iter().zip(&self.redeemed) {
            let Some(Redeemed { tokens, revocation }) = redeemed else { continue };
            match revocation {
                Revocation::NotAsked => assert!(demo.is_active(&tokens.access)),
                Revocation::Asked => {}
                Revocation::Acknowledged => {
                    assert!(!demo.is_active(&tokens.access));
                    assert_eq!(demo.refresh(&tokens.refresh).refusal(), (400, "invalid_grant".into()));
                }
            }
            // A redeemed code stays redeemed, and using it again ends what it gave.
            assert_eq!(demo.redeem(code).refusal(), (400, "invalid_grant".into()));
            assert!(!demo.is_active(&tokens.access));
        }
        self.check_in_flight(server, codes);
    }

    /// The first code without an answer was perhaps redeemed, perhaps not; the one after it was not.
    fn check_in_flight(&self, server: &Server, codes: &[Code]) {
        let mut open =
            codes.iter().zip(&self.redeemed).filter(|(_, redeemed)| redeemed.is_none()).map(|(code, _)| code);
        if let Some(code) = open.next() {
            let answer = server.demo().redeem(code);
            assert!(answer.status == 200 || answer.refusal() == (400, "invalid_grant".into()), "{answer:?}");
        }
        if let Some(code) = open.next() {
            Tokens::of(&server.demo().redeem(code));
        }
    }
}
