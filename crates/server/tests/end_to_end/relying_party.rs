//! The crates `openidconnect` and `oauth2`, which nobody here wrote, as clients.

use std::cell::Cell;

use oauth2::basic::BasicClient;
use oauth2::{DeviceAuthorizationUrl, StandardDeviceAuthorizationResponse, TokenUrl};
use openidconnect::core::{CoreClient, CoreProviderMetadata, CoreResponseType, CoreUserInfoClaims};
use openidconnect::{
    AccessTokenHash, AuthenticationFlow, AuthorizationCode, ClientId, ClientSecret, CsrfToken, HttpRequest,
    HttpResponse, IntrospectionUrl, IssuerUrl, Nonce, OAuth2TokenResponse as _, PkceCodeChallenge, RedirectUrl,
    RevocationUrl, Scope, SyncHttpClient, TokenIntrospectionResponse as _, TokenResponse as _,
};

use url::Url;

use crate::device::connect;
use crate::support::browser::{AuthorizationRequest, parameter};
use crate::support::http::Http;
use crate::support::server::Server;

#[test]
fn the_openidconnect_crate_signs_a_person_in() {
    let server = Server::start("relying-party");
    let (ready, wire) = (&server.ready, Wire(server.http.clone()));
    let issuer = IssuerUrl::new(ready.issuer.clone()).unwrap();
    let metadata = CoreProviderMetadata::discover(&issuer, &wire).unwrap();
    let (id, secret) = (ClientId::new(ready.client_id.clone()), ClientSecret::new(ready.client_secret.clone()));
    // The crate insists on https for revocation, loopback or not: `Wire` takes it off again.
    let revocation = server.url("/oauth2/revoke").replacen("http:", "https:", 1);
    let client = CoreClient::from_provider_metadata(metadata, id, Some(secret))
        .set_redirect_uri(RedirectUrl::new(ready.redirect_uri.clone()).unwrap())
        .set_introspection_url(IntrospectionUrl::new(server.url("/oauth2/introspect")).unwrap())
        .set_revocation_url(RevocationUrl::new(revocation).unwrap());

    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let flow = AuthenticationFlow::<CoreResponseType>::AuthorizationCode;
    let (url, state, nonce) = client
        .authorize_url(flow, CsrfToken::new_random, Nonce::new_random)
        .add_scopes(["profile", "email", "offline_access"].map(|scope| Scope::new(scope.to_owned())))
        .set_pkce_challenge(challenge)
        .url();
    let callback = server.browser().authorize(&AuthorizationRequest { url, ..AuthorizationRequest::new(&server) });
    assert_eq!(parameter(&callback, "state").as_ref(), Some(state.secret()));

    let code = AuthorizationCode::new(parameter(&callback, "code").unwrap());
    let tokens = client.exchange_code(code).unwrap().set_pkce_verifier(verifier).request(&wire).unwrap();
    let (id_token, checker) = (tokens.id_token().unwrap(), client.id_token_verifier());
    let claims = id_token.claims(&checker, &nonce).unwrap();
    let expected = AccessTokenHash::from_token(
        tokens.access_token(),
        id_token.signing_alg().unwrap(),
        id_token.signing_key(&checker).unwrap(),
    );
    assert_eq!(claims.access_token_hash(), Some(&expected.unwrap()));

    let subject = claims.subject().clone();
    let user: CoreUserInfoClaims =
        client.user_info(tokens.access_token().clone(), Some(subject.clone())).unwrap().request(&wire).unwrap();
    assert!(user.email().is_some() && user.name().is_some());

    let renewed = client.exchange_refresh_token(tokens.refresh_token().unwrap()).unwrap().request(&wire).unwrap();
    if let Some(id_token) = renewed.id_token() {
        // OpenID Connect Core §12.2: the same person, and no nonce of the first request.
        let again = id_token.claims(&checker, |_: Option<&Nonce>| Ok(())).unwrap();
        assert_eq!(again.subject(), &subject);
    }
    assert!(client.introspect(renewed.access_token()).request(&wire).unwrap().active());

    let refresh = renewed.refresh_token().unwrap().clone();
    client.revoke_token(refresh.into()).unwrap().request(&wire).unwrap();
    assert!(!client.introspect(renewed.access_token()).request(&wire).unwrap().active());
}

#[test]
fn the_oauth2_crate_waits_for_a_device_introspects_and_revokes() {
    let server = Server::start("oauth2-crate");
    let (ready, wire) = (&server.ready, Wire(server.http.clone()));
    let revocation = server.url("/oauth2/revoke").replacen("http:", "https:", 1);
    let client = BasicClient::new(oauth2::ClientId::new(ready.client_id.clone()))
        .set_client_secret(oauth2::ClientSecret::new(ready.client_secret.clone()))
        .set_device_authorization_url(DeviceAuthorizationUrl::new(server.url("/oauth2/device_authorization")).unwrap())
        .set_token_uri(TokenUrl::new(server.url("/oauth2/token")).unwrap())
        .set_introspection_url(oauth2::IntrospectionUrl::new(server.url("/oauth2/introspect")).unwrap())
        .set_revocation_url(oauth2::RevocationUrl::new(revocation).unwrap());
    let scopes = ["profile", "offline_access"].map(|scope| oauth2::Scope::new(scope.to_owned()));
    let details: StandardDeviceAuthorizationResponse =
        client.exchange_device_code().add_scopes(scopes).request(&wire).unwrap();

    // While the device waits for the first time, somebody says yes.
    let address = Url::parse(details.verification_uri_complete().unwrap().secret()).unwrap();
    let waited = Cell::new(false);
    let wait = |_| {
        if !waited.replace(true) {
            let mut browser = server.browser();
            assert_eq!(connect(&server, &mut browser, &address, "consent-allow").path(), "/device/allowed");
        }
    };
    let tokens = client.exchange_device_access_token(&details).request(&wire, wait, None).unwrap();
    assert!(client.introspect(tokens.access_token()).request(&wire).unwrap().active());
    let refresh = tokens.refresh_token().unwrap();
    let renewed = client.exchange_refresh_token(refresh).request(&wire).unwrap();
    client.revoke_token(renewed.refresh_token().unwrap().into()).unwrap().request(&wire).unwrap();
    assert!(!client.introspect(renewed.access_token()).request(&wire).unwrap().active());
}

/// Our HTTP client, as the crates want it.
struct Wire(Http);

impl SyncHttpClient for Wire {
    type Error = ureq::Error;

    fn call(&self, mut request: HttpRequest) -> Result<HttpResponse, Self::Error> {
        let plain = request.uri().to_string().replacen("https:", "http:", 1);
        *request.uri_mut() = plain.parse().unwrap();
        let answer = self.0.try_send(request)?;
        let mut response = HttpResponse::new(answer.body.into_bytes());
        *response.status_mut() = answer.status.try_into().unwrap();
        *response.headers_mut() = answer.headers;
        Ok(response)
    }
}
