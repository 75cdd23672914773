//! The device authorization endpoint, and the page on which somebody types the code (RFC 8628).

mod page;

pub use page::{Entered, enter};

use firman_proto::client::GrantType;
use firman_proto::device::{DeviceRequest, DeviceResponse, shown};
use firman_proto::form::{self, Form};
use firman_proto::metadata::path;
use firman_proto::seal::{Device, Reference};
use firman_proto::time::{Lifetime, Timestamp};
use firman_store::record::{Flow, FlowRequest, FlowState, Name, Namespace, PolledRequest, Rest};
use firman_store::{Change, Commit};
use serde_json::Value;

use crate::Engine;
use crate::authenticate::AuthenticatedClient;
use crate::details;
use crate::failure::{Failure, Fault};
use crate::guesses::GuessLimits;
use crate::hooks::{self, Endpoint};
use crate::random;
use crate::target;

/// How often another code is tried where one is taken.
const TRIES: usize = 5;

/// The rules of the flow.
#[derive(Clone, Debug)]
pub struct DevicePolicy {
    /// Life of both codes.
    pub life: Lifetime,
    /// How long a device waits between two questions.
    pub interval: Lifetime,
    /// The characters of user codes.
    pub alphabet: firman_proto::device::Alphabet,
    /// How many of them make a user code.
    pub length: usize,
    /// How many wrong user codes are looked up.
    pub guesses: GuessLimits,
}

impl Default for DevicePolicy {
    fn default() -> Self {
        Self {
            life: Lifetime::from_seconds(600),
            interval: Lifetime::from_seconds(5),
            alphabet: firman_proto::device::Alphabet::default(),
            length: 8,
            guesses: GuessLimits { each: 10, all: 1000 },
        }
    }
}

/// Begins a flow and gives the codes (RFC 8628 §3.1, §3.2).
pub async fn authorize(
    engine: &Engine,
    client: &AuthenticatedClient,
    form: &Form<'_>,
    now: Timestamp,
) -> Result<DeviceResponse, Failure> {
    hooks::before(engine, Endpoint::DeviceAuthorization, client.record()).await?;
    client.must_be_allowed(GrantType::DeviceCode)?;
    let asked = DeviceRequest::parse(form, &client.record().metadata)?;
    let (resource, scope) = target::requested(engine, client.record(), &asked.resource, &asked.scope).await?;
    let request = DeviceRequest { scope, resource };
    let details = details::asked(engine, client.record(), form)?;
    for _ in 0..TRIES {
        let flow = new_flow(engine, client, (&request, details.as_ref()), now)?;
        let code = user_code(engine)?;
        let response = response(engine, &flow, &code, now);
        let digest = Name::digest(engine.number, Namespace::UserCode, &code);
        let name = Name { namespace: Namespace::UserCode, digest, id: flow.id, expires_at: flow.expires_at };
        let changes = vec![Change::TakeName { name, now }, Change::InsertFlow(Box::new(flow))];
        if engine.commit(changes).await? == Commit::Done {
            return Ok(response);
        }
    }
    Err(Fault::temporary("begin a device flow", "every user code that was drawn is taken").into())
}

fn new_flow(
    engine: &Engine,
    client: &AuthenticatedClient,
    (request, details): (&DeviceRequest, Option<&Value>),
    now: Timestamp,
) -> Result<Flow, Failure> {
    Ok(Flow {
        id: random::record_id(&*engine.entropy, now)?,
        issuer: engine.number,
        client: client.record().id,
        request: FlowRequest::Device(PolledRequest {
            scope: request.scope.clone(),
            resource: request.resource.clone(),
            authorization_details: details.cloned(),
            dpop_jkt: None,
            acr_values: Vec::new(),
            login_hint: None,
            binding_message: None,
            interval: engine.policy.device.interval,
            polled_at: None,
        }),
        approval: None,
        state: FlowState::Pending,
        misses: 0,
        salt: random::salt(&*engine.entropy)?,
        expires_at: now.plus(engine.policy.device.life),
        certificate_thumbprint: None,
        upstream: None,
        rest: Rest::new(),
    })
}

/// Characters drawn at random, each as likely as every other.
fn user_code(engine: &Engine) -> Result<String, Fault> {
    let policy = &engine.policy.device;
    let mut code = String::with_capacity(policy.length);
    while code.len() < policy.length {
        let random: [u8; 16] = random::bytes(&*engine.entropy)?;
        let left = policy.length - code.len();
        code.extend(random.iter().filter_map(|byte| policy.alphabet.pick(*byte)).take(left));
    }
    Ok(code)
}

fn response(engine: &Engine, flow: &Flow, code: &str, now: Timestamp) -> DeviceResponse {
    let (policy, user_code) = (&engine.policy.device, shown(code));
    let reference =
        Reference { record: flow.id, serial: 0, issued_at: now, expires_at: Some(flow.expires_at), salt: &flow.salt };
    let verification_uri = engine.issuer.endpoint(path::DEVICE);
    let mut complete = format!("{verification_uri}?");
    form::append(&mut complete, "user_code", &user_code);
    DeviceResponse {
        device_code: engine.keys.current().keyring.seal::<Device>(&reference).reveal().to_owned(),
        user_code,
        verification_uri,
        verification_uri_complete: complete,
        expires_in: policy.life.seconds(),
        interval: policy.interval.seconds(),
    }
}
