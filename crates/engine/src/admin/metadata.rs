//! What a client may register, whoever registers it (RFC 7591 §2): nothing that this server would not keep to.

use firman_proto::client::{ClientMetadata, GrantType};
use firman_proto::credentials::AuthMethod;
use firman_proto::error::{Denied, invalid_request};
use firman_proto::jose::{Alg, Jwks};
use firman_proto::jws::Algorithm;
use firman_proto::redirect_uri::{RedirectUri, RedirectUriError};
use firman_proto::request_object::LONGEST_URI;
use firman_proto::response::ResponseType;
use firman_proto::third_party::is_initiate_login_uri;
use serde_json::Value;

use crate::Engine;
use crate::authenticate::registered_name;
use crate::encrypt::{OURS, Registered};

/// More addresses of request objects than any client has.
const MOST_REQUEST_URIS: usize = 64;
/// More addresses to go to after signing out than any client has.
const MOST_LOGOUT_URIS: usize = 64;

/// Refuses metadata of which something would not be kept to, or something else is missing.
pub(crate) fn check(engine: &Engine, metadata: &ClientMetadata) -> Result<(), Denied> {
    // RFC 7591 §2: redirection-based flows need registered redirect URIs.
    let redirected = [GrantType::AuthorizationCode, GrantType::Implicit];
    if metadata.redirect_uris.is_empty() && redirected.into_iter().any(|grant_type| metadata.may_use(grant_type)) {
        return Err(invalid_request("redirect_uris: authorization_code and implicit need at least one"));
    }
    let schemes = &engine.policy.redirect_schemes;
    let is_allowed = |uri: &RedirectUri| schemes.is_empty() || schemes.iter().any(|scheme| scheme == uri.scheme());
    if !metadata.redirect_uris.iter().all(is_allowed) {
        return Err(invalid_request(format!("redirect_uris: this server takes only {}", schemes.join(", "))));
    }
    check_grant_types(engine, metadata)?;
    check_backchannel(metadata)?;
    check_authentication(engine, metadata)?;
    check_answers(engine, metadata)?;
    check_requests(metadata)?;
    check_logout(metadata)?;
    // RFC 9396 §10: types that this server knows.
    if let Some(name) = metadata.authorization_details_types.iter().find(|name| !engine.policy.details.contain(name)) {
        return Err(invalid_request(format!("authorization_details_types: this server has no type {name}")));
    }
    // RFC 6749 §4.4: client credentials are for confidential clients.
    if metadata.is_public() && metadata.may_use(GrantType::ClientCredentials) {
        return Err(invalid_request("grant_types: client_credentials needs a client with a secret"));
    }
    Ok(())
}

/// What settings have left off is registered by nobody.
fn check_grant_types(engine: &Engine, metadata: &ClientMetadata) -> Result<(), Denied> {
    let works = |asked: &GrantType| engine.policy.grant_types().any(|works| works == *asked);
    match metadata.grant_types.iter().find(|asked| !works(asked)) {
        None => Ok(()),
        Some(off) => Err(invalid_request(format!("grant_types: {} is off in this server's settings", off.as_str()))),
    }
}

/// OpenID Connect CIBA Core §4: answers are polled for, by clients that authenticate.
fn check_backchannel(metadata: &ClientMetadata) -> Result<(), Denied> {
    let asked = &metadata.backchannel;
    if asked.backchannel_token_delivery_mode.as_deref().is_some_and(|mode| mode != "poll") {
        return Err(invalid_request("backchannel_token_delivery_mode: only poll is done here"));
    }
    if asked.backchannel_user_code_parameter {
        return Err(invalid_request("backchannel_user_code_parameter: this server does not do that"));
    }
    let alg = asked.backchannel_authentication_request_signing_alg.as_deref();
    if alg.is_some_and(|name| !Alg::parse(name).is_some_and(|alg| Alg::PUBLIC.contains(&alg))) {
        return Err(invalid_request("backchannel_authentication_request_signing_alg: an algorithm of a public key"));
    }
    if alg.is_some() && metadata.jwks.is_none() && metadata.jwks_uri.is_none() {
        return Err(invalid_request("jwks: signed requests need a key that can be used, here or at jwks_uri"));
    }
    if metadata.is_public() && metadata.may_use(GrantType::Backchannel) {
        return Err(invalid_request("grant_types: ciba needs a client that authenticates"));
    }
    Ok(())
}

/// What the registered method needs is registered too.
fn check_authentication(engine: &Engine, metadata: &ClientMetadata) -> Result<(), Denied> {
    let method = metadata.token_endpoint_auth_method;
    if !engine.policy.auth_methods().any(|offered| offered == method) {
        return Err(invalid_request("token_endpoint_auth_method: not offered by this server's settings"));
    }
    // RFC 7591 §2: not both.
    let keys = match (&metadata.jwks, &metadata.jwks_uri) {
        (Some(_), Some(_)) => return Err(invalid_request("jwks: not beside jwks_uri")),
        (Some(Value::Object(set)), None) => {
            Jwks::from_object(set).map_err(|why| invalid_request(format!("jwks: {why}")))?.keys().len()
        }
        (Some(_), None) => return Err(invalid_request("jwks: not a JWK set")),
        (None, Some(uri)) if uri.starts_with("https://") || uri.starts_with("http://") => 1,
        (None, Some(_)) => return Err(invalid_request("jwks_uri: not an address")),
        (None, None) => 0,
    };
    match method {
        AuthMethod::PrivateKeyJwt | AuthMethod::SelfSignedTlsClientAuth if keys == 0 => {
            Err(invalid_request(format!("jwks: {} needs a key that can be used, here or at jwks_uri", method.as_str())))
        }
        // RFC 8705 §2.1.2: exactly one.
        AuthMethod::TlsClientAuth if registered_name(metadata).is_none() => {
            Err(invalid_request("tls_client_auth_subject_dn: tls_client_auth needs one name of the certificate"))
        }
        _ => Ok(()),
    }
}

/// RFC 7591 §3.2.2: what this server does not do is refused, not silently left undone.
fn check_answers(engine: &Engine, metadata: &ClientMetadata) -> Result<(), Denied> {
    let jose = &metadata.jose;
    check_encryption(metadata)?;
    // OpenID Connect Registration §2.
    if metadata.subject_type.as_deref().is_some_and(|of| of != "public" && of != "pairwise") {
        return Err(invalid_request("subject_type: public or pairwise"));
    }
    // OpenID Connect Core §4: where others begin a sign-in is https.
    if metadata.about.initiate_login_uri.as_deref().is_some_and(|uri| !is_initiate_login_uri(uri)) {
        return Err(invalid_request("initiate_login_uri: must be an https address"));
    }
    if metadata.about.application_type.as_deref().is_some_and(|of| of != "web" && of != "native") {
        return Err(invalid_request("application_type: web or native"));
    }
    if metadata.response_types.iter().any(|of| ResponseType::parse(of).is_none()) {
        return Err(invalid_request("response_types: known are code, none, token, id_token and their combinations"));
    }
    let has_key = |name: &str| Algorithm::parse(name).is_some_and(|of| engine.key_policy.algorithms.contains(&of));
    // JARM §3, RFC 9701 §6.
    let signed = [
        ("authorization_signed_response_alg", &jose.authorization_signed_response_alg),
        ("introspection_signed_response_alg", &jose.introspection_signed_response_alg),
        ("userinfo_signed_response_alg", &jose.userinfo_signed_response_alg),
    ];
    if let Some((name, _)) = signed.into_iter().find(|(_, alg)| alg.as_deref().is_some_and(|alg| !has_key(alg))) {
        return Err(invalid_request(format!("{name}: this server has no such key")));
    }
    Ok(())
}

/// OpenID Connect Registration §2: what is encrypted for a client needs keys of its own; what it encrypts for us needs ours.
fn check_encryption(metadata: &ClientMetadata) -> Result<(), Denied> {
    let has_keys = metadata.jwks.is_some() || metadata.jwks_uri.is_some();
    let answers = [
        Registered::id_token(metadata),
        Registered::userinfo(metadata),
        Registered::introspection(metadata),
        Registered::authorization(metadata),
    ];
    for registered in answers {
        let Some(how) = registered.read()? else { continue };
        let missing =
            || invalid_request(format!("{}_alg: needs a key for it, in jwks or at jwks_uri", registered.name));
        match &metadata.jwks {
            Some(Value::Object(set)) => {
                let keys = Jwks::from_object(set).map_err(|why| invalid_request(format!("jwks: {why}")))?;
                keys.encryption_key(how.alg).map_err(|_| missing())?;
            }
            _ if !has_keys => return Err(missing()),
            _ => {}
        }
    }
    // Our own keys are on a curve.
    match Registered::request_object(metadata).read()? {
        Some(how) if !OURS.contains(&how.alg) => {
            Err(invalid_request("request_object_encryption_alg: this server has no such key"))
        }
        _ => Ok(()),
    }
}

/// RFC 9101 §5.2, §10.5: request objects need keys that verify them, and addresses that can be fetched.
fn check_requests(metadata: &ClientMetadata) -> Result<(), Denied> {
    let algorithm = metadata.jose.request_object_signing_alg.as_deref();
    if algorithm.is_some_and(|name| !Alg::parse(name).is_some_and(|alg| Alg::PUBLIC.contains(&alg))) {
        return Err(invalid_request("request_object_signing_alg: must be an algorithm of a public key"));
    }
    let has_keys = metadata.jwks.is_some() || metadata.jwks_uri.is_some();
    if metadata.require_signed_request_object && !has_keys {
        return Err(invalid_request("require_signed_request_object: needs keys, by jwks or jwks_uri"));
    }
    if metadata.request_uris.len() > MOST_REQUEST_URIS || !metadata.request_uris.iter().all(|uri| is_address(uri)) {
        return Err(invalid_request("request_uris: at most 64 addresses of at most 512 bytes"));
    }
    Ok(())
}

/// Where the browser goes when somebody has signed out.
fn check_logout(metadata: &ClientMetadata) -> Result<(), Denied> {
    let logout = &metadata.logout;
    if logout.post_logout_redirect_uris.len() > MOST_LOGOUT_URIS {
        return Err(invalid_request("post_logout_redirect_uris: at most 64"));
    }
    // OpenID Connect RP-Initiated Logout §3.1: as strict as redirect URIs.
    let wrong = logout.post_logout_redirect_uris.iter().find_map(|uri| RedirectUri::parse(uri).err());
    if let Some(error) = wrong {
        return Err(of_member("post_logout_redirect_uris", error));
    }
    if let Some(uri) = &logout.frontchannel_logout_uri {
        let uri = RedirectUri::parse(uri).map_err(|error| of_member("frontchannel_logout_uri", error))?;
        let origin = uri.origin();
        // OpenID Connect Front-Channel Logout §2: of the same scheme, domain and port as one of its redirect URIs.
        let own = metadata.redirect_uris.iter().any(|own| origin.is_some() && own.origin() == origin);
        if !own {
            let text = "frontchannel_logout_uri: must have scheme, host and port of one of redirect_uris";
            return Err(invalid_request(text));
        }
    }
    // OpenID Connect Back-Channel Logout §2.2: an absolute URI without a fragment; plain http is for the networks of settings.
    let legal = |uri: &String| is_address(uri) && !uri.contains('#');
    if !logout.backchannel_logout_uri.iter().all(legal) {
        return Err(invalid_request("backchannel_logout_uri: must be an https address without a fragment"));
    }
    Ok(())
}

fn is_address(uri: &str) -> bool {
    uri.len() <= LONGEST_URI && (uri.starts_with("https://") || uri.starts_with("http://")) && uri.is_ascii()
}

fn of_member(name: &str, error: RedirectUriError) -> Denied {
    let text = error.to_string();
    invalid_request(format!("{name}: {}", text.strip_prefix("redirect_uri: ").unwrap_or(&text)))
}
