//! `firman token`.

use std::io::Read as _;

use clap::{Args, Subcommand};
use firman_client::flow::discovery::First;
use firman_client::flow::token::TokenType;
use firman_client::manager::{Held, Need, Who};
use firman_client::secret::Secret;
use firman_engine::admin::tokens::{self, TokenReport};
use firman_engine::{Clock as _, SystemClock};
use firman_proto::scope::Scope;
use firman_proto::seal::{Caveat, PathPrefix, Seconds, Words, attenuate};
use firman_proto::time::Timestamp;
use http::{HeaderName, HeaderValue, Method};
use serde_json::json;
use zeroize::Zeroizing;

use super::Common;
use super::held::{self, Means, Place, SignIn, Which};
use super::output::{Failed, Printer};
use crate::start::Running;

pub(super) const AFTER_HELP: &str = "\
Without a subcommand it prints an access token that is good now, of whoever signed in with `firman login`: for scripts, any number
of them at once. The first that needs a new one gets it, and the others wait for that.

  curl -H \"Authorization: Bearer $(firman token)\" https://api.example/
  firman token --scope books.read --issuer https://login.example
  curl -H @<(firman token --for GET https://api.example/) https://api.example/    where it is bound to a key
  firman token --own --issuer https://login.example --client-id job --client-key job.pem
  firman token attenuate --scope books.read --path /v1/books --before 10m

A key signs an assertion for each request and does not travel (private_key_jwt). Make one with
`openssl genpkey -algorithm ed25519 -out job.pem`, or with `-algorithm ec -pkeyopt ec_paramgen_curve:P-256`, and register its public
half with the client (jwks); a name that it has there (kid) is told by --client-key-id.

Exit code 5: somebody must sign in again, or allow more. 6: the network or the server; try again.";

/// Print a fresh access token; weaken, explain or end one.
#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, after_help = AFTER_HELP)]
pub(super) struct Token {
    #[command(subcommand)]
    command: Option<Work>,
    #[command(flatten)]
    fresh: Fresh,
}

#[derive(Subcommand)]
enum Work {
    Attenuate(Box<Attenuate>),
    /// Explain an access or refresh token of this server.
    Inspect {
        /// The token, or - to read it from standard input, where nobody else sees it.
        token: String,
    },
    /// Make a token dead: an access token alone, a refresh token with its whole grant.
    Revoke {
        /// The token, or - to read it from standard input.
        token: String,
    },
}

/// The names and values of headers.
type Headers = Vec<(String, String)>;

#[derive(Args)]
struct Fresh {
    #[command(flatten)]
    which: Which,
    /// What it must be good for, separated by spaces.
    #[arg(long)]
    scope: Option<String>,
    /// The resource server that it is for; may be repeated.
    #[arg(long, value_name = "URI")]
    resource: Vec<String>,
    /// A token that will not do, because a server has refused it, or - to read it from standard input.
    #[arg(long, value_name = "TOKEN", allow_hyphen_values = true)]
    not: Option<String>,
    /// Print the headers of a request that presents the token: with a proof, where it is bound to a key (DPoP). Good for this request,
    /// and for a minute.
    #[arg(long = "for", num_args = 2, value_names = ["METHOD", "URL"])]
    request: Option<Vec<String>>,
    /// What the resource server wants to find in the proof: the DPoP-Nonce of its last answer.
    #[arg(long, requires = "request", allow_hyphen_values = true)]
    nonce: Option<String>,
    /// The client's own token (client credentials), with the secret in FIRMAN_CLIENT_SECRET, a key or a certificate.
    #[arg(long, requires = "issuer", requires = "client_id", conflicts_with = "subject")]
    own: bool,
    /// Bind the client's own tokens to a key (DPoP), which is made once and kept beside them: nobody else can use them.
    #[arg(long, requires = "own")]
    dpop: bool,
    #[command(flatten)]
    means: Means,
    #[command(flatten)]
    place: Place,
}

/// Weaken a token, offline: what it is good for is what it was, and no more than is said here.
#[derive(Args)]
struct Attenuate {
    /// The token, or - to read it from standard input; without it the one that `firman token` prints.
    token: Option<String>,
    /// No scope but these, separated by spaces.
    #[arg(long)]
    scope: Option<String>,
    /// No path but this and what lies below it.
    #[arg(long)]
    path: Option<String>,
    /// No HTTP methods but these, separated by spaces.
    #[arg(long)]
    method: Option<String>,
    /// No resource servers but these, separated by spaces.
    #[arg(long, value_name = "URI")]
    audience: Option<String>,
    /// Not after so long (90s, 10m, 2h, 1d) or at this Unix time.
    #[arg(long, value_name = "TIME")]
    before: Option<String>,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    place: Place,
}

impl Token {
    /// Whether it is a client's work, and not a server's.
    pub(super) fn is_of_a_client(&self) -> bool {
        matches!(self.command, None | Some(Work::Attenuate(_)))
    }

    pub(super) async fn run_as_client(self, common: &Common, printer: Printer) -> Result<(), Failed> {
        if let Some(Work::Attenuate(attenuate)) = self.command {
            return attenuate.run(common, printer).await;
        }
        let (held, presented) = self.fresh.token(common).await?;
        let mut shown = json!({
            "access_token": held.token.reveal(), "token_type": held.token_type.as_str(), "scope": held.facts.scope,
            "expires_at": held.facts.exp, "subject": held.facts.sub, "issuer": held.issuer,
        });
        if let Some(headers) = presented {
            let lines: Vec<_> = headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
            shown.as_object_mut().map(|shown| shown.insert("headers".to_owned(), headers.into_iter().collect()));
            return printer.done(&shown, || lines.join("\n"));
        }
        if held.token_type == TokenType::Dpop {
            printer.note("It is bound to a key, and goes with a proof: `firman token --for METHOD URL` prints both.");
        }
        printer.done(&shown, || held.token.reveal().to_owned())
    }

    pub(super) async fn run(self, running: &Running, printer: Printer) -> Result<(), Failed> {
        let (engine, now) = (&running.engine, running.now());
        let report = match self.command {
            Some(Work::Inspect { token }) => tokens::inspect(engine, &given(token)?, now).await?,
            Some(Work::Revoke { token }) => tokens::revoke(engine, &given(token)?, now).await?,
            Some(Work::Attenuate(_)) | None => return Ok(()),
        };
        printer.done(&report, || describe(&report))
    }
}

impl Fresh {
    /// The token, and the headers that present it, where they are wanted.
    async fn token(self, common: &Common) -> Result<(Held, Option<Headers>), Failed> {
        let keeper = self.place.open(common)?;
        let sign_in = match (self.own, self.which.issuer.clone(), self.which.client_id.clone()) {
            (true, ..) if !self.means.has_proof() => {
                let text = "--own: give the client's secret in FIRMAN_CLIENT_SECRET, --client-key or --certificate";
                return Err(Failed::refused(text));
            }
            (true, Some(issuer), Some(client_id)) => {
                let mut own = SignIn { issuer, client_id, means: self.means, ..SignIn::default() };
                if self.dpop {
                    own.bind_once(&keeper).await?;
                }
                own
            }
            _ => self.which.find(&keeper).await?,
        };
        let scope = self.scope.as_deref().map(Scope::parse).transpose();
        let scope = scope.map_err(|error| Failed::refused(error.to_string()))?;
        let not = self.not.map(given).transpose()?.map(|token| Secret::new(token.as_str()));
        let need = Need {
            scope,
            resource: self.resource,
            not,
            ..Need::of(if self.own { Who::Client } else { sign_in.who() })
        };
        let manager = held::manager(&keeper, &sign_in)?;
        let mut desk = sign_in.unasked()?;
        // Most often nobody has to be asked, not even where the server is.
        let held = if let Some(held) = manager.kept(&desk, &need).await? {
            held
        } else {
            desk = sign_in.at(manager.wire().server(&sign_in.issuer, First::OpenId).await?)?;
            manager.get(&desk, &need).await?
        };
        let Some([method, url]) = self.request.as_deref() else { return Ok((held, None)) };
        let method = Method::from_bytes(method.as_bytes()).map_err(|_| Failed::refused("--for: this is no method"))?;
        let shown = (&held.token, held.token_type);
        let headers = manager.wire().present(&desk, shown, (method, url), self.nonce.as_deref())?;
        let text =
            |(name, value): (&HeaderName, &HeaderValue)| Some((name.to_string(), value.to_str().ok()?.to_owned()));
        let headers = headers.iter().filter_map(text).collect();
        Ok((held, Some(headers)))
    }
}

impl Attenuate {
    async fn run(self, common: &Common, printer: Printer) -> Result<(), Failed> {
        let caveats = self.caveats(SystemClock.now())?;
        let mut token = if let Some(token) = self.token {
            given(token)?
        } else {
            let keeper = self.place.open(common)?;
            let sign_in = self.which.find(&keeper).await?;
            let manager = held::manager(&keeper, &sign_in)?;
            let kept = manager.kept(&sign_in.unasked()?, &Need::of(sign_in.who())).await?;
            let kept =
                kept.ok_or_else(|| Failed::not_found("no token is kept that is good now: `firman token` gets one"))?;
            Zeroizing::new(kept.token.reveal().to_owned())
        };
        for caveat in &caveats {
            token = Zeroizing::new(attenuate(&token, caveat).map_err(|error| Failed::refused(error.to_string()))?);
        }
        let texts: Vec<_> = caveats.iter().map(ToString::to_string).collect();
        printer.done(&json!({"access_token": *token, "caveats": texts}), || token.to_string())
    }

    fn caveats(&self, now: Timestamp) -> Result<Vec<Caveat>, Failed> {
        let wrong = |name: &str| Failed::refused(format!("--{name}: this cannot be a condition on a token"));
        let words = |text: &str, name| Words::new(text.split_whitespace()).ok_or_else(|| wrong(name));
        let mut caveats = Vec::new();
        if let Some(scope) = &self.scope {
            caveats.push(Caveat::Scope(Scope::parse(scope).map_err(|error| Failed::refused(error.to_string()))?));
        }
        if let Some(path) = &self.path {
            caveats.push(Caveat::Path(PathPrefix::parse(path).ok_or_else(|| wrong("path"))?));
        }
        if let Some(method) = &self.method {
            caveats.push(Caveat::Method(words(method, "method")?));
        }
        if let Some(audience) = &self.audience {
            caveats.push(Caveat::Audience(words(audience, "audience")?));
        }
        if let Some(before) = &self.before {
            caveats.push(Caveat::Before(Seconds::of(end(before, now).ok_or_else(|| wrong("before"))?)));
        }
        if caveats.is_empty() {
            return Err(Failed::refused("give at least one of --scope, --path, --method, --audience and --before"));
        }
        Ok(caveats)
    }
}

/// The end that somebody gives: so long from now, or a Unix time.
fn end(text: &str, now: Timestamp) -> Option<Timestamp> {
    let units = [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400)];
    let unit = units.iter().find_map(|(letter, seconds)| text.strip_suffix(*letter).map(|number| (number, *seconds)));
    let Some((number, seconds)) = unit else { return text.parse().ok().map(Timestamp::from_seconds) };
    let span = number.parse::<u32>().ok().map(|number| i64::from(number).saturating_mul(seconds))?;
    Some(now.plus(firman_proto::time::Lifetime::from_seconds(span)))
}

fn given(token: String) -> Result<Zeroizing<String>, Failed> {
    let mut token = Zeroizing::new(token);
    if *token == "-" {
        token.clear();
        std::io::stdin()
            .read_to_string(&mut token)
            .map_err(|error| Failed::broke(format!("standard input: {error}")))?;
    }
    Ok(Zeroizing::new(token.trim().to_owned()))
}

fn describe(report: &TokenReport) -> String {
    let state = report.why.map_or_else(|| "live".to_owned(), |why| format!("dead: {why}"));
    let ends = report.expires_at.map_or_else(|| "when its grant ends".to_owned(), |end| end.to_string());
    let caveats = if report.caveats.is_empty() { "none".to_owned() } else { report.caveats.join("; ") };
    format!(
        "{}, {state}\ngrant      {}\nserial     {}\nissued at  {}\nexpires    {ends}\nseal key   {}\ncaveats    {caveats}",
        report.kind, report.grant, report.serial, report.issued_at, report.seal_key
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_so_long_from_now_or_a_time() {
        let now = Timestamp::from_seconds(1_795_000_000);
        let of = |text| end(text, now).map(Timestamp::seconds);
        assert_eq!((of("90s"), of("10m")), (Some(1_795_000_090), Some(1_795_000_600)));
        assert_eq!((of("2h"), of("1d")), (Some(1_795_007_200), Some(1_795_086_400)));
        assert_eq!(of("1800000000"), Some(1_800_000_000));
        for wrong in ["", "m", "10w", "-5m", "soon"] {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }
}
