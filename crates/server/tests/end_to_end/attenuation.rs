//! A token of the running server, weakened offline by another language's macaroon library.

use std::path::Path;
use std::process::Command;

use crate::support::engines::engine;
use crate::support::server::Server;

#[test]
fn a_token_weakened_by_pymacaroons_is_accepted_weaker_and_dies_alone() {
    let Some(python) = engine("FIRMAN_TEST_PYTHON") else { return };
    let weaken = |token: &str, caveat: &str| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/interop/attenuate.py");
        let output = Command::new(&python).arg(script).args([token, caveat]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    };
    let server = Server::start("attenuation");
    let service = server.service();
    let strong = service.client_credentials().text("access_token");
    assert_eq!(service.introspect(&strong)["scope"], "books.read books.write");

    let weak = weaken(&strong, "scope = books.read");
    let weaker = weaken(&weak, "before = 9000000000");
    assert_eq!(service.introspect(&weak)["scope"], "books.read");
    assert_eq!(service.introspect(&weaker)["scope"], "books.read");
    // What the asker could not enforce, and what we do not know, permits nothing.
    assert!(!service.is_active(&weaken(&strong, "path = /v1/books")));
    assert!(!service.is_active(&weaken(&strong, "before = 1000000000")));
    assert!(!service.is_active(&weaken(&strong, "moon = full")));

    assert_eq!(service.revoke(&weak).status, 200);

    assert!(!service.is_active(&weak));
    assert!(!service.is_active(&weaker), "what was weakened from a revoked token is revoked");
    assert!(service.is_active(&strong));
    assert!(service.is_active(&weaken(&strong, "scope = books.write")));
}
