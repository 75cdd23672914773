//! What devices and the people with them ask (RFC 8628).

use super::{form, get, hidden, next, sign_in_and_decide};
use crate::world::{Ask, World};

/// What a device is told.
struct Codes {
    device: String,
    user: String,
}

pub(super) async fn begin(world: &World) -> Ask {
    form("/oauth2/device_authorization", world.basic(), &[("scope", "openid profile offline_access")])
}

async fn codes(world: &World) -> Codes {
    let answer: serde_json::Value = serde_json::from_str(&world.send(&begin(world).await).await.body).unwrap();
    let text = |name: &str| answer[name].as_str().unwrap().to_owned();
    let codes = Codes { device: text("device_code"), user: text("user_code") };
    world.keep_secret(&codes.device);
    codes
}

async fn with_code(world: &World, code: &str) -> Ask {
    let mut ask = get("/device");
    world.browse(&ask).await;
    ask.headers.push(world.cookie());
    let csrf = hidden(&world.browse(&ask).await.body, "csrf");
    form("/device", world.cookie(), &[("csrf", &csrf), ("user_code", code)])
}

pub(super) async fn typed(world: &World) -> Ask {
    let codes = codes(world).await;
    with_code(world, &codes.user).await
}

pub(super) async fn unknown(world: &World) -> Ask {
    with_code(world, "BCDF-GHJK").await
}

async fn decide(world: &World, codes: &Codes, decision: &str) -> Ask {
    let ask = with_code(world, &codes.user).await;
    let reply = world.browse(&ask).await;
    let login = next(world, &reply);
    sign_in_and_decide(world, login, decision).await
}

pub(super) async fn allow(world: &World) -> Ask {
    let codes = codes(world).await;
    decide(world, &codes, "allow").await
}

pub(super) async fn deny(world: &World) -> Ask {
    let codes = codes(world).await;
    decide(world, &codes, "deny").await
}

fn ask_for_tokens(world: &World, codes: &Codes) -> Ask {
    let grant_type = "urn:ietf:params:oauth:grant-type:device_code";
    form("/oauth2/token", world.basic(), &[("grant_type", grant_type), ("device_code", &codes.device)])
}

pub(super) async fn wait(world: &World) -> Ask {
    let codes = codes(world).await;
    ask_for_tokens(world, &codes)
}

pub(super) async fn redeem(world: &World) -> Ask {
    let codes = codes(world).await;
    let ask = decide(world, &codes, "allow").await;
    world.browse(&ask).await;
    ask_for_tokens(world, &codes)
}
