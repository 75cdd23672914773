//! `firman logout`: what was kept of a sign-in is forgotten here and ended there.

use clap::Args;
use firman_client::flow::discovery::First;
use firman_client::manager::FileKeeper;
use serde_json::json;

use super::Common;
use super::held::{self, Place, SignIn, Which};
use super::output::{Failed, Printer};

/// Forget the tokens of a sign-in, and make them dead at their server.
#[derive(Args)]
pub(super) struct Logout {
    #[command(flatten)]
    which: Which,
    /// Every sign-in that fits, and not the latest alone.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    place: Place,
}

impl Logout {
    pub(super) async fn run(self, common: &Common, printer: Printer) -> Result<(), Failed> {
        let keeper = self.place.open(common)?;
        let known = held::sign_ins(&keeper).await?.into_iter().filter(|known| self.which.fits(known));
        let leaving: Vec<_> = known.take(if self.all { usize::MAX } else { 1 }).collect();
        if leaving.is_empty() {
            return Err(Failed::not_found("nobody is signed in there"));
        }
        let mut names = Vec::new();
        let mut trouble = None;
        for sign_in in leaving {
            names.push(format!("{} at {}", sign_in.subject.as_deref().unwrap_or(&sign_in.client_id), sign_in.issuer));
            // What the server did not hear of is forgotten here all the same.
            if let Err(error) = end(&keeper, &sign_in).await {
                trouble.get_or_insert(error);
            }
            held::forget(&keeper, sign_in).await?;
        }
        if let Some(error) = trouble {
            return Err(error);
        }
        printer.done(&json!({"signed_out": names}), || format!("Signed out: {}", names.join(", ")))
    }
}

async fn end(keeper: &FileKeeper, sign_in: &SignIn) -> Result<(), Failed> {
    let manager = held::manager(keeper, sign_in)?;
    let server = manager.wire().server(&sign_in.issuer, First::OpenId).await.map_err(Failed::from);
    let (asked, unasked) = (server.and_then(|server| sign_in.at(server)), sign_in.unasked()?);
    let ended = manager.delete_all(asked.as_ref().unwrap_or(&unasked), &sign_in.who()).await;
    asked.and(ended.map_err(Failed::from))
}
