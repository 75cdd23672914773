//! A service that needs tokens of its own: `service ISSUER CLIENT_ID SCOPE`, with the secret on standard input.
//!
//! Run it as often as you like, at once or one after the other: the server is asked for one token while that is good.
#![allow(clippy::print_stdout, reason = "printing is what it does")]

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use firman_client::flow::discovery::First;
use firman_client::flow::party::Client;
use firman_client::manager::{FileKeeper, KeyPlace, Manager, Need, Settings, Who};
use firman_client::over_reqwest::OverReqwest;
use firman_client::wire::{Desk, Wire};
use firman_client::world::System;
use firman_proto::scope::Scope;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let mut word = || words.next().ok_or("service ISSUER CLIENT_ID SCOPE");
    let (issuer, client_id, scope) = (word()?, word()?, Scope::parse(&word()?)?);
    let mut secret = String::new();
    std::io::stdin().read_line(&mut secret)?;

    let transport = Arc::new(OverReqwest::new(reqwest::Client::builder())?);
    let wire = Arc::new(Wire::new(transport, Arc::new(System), Arc::new(System)));
    let keeper = FileKeeper::open(Path::new("service-tokens"), KeyPlace::Usual, (Arc::new(System), Arc::new(System)))?;
    let manager = Manager::new(Arc::clone(&wire), Arc::new(keeper), Settings::default());

    let server = wire.server(&issuer, First::OAuth).await?;
    let client = Client::with_secret(client_id, secret.trim_end().into(), &server);
    let desk = Desk { server, client, dpop: None };
    let need = Need { scope: Some(scope), ..Need::of(Who::Client) };
    println!("{}", manager.get(&desk, &need).await?.token.reveal());
    Ok(())
}
