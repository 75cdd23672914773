//! Databases on the network, as an operator meets them: asked for, brought up to date, gone and back.

use std::thread;
use std::time::{Duration, Instant};

use firman_test_servers::{Mariadb, Postgres, PostgresOptions};

use crate::support::cli::Cli;
use crate::support::client::{Client, Tokens, redemption};
use crate::support::http::Answer;
use crate::support::server::Folder;

/// What a command ends with that finds no database to work with.
const UNREACHABLE: Option<i32> = Some(6);
const BACK_WITHIN: Duration = Duration::from_mins(1);

trait Network {
    /// The address of a database, with a password.
    fn url(&self) -> String;
    fn kill(&self);
    fn run(&self);
}

impl Network for Postgres {
    fn url(&self) -> String {
        format!("postgres://postgres:hush@127.0.0.1:{}/postgres", self.port())
    }

    fn kill(&self) {
        Self::kill(self);
    }

    fn run(&self) {
        Self::run(self);
    }
}

impl Network for Mariadb {
    fn url(&self) -> String {
        self.sql(
            "CREATE DATABASE IF NOT EXISTS firman; \
             CREATE USER IF NOT EXISTS firman@'127.0.0.1' IDENTIFIED BY 'hush'; \
             GRANT ALL ON firman.* TO firman@'127.0.0.1'",
        );
        format!("mysql://firman:hush@127.0.0.1:{}/firman", self.port())
    }

    fn kill(&self) {
        Self::kill(self);
    }

    fn run(&self) {
        Self::run(self);
    }
}

#[test]
fn postgresql_is_brought_up_to_date_when_asked_and_may_go_away_and_come_back() {
    let Some(database) = Postgres::start(PostgresOptions::default()) else { return };
    must_go_away_and_come_back("postgres", &database);
}

#[test]
fn mariadb_is_brought_up_to_date_when_asked_and_may_go_away_and_come_back() {
    let Some(database) = Mariadb::start(&[]) else { return };
    must_go_away_and_come_back("mariadb", &database);
}

fn must_go_away_and_come_back(name: &str, database: &dyn Network) {
    let folder = Folder::with_database(name, &database.url());
    must_be_brought_up_to_date(&Cli::on(&folder));

    let server = folder.start_again();
    let demo = server.demo();
    let tokens = Tokens::of(&demo.redeem(&server.browser().sign_in()));
    let code = server.browser().sign_in();
    assert!(demo.is_active(&tokens.access));

    database.kill();
    must_be_503(&server.http.get(&server.url("/health/ready")));
    for (path, form) in [
        ("/oauth2/token", redemption(&code).as_slice()),
        ("/oauth2/token", &[("grant_type", "refresh_token"), ("refresh_token", &tokens.refresh)]),
        ("/oauth2/introspect", &[("token", &tokens.access)]),
        ("/oauth2/revoke", &[("token", &tokens.access)]),
    ] {
        let answer = demo.post(path, form);
        assert_eq!(answer.refusal(), (503, "temporarily_unavailable".into()), "{path}: {answer:?}");
        must_be_503(&answer);
    }
    must_be_503(&server.service().client_credentials());
    // Whoever lives is not restarted.
    assert_eq!(server.http.get(&server.url("/health/live")).status, 200);
    let log = std::fs::read_to_string(server.folder().log_path()).unwrap();
    assert!(log.contains("is the database running") && !log.contains("hush"), "{log}");

    database.run();
    until_served(|| server.http.get(&server.url("/health/ready")));
    // Nothing was lost, and nothing happened.
    must_go_on(&demo, &tokens);
    let others = Tokens::of(&until_served(|| demo.redeem(&code)));
    assert!(demo.is_active(&others.access));

    // So it is for the one who starts when there is no database.
    let folder = server.stop();
    database.kill();
    let refused = Cli::on(&folder).run(&["grant", "list", "--subject", "x"], "");
    assert_eq!(refused.code, UNREACHABLE, "{}", refused.stderr);
    assert!(
        refused.stderr.contains("is the database running") && !refused.stderr.contains("hush"),
        "{}",
        refused.stderr
    );
    database.run();
    must_go_on(&folder.start_again().demo(), &others);
}

fn must_be_brought_up_to_date(cli: &Cli) {
    let behind = cli.run(&["serve", "--demo", "--port", "0"], "");
    assert_eq!(behind.code, UNREACHABLE, "{}", behind.stderr);
    assert!(behind.stderr.contains("run `firman migrate up`") && !behind.stderr.contains("hush"), "{}", behind.stderr);
    let shown = cli.run(&["config"], "").stdout;
    assert!(shown.contains(":***@127.0.0.1") && !shown.contains("hush"), "{shown}");

    let status = || cli.json(&["migrate", "status"]);
    let missing = status();
    assert_eq!(missing["applied"], serde_json::json!([]));
    assert!(cli.json(&["migrate", "plan"])["pending"].as_array().is_some_and(|plan| plan.len() > 13));
    assert_eq!(status(), missing, "to look changes nothing");
    let up = cli.json(&["migrate", "up"]);
    assert_eq!(up["pending"], serde_json::json!([]));
    assert_eq!(up["applied"].as_array().unwrap().last().unwrap()["version"], up["known"]);
    assert_eq!((cli.json(&["migrate", "up"]), status()), (up.clone(), up), "what is up to date stays as it is");
}

fn must_be_503(answer: &Answer) {
    assert_eq!((answer.status, answer.header("retry-after")), (503, "1"), "{answer:?}");
}

/// As a client that minds `Retry-After`.
fn until_served(mut ask: impl FnMut() -> Answer) -> Answer {
    let begun = Instant::now();
    loop {
        let answer = ask();
        if answer.status != 503 {
            return answer;
        }
        must_be_503(&answer);
        assert!(begun.elapsed() < BACK_WITHIN, "{answer:?}");
        thread::sleep(Duration::from_millis(50));
    }
}

fn must_go_on(demo: &Client<'_>, tokens: &Tokens) {
    assert!(demo.is_active(&tokens.access));
    let next = Tokens::of(&until_served(|| demo.refresh(&tokens.refresh)));
    assert!(demo.is_active(&next.access));
}
