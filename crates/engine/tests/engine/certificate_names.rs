//! Which certificate a client has registered: by the name in it.

use std::sync::Arc;

use firman_engine::admin::{AdminError, clients};
use firman_engine::authenticate::authenticate;
use firman_proto::certificate::Certificate;
use firman_proto::credentials::AuthMethod;
use firman_proto::error::ErrorCode::{InvalidClient, InvalidRequest};
use rcgen::{CertificateParams, DistinguishedName, DnType, DnValue, KeyPair, SanType};

use crate::support::{World, at, new_client, refused};

/// A certificate with a name of every kind, which somebody vouches for.
fn certificate_of_many_names() -> Arc<Certificate> {
    let mut params = CertificateParams::new([]).unwrap();
    params.distinguished_name = DistinguishedName::new();
    for (kind, value) in
        [(DnType::CountryName, "ZZ"), (DnType::OrganizationName, "Example, Inc."), (DnType::CommonName, "The client")]
    {
        params.distinguished_name.push(kind, value);
    }
    // Authorities put the same text into different kinds of strings.
    let printable = DnValue::PrintableString("Sales".try_into().unwrap());
    params.distinguished_name.push(DnType::OrganizationalUnitName, printable);
    params.subject_alt_names = vec![
        SanType::DnsName("Client.Example".try_into().unwrap()),
        SanType::URI("https://client.example/Path".try_into().unwrap()),
        SanType::Rfc822Name("Ops@client.example".try_into().unwrap()),
        SanType::IpAddress("192.0.2.7".parse().unwrap()),
        SanType::IpAddress("2001:db8::7".parse().unwrap()),
    ];
    let made = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
    Arc::new(Certificate::new(made.der(), true).unwrap())
}

// RFC 8705 §2.1, §2.1.2, RFC 4514 §2, RFC 5280 §4.2.1.6, §7.1, §7.2, §7.4, §7.5.
#[tokio::test]
async fn a_name_is_compared_as_its_kind_is() {
    let world = World::with(|parts| {
        (parts.policy.client_certificates, parts.policy.certificate_authorities) = (true, true);
    })
    .await;
    let shown = certificate_of_many_names();
    for (place, (member, value, good)) in [
        ("subject_dn", "OU=Sales,CN=The client,O=Example\\, Inc.,C=ZZ", true),
        ("subject_dn", "OU=sales,CN=The client,O=Example\\, Inc.,C=ZZ", false),
        ("subject_dn", "CN=The client,OU=Sales,O=Example\\, Inc.,C=ZZ", false),
        ("subject_dn", "CN=The client,O=Example\\, Inc.,C=ZZ", false),
        ("subject_dn", "C=ZZ,O=Example\\, Inc.,CN=The client,OU=Sales", false),
        ("subject_dn", "CN=The client", false),
        ("subject_dn", "CN=The client,O=Example,C=ZZ", false),
        ("subject_dn", "no name", false),
        ("san_dns", "client.EXAMPLE", true),
        ("san_dns", "example", false),
        ("san_dns", "*.example", false),
        ("san_uri", "https://client.example/Path", true),
        ("san_uri", "https://client.example/path", false),
        ("san_email", "Ops@client.example", true),
        ("san_email", "ops@client.example", false),
        ("san_ip", "192.0.2.7", true),
        ("san_ip", "192.0.2.8", false),
        ("san_ip", "2001:DB8:0::7", true),
        ("san_ip", "client.example", false),
        // The right name in another kind's place.
        ("san_uri", "client.example", false),
        ("san_dns", "192.0.2.7", false),
    ]
    .into_iter()
    .enumerate()
    {
        let edit = |new: &mut clients::NewClient| {
            new.metadata.token_endpoint_auth_method = AuthMethod::TlsClientAuth;
            let tls = &mut new.metadata.tls;
            *match member {
                "subject_dn" => &mut tls.tls_client_auth_subject_dn,
                "san_dns" => &mut tls.tls_client_auth_san_dns,
                "san_uri" => &mut tls.tls_client_auth_san_uri,
                "san_email" => &mut tls.tls_client_auth_san_email,
                _ => &mut tls.tls_client_auth_san_ip,
            } = Some(value.to_owned());
        };
        let app = world.app_with(&format!("app-{place}"), edit).await;
        let credentials = app.credentials.with_certificate(Some(Arc::clone(&shown)));
        let answer = authenticate(&world.engine, &credentials, at(0)).await.map(|_| ());
        if good { answer.expect(value) } else { assert_eq!(refused(answer), InvalidClient, "{member} {value}") }
    }
    // One name, no more and no less.
    for names in [None, Some("client.example")] {
        let new = new_client("client", |new| {
            new.metadata.token_endpoint_auth_method = AuthMethod::TlsClientAuth;
            new.metadata.tls.tls_client_auth_san_dns = names.map(str::to_owned);
            new.metadata.tls.tls_client_auth_san_uri = names.map(str::to_owned);
        });
        let answer = clients::create(&world.engine, new, at(0)).await;
        assert!(matches!(answer, Err(AdminError::Refused(denied)) if denied.code == InvalidRequest), "{names:?}");
    }
}
