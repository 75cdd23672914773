//! What is printed of what holds a secret: never the secret.

use std::fmt::Debug;

use firman_engine::accounts::Passwords;
use firman_engine::admin::accounts::{self, NewAccount};
use firman_engine::authenticate::authenticate;
use firman_engine::authorize::{Browser, Interaction, Next, SignIn};
use firman_engine::{Accounts as _, Failure};
use firman_proto::credentials::Credentials;
use firman_proto::form::Form;
use firman_proto::introspection::PresentedToken;
use firman_proto::seal::{self, Opened, Presented};
use firman_proto::token::TokenRequest;
use firman_store::record::Rest;
use firman_store::{Change, CommitId, Editable, Store as _, Transaction};

use crate::support::{App, Ask, Dice, PASSWORD, VERIFIER, Visitor, World, at, parameter, redemption, refresh_token};

/// Everything that must not be seen, as text and as a list of bytes.
#[derive(Default)]
struct Secrets(Vec<String>);

impl Secrets {
    fn keep(&mut self, secret: &str) -> String {
        self.0.push(secret.to_owned());
        secret.to_owned()
    }

    fn keep_bytes(&mut self, secret: &[u8]) {
        self.0.push(format!("{secret:?}").trim_matches(['[', ']']).to_owned());
        self.0.push(secret.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}")));
    }

    fn are_not_in(&self, what: &str, shown: &str) {
        // A list of bytes is one line, or one byte a line.
        let one_line = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        for secret in &self.0 {
            assert!(!shown.contains(secret) && !one_line.contains(secret), "{what} shows {secret}: {shown}");
        }
    }

    fn are_not_shown_by(&self, what: &str, value: &dyn Debug) {
        self.are_not_in(what, &format!("{value:?}"));
        self.are_not_in(what, &format!("{value:#?}"));
    }
}

/// Somebody's way through the pages, with what is secret of it.
struct Walk {
    world: World,
    app: App,
    secrets: Secrets,
    visitor: Visitor,
    pages: Vec<Next>,
    code: String,
    access: String,
    refresh: String,
}

async fn walk() -> Walk {
    let world = World::new().await;
    let app = world.app("app").await;
    let mut secrets = Secrets::default();
    secrets.keep(PASSWORD);
    secrets.keep(VERIFIER);
    secrets.keep(app.credentials.secret.as_deref().unwrap());
    let mut visitor = Visitor::new(&world);
    secrets.keep(&visitor.id);
    let login = world.authorize(&visitor, &Ask::new(&app, "openid read offline_access"), at(0)).await.unwrap();
    let Next::Login(request) = &login else { panic!("no login page") };
    secrets.keep(request);
    let consent = world.sign_in(&mut visitor, request, "somebody", at(0)).await.unwrap();
    secrets.keep(visitor.session.as_deref().unwrap());
    let Next::Consent(request) = &consent else { panic!("no consent page") };
    secrets.keep(request);
    let client = world.allow(&visitor, request, at(0)).await.unwrap();
    let Next::Client(url) = &client else { panic!("not sent back") };
    let code = secrets.keep(&parameter(url, "code").unwrap());
    let tokens = world.redeem(&app, &code, at(0)).await.unwrap();
    secrets.keep(tokens.id_token.as_deref().unwrap());
    let (access, refresh) = (secrets.keep(&tokens.access_token), secrets.keep(&refresh_token(&tokens)));
    secrets.are_not_shown_by("TokenResponse", &tokens);
    Walk { world, app, secrets, visitor, pages: vec![login, consent, client], code, access, refresh }
}

#[tokio::test]
async fn requests_and_answers_show_no_secret() {
    let Walk { world, app, secrets, visitor, pages, code, access, refresh } = walk().await;
    for page in &pages {
        secrets.are_not_shown_by("Next", page);
    }
    secrets.are_not_shown_by("Credentials", &app.credentials);
    secrets.are_not_shown_by("TokenRequest", &redemption(&code));
    secrets.are_not_shown_by("PresentedToken", &PresentedToken { token: access.clone() });
    secrets.are_not_shown_by("Browser", &visitor.browser());
    let Next::Consent(request) = &pages[1] else { panic!() };
    secrets.are_not_shown_by("SignIn", &SignIn { request, username: "somebody", password: PASSWORD, cancelled: false });
    let view = Interaction::view(&world.engine, &visitor.browser(), request, at(1)).await.unwrap();
    secrets.are_not_shown_by("ClientView", &view);
    secrets.are_not_shown_by("AuthenticatedClient", &authenticate(&world.engine, &app.credentials, at(1)).await);

    let secret = app.credentials.secret.as_deref().unwrap();
    let body = format!("grant_type=refresh_token&refresh_token={refresh}&client_id=app&client_secret={secret}");
    let form = Form::parse(body.as_bytes()).unwrap();
    secrets.are_not_shown_by("Form", &form);
    secrets.are_not_shown_by("Credentials", &Credentials::find(None, &form).unwrap());
    secrets.are_not_shown_by("TokenRequest", &TokenRequest::parse(&form).unwrap());
}

#[tokio::test]
async fn seals_show_no_secret() {
    let Walk { world, mut secrets, visitor, access, .. } = walk().await;
    let grant = world.flow().await.id;
    let grant = world.store.grant(grant, None).await.unwrap().unwrap().record;
    secrets.keep_bytes(grant.salt.expose());
    let keys = world.engine.keys().current();
    secrets.are_not_shown_by("Salt", &grant.salt);
    secrets.are_not_shown_by("Keyring", &keys.keyring);
    let reference =
        seal::Reference { record: grant.id, serial: 1, issued_at: at(0), expires_at: None, salt: &grant.salt };
    let sealed = keys.keyring.seal::<seal::Refresh>(&reference);
    secrets.keep(sealed.reveal());
    secrets.are_not_shown_by("Sealed", &sealed);
    let opened: Opened<seal::Access> = keys.keyring.open(&access, at(0)).unwrap();
    secrets.are_not_shown_by("Opened", &opened);
    secrets.are_not_shown_by("Authority", &opened.authorize(&grant, &Presented::at(at(0))).unwrap());
    let opened = keys.keyring.open::<seal::Session>(&access, at(0));
    secrets.are_not_shown_by("Unsealed", &opened);
    secrets.are_not_shown_by("Browser", &Browser::new(Some(&visitor.id), visitor.session.as_deref()));
}

#[tokio::test]
async fn records_and_changes_show_no_secret() {
    let Walk { world, app, mut secrets, .. } = walk().await;
    let (flow, grant) = (world.flow().await, world.grant(&app).await);
    let session =
        world.store.session(flow.approval.as_ref().unwrap().session.unwrap(), Some(app.id)).await.unwrap().unwrap();
    let chain = grant.record.refresh.clone().unwrap();
    for salt in [&flow.salt, &grant.record.salt, &chain.current.salt, &session.session.salt] {
        secrets.keep_bytes(salt.expose());
    }
    let keys = world.store.keys().await.unwrap();
    keys.seal.iter().for_each(|key| secrets.keep_bytes(&key.sealed));
    keys.signing.iter().for_each(|key| secrets.keep_bytes(&key.sealed));

    let passwords = Passwords::new(1, Dice::new(1));
    let new = NewAccount { username: "local".to_owned(), password: PASSWORD.to_owned(), claims: Rest::new() };
    let account = accounts::create(&world.engine, &passwords, new, at(0)).await.unwrap();
    secrets.keep(account.password.as_deref().unwrap());

    secrets.are_not_shown_by("Flow", &flow);
    secrets.are_not_shown_by("Grant", &grant);
    secrets.are_not_shown_by("Session", &session);
    secrets.are_not_shown_by("Client", &world.store.client_by_id(app.id).await.unwrap());
    secrets.are_not_shown_by("Account", &account);
    secrets.are_not_shown_by("Keys", &keys);
    secrets.are_not_shown_by("User", &world.people.authenticate("somebody", PASSWORD, at(0)).await.unwrap());
    let changes = vec![
        Change::Insert(Editable::Account(Box::new(account))),
        Change::Insert(Editable::SealKey(Box::new(keys.seal[0].clone()))),
        Change::InsertFlow(Box::new(flow)),
        Change::InsertGrant(Box::new(grant.record)),
        Change::InsertSession(Box::new(session.session)),
    ];
    secrets.are_not_shown_by("Transaction", &Transaction { id: CommitId([0; 16]), changes });
}

#[tokio::test]
async fn refusals_and_faults_show_no_secret() {
    let Walk { world, app, secrets, visitor, code, access, refresh, pages } = walk().await;
    let other = world.app("other").await;
    let mut guesser = app.clone();
    guesser.credentials.secret = Some(refresh.clone());
    let mut failures: Vec<Failure> = Vec::new();
    for (asker, token) in [(&app, &access), (&app, &code), (&other, &refresh), (&guesser, &refresh)] {
        failures.extend(world.refresh(asker, token, at(1)).await.err());
        failures.extend(world.redeem(asker, token, at(1)).await.err());
    }
    failures.extend(world.revoke(&other, &refresh, at(1)).await.err());
    failures.extend(firman_engine::userinfo::userinfo(&world.engine, &refresh, "GET", None, at(1)).await.err());
    let Next::Consent(request) = &pages[1] else { panic!() };
    failures.extend(world.allow(&Visitor::new(&world), request, at(1)).await.err());
    failures.extend(world.allow(&visitor, &access, at(1)).await.err());
    let strange = Ask::new(&app, "openid").with("redirect_uri", format!("https://evil.example/{access}"));
    failures.extend(world.authorize(&visitor, &strange, at(1)).await.err());
    world.store.fail(Some(crate::support::Op::Grant));
    failures.extend(world.refresh(&app, &refresh, at(1)).await.err());
    assert!(failures.len() > 10, "{}", failures.len());
    for failure in &failures {
        secrets.are_not_shown_by("Failure", failure);
        secrets.are_not_in("Failure", &failure.to_string());
    }
}
