//! `firman audit`, beside a running server: who did what, from where; and an export that goes on where it ended.

use std::fs;

use http::Request;
use serde_json::Value;

use crate::support::browser::AuthorizationRequest;
use crate::support::cli::Cli;
use crate::support::server::Server;

const REFUSED: Option<i32> = Some(5);

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["kind"].as_str().unwrap()).collect()
}

/// Somebody signs in and allows the demo client what it asks for; somebody else is not its client.
fn something_happens(server: &Server) {
    let code = server.browser().sign_in();
    assert_eq!(server.demo().redeem(&code).status, 200);
    let guess = Request::post(server.url("/oauth2/token"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(b"grant_type=client_credentials&client_id=demo-service&client_secret=a-guess".to_vec());
    assert_eq!(server.http.send(guess.unwrap()).status, 401);
}

#[test]
fn the_trail_is_listed_from_the_newest_and_by_what_is_sought() {
    let server = Server::start("audit-list");
    something_happens(&server);
    let cli = Cli::on(server.folder());
    let all = cli.json(&["audit", "list"]);
    let events = all["events"].as_array().unwrap();
    let ids: Vec<_> = events.iter().map(|event| event["id"].as_str().unwrap()).collect();
    assert!(ids.windows(2).all(|pair| pair[0] > pair[1]), "{ids:?}");
    for kind in ["account_created", "client_created", "signed_in", "approved", "code_redeemed", "client_refused"] {
        assert!(kinds(events).contains(&kind), "{kind}: {:?}", kinds(events));
    }
    assert!(!all.to_string().contains("a-guess"));

    // From where, and whom it is about.
    let signed_in = &cli.json(&["audit", "list", "--kind", "signed_in"])["events"];
    let [event] = signed_in.as_array().unwrap().as_slice() else { panic!("{signed_in}") };
    assert_eq!(event["details"]["address"], "127.0.0.1");
    let subject = event["subject"].as_str().unwrap();
    let of_them = &cli.json(&["audit", "list", "--subject", subject])["events"];
    assert!(kinds(of_them.as_array().unwrap()).contains(&"approved"), "{of_them}");
    let of_client = &cli.json(&["audit", "list", "--client", "demo"])["events"];
    let of_client = of_client.as_array().unwrap();
    assert!(of_client.iter().all(|event| event["client"] == of_client[0]["client"]) && of_client.len() >= 2);

    // Page by page it is the same.
    let (mut paged, mut before) = (Vec::new(), None::<String>);
    loop {
        let mut words = vec!["audit", "list", "--limit", "2"];
        words.extend(before.iter().flat_map(|before| ["--before", before.as_str()]));
        let page = cli.json(&words);
        paged.extend(page["events"].as_array().unwrap().clone());
        match page["next"].as_str() {
            Some(next) => before = Some(next.to_owned()),
            None => break,
        }
    }
    let paged: Vec<_> = paged.iter().map(|event| event["id"].as_str().unwrap()).collect();
    assert_eq!(paged, ids);
    assert_eq!(cli.json(&["audit", "list", "--until", "2020-01-01"])["events"], Value::Array(vec![]));
    for wrong in [["--since", "yesterday"], ["--about", "somebody"], ["--before", "x"], ["--client", "nobody"]] {
        let outcome = cli.run(&[&["audit", "list"][..], &wrong[..]].concat(), "");
        assert_ne!(outcome.code, Some(0), "{wrong:?}");
        assert!(outcome.stdout.is_empty() && !outcome.stderr.is_empty(), "{wrong:?}");
    }
}

#[test]
fn an_export_goes_on_where_the_last_one_ended_and_leaves_out_nothing() {
    let server = Server::start("audit-export");
    something_happens(&server);
    let (cli, cursor) = (Cli::on(server.folder()), server.folder().data().join("cursor"));
    let export = |words: &[&str]| {
        let outcome = cli.run(&[&["audit", "export"][..], words].concat(), "");
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
        lines(&outcome.stdout)
    };
    // What has just happened waits for the next export: something with an earlier id may still come.
    assert_eq!(export(&[]), Vec::<Value>::new());

    let with_cursor = ["--settled", "0", "--cursor-file", cursor.to_str().unwrap()];
    let first = export(&with_cursor);
    let ids: Vec<_> = first.iter().map(|event| event["id"].as_str().unwrap()).collect();
    assert!(ids.len() >= 6 && ids.windows(2).all(|pair| pair[0] < pair[1]), "{ids:?}");
    assert_eq!(fs::read_to_string(&cursor).unwrap().trim(), *ids.last().unwrap());
    assert_eq!(export(&with_cursor), Vec::<Value>::new());

    // More happens, by a browser and by hand.
    let denied = AuthorizationRequest::new(&server).with("prompt", Some("none"));
    server.browser().authorize(&denied);
    something_happens(&server);
    let made = cli.run(&["user", "create", "somebody", "--password-stdin"], "a long enough password\n");
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let second = export(&with_cursor);
    assert!(kinds(&second).contains(&"account_created") && kinds(&second).contains(&"code_redeemed"));
    assert!(second[0]["id"].as_str().unwrap() > *ids.last().unwrap());
    let all = export(&["--settled", "0"]);
    assert_eq!([first.clone(), second].concat(), all);
    assert_eq!(export(&["--settled", "0", "--after", ids[0]]), all[1..]);
    // The trail of one kind has a cursor too, and says nothing of the others.
    assert!(export(&["--settled", "0", "--kind", "signed_in"]).iter().all(|event| event["kind"] == "signed_in"));

    // What is no cursor is refused, and left as it is.
    fs::write(&cursor, "not a cursor\n").unwrap();
    let outcome = cli.run(&[&["audit", "export"][..], &with_cursor[..]].concat(), "");
    assert_eq!(outcome.code, REFUSED, "{}", outcome.stderr);
    assert_eq!(fs::read_to_string(&cursor).unwrap(), "not a cursor\n");
}
