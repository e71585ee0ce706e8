//! Who gets in, who may do what, and what becomes of those who guess.

use std::process::Command;

use super::appliance::{Appliance, Client, PASSWORD, captures};
use crate::support;

const QUIET: &str = "dicom-ae-brute";

fn token(of: &Client, scopes: &str) -> Client {
    let made = of.post(
        "/tokens",
        &format!(r#"{{"name":"t","scopes":[{scopes}],"days":1}}"#),
    );
    assert_eq!(made.status, 201, "{made:?}");
    let secret = made.json()["secret"]
        .as_str()
        .expect("told once")
        .to_owned();
    assert!(secret.starts_with("vw_") && secret.len() == 67, "{secret}");
    Client {
        headers: vec![format!("authorization: Bearer {secret}")],
        ..of.clone()
    }
}

#[test]
fn a_role_does_what_it_may_and_nothing_else() {
    let appliance = Appliance::start(&captures(&[QUIET]), "");
    let anna = appliance.admin();
    let id = anna.alerts(1)[0]["alert_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let reload = "/rules/reload".to_owned();
    let close = format!("/alerts/{id}/close");
    let expected = [
        ("viewer", [200, 403, 403, 403]),
        ("analyst", [200, 200, 403, 403]),
        ("clinical_engineer", [200, 200, 403, 403]),
        ("engineer", [200, 200, 200, 403]),
        ("admin", [200, 200, 200, 200]),
    ];
    for (role, statuses) in expected {
        let user = appliance.user(&anna, role, role);
        let did = [
            user.get("/alerts").status,
            user.post(&close, r#"{"verdict":"test"}"#).status,
            user.post(&reload, "").status,
            user.get("/users").status,
        ];
        assert_eq!(did, statuses, "{role}");
    }
    let stranger = appliance.stranger();
    for path in [
        "/alerts", "/me", "/users", "/audit", "/events", "/rules", "/health",
    ] {
        let answer = stranger.get(path);
        assert_eq!(answer.status, 401, "{path}");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    }
    // A role that is taken away is gone at once, and so is the last admin never.
    let viewer = appliance.user(&anna, "eve", "engineer");
    assert_eq!(
        anna.ask("PATCH", "/users/eve", Some(r#"{"role":"viewer"}"#))
            .status,
        200
    );
    assert_eq!(viewer.get("/me").status, 401);
    assert_eq!(anna.ask("DELETE", "/users/admin", None).status, 204);
    assert_eq!(anna.ask("DELETE", "/users/anna", None).status, 409);
}

#[test]
fn a_change_that_another_site_asked_for_is_refused() {
    let appliance = Appliance::start(&captures(&[QUIET]), "");
    let anna = appliance.admin();
    let lured = anna.lured();
    assert_eq!(lured.get("/me").status, 200);
    assert_eq!(lured.post("/rules/reload", "").status, 403);
    let wrong = lured.with(&format!("x-csrf-token: {}", "0".repeat(64)));
    assert_eq!(wrong.post("/rules/reload", "").status, 403);
    assert_eq!(anna.post("/rules/reload", "").status, 200);
    assert_eq!(anna.post("/logout", "").status, 204);
    assert_eq!(
        anna.get("/me").status,
        401,
        "a session ends where it is kept"
    );
}

#[test]
fn a_token_permits_its_scopes_and_never_more_than_its_owner() {
    let appliance = Appliance::start(&captures(&[QUIET]), "");
    let anna = appliance.admin();
    let reader = token(&anna, r#""read""#);
    assert_eq!(reader.get("/alerts").status, 200);
    assert_eq!(reader.post("/rules/reload", "").status, 403);
    assert_eq!(
        token(&anna, r#""configure""#)
            .post("/rules/reload", "")
            .status,
        200
    );
    assert_eq!(
        reader
            .post("/tokens", r#"{"name":"x","scopes":["read"],"days":1}"#)
            .status,
        403
    );
    let engineer = appliance.user(&anna, "erik", "engineer");
    let more = engineer.post("/tokens", r#"{"name":"x","scopes":["admin"],"days":1}"#);
    assert_eq!(more.status, 403, "{more:?}");
    let lesser = token(&engineer, r#""read","configure""#);
    assert_eq!(
        anna.ask("PATCH", "/users/erik", Some(r#"{"role":"viewer"}"#))
            .status,
        200
    );
    assert_eq!(lesser.post("/rules/reload", "").status, 403);
    assert_eq!(lesser.get("/alerts").status, 200);
    let number = anna.get("/tokens").json()["tokens"][0]["number"].to_string();
    assert_eq!(
        anna.ask("DELETE", &format!("/tokens/{number}"), None)
            .status,
        204
    );
    assert_eq!(reader.get("/alerts").status, 401);
    // What is kept cannot be presented.
    let store = std::fs::read(appliance.state().join("vitalwire.db")).expect("the store");
    let secret = lesser.headers[0]
        .rsplit('_')
        .next()
        .expect("hex")
        .to_owned();
    let found = store.windows(64).any(|part| part == secret.as_bytes());
    assert!(!found, "a token is in the store");
}

#[test]
fn whoever_guesses_waits_and_unknown_users_look_like_known_ones() {
    let appliance = Appliance::start(&captures(&[QUIET]), "");
    let anna = appliance.admin();
    appliance.user(&anna, "bert", "viewer");
    let login = |name: &str, password: &str| {
        let body = format!(r#"{{"name":"{name}","password":"{password}"}}"#);
        appliance.stranger().post("/login", &body)
    };
    let known = login("bert", "wrong horse battery").json();
    let unknown = login("nobody", "wrong horse battery").json();
    assert_eq!(known["detail"], unknown["detail"]);
    let statuses: Vec<u16> = (0..9)
        .map(|_| login("bert", "wrong horse battery").status)
        .collect();
    assert_eq!(statuses.first(), Some(&401));
    let locked = login("BERT", PASSWORD);
    assert_eq!(locked.status, 429, "{statuses:?}");
    let wait: u32 = locked
        .header("retry-after")
        .expect("when")
        .parse()
        .expect("seconds");
    assert!((600..=901).contains(&wait), "{wait}");
    assert_eq!(login("anna", PASSWORD).status, 200, "others are let in");
    assert!(anna.get("/audit").body.contains("login.locked"));
    let log = appliance.log();
    assert!(!log.contains("horse") && !log.contains("bert"), "{log}");
    // The token of the set-up serves once.
    let token = appliance.logged("set-up token: ");
    let body = format!(r#"{{"token":"{token}","name":"eve","password":"{PASSWORD}"}}"#);
    assert_eq!(appliance.stranger().post("/setup", &body).status, 409);
    // A restart is no way round it; an admin who sets a password is.
    let appliance = Appliance::start_in(appliance.stop(), &captures(&[QUIET]), "");
    let login = |name: &str, password: &str| {
        let body = format!(r#"{{"name":"{name}","password":"{password}"}}"#);
        appliance.stranger().post("/login", &body)
    };
    assert_eq!(login("bert", PASSWORD).status, 429, "after a restart");
    let anna = login("anna", PASSWORD);
    assert_eq!(anna.status, 200);
    let anna = appliance.stranger().with_session(&anna);
    let fresh = r#"{"password":"another horse battery"}"#;
    assert_eq!(anna.ask("PATCH", "/users/bert", Some(fresh)).status, 200);
    assert_eq!(login("bert", "another horse battery").status, 200);
}

#[test]
fn the_certificate_is_made_once_and_kept() {
    let first = Appliance::start(&captures(&[QUIET]), "");
    let said = first.logged("sha256=").trim_matches('"').to_owned();
    let path = first.state().join("api-cert.pem");
    let shown = Command::new("openssl")
        .args(["x509", "-noout", "-fingerprint", "-sha256", "-in"])
        .arg(&path)
        .output()
        .expect("openssl");
    let shown = String::from_utf8_lossy(&shown.stdout).trim().to_owned();
    assert!(shown.ends_with(&said), "{shown} {said}");
    let anna = first.admin();
    let made = std::fs::read(&path).expect("made");
    let dir = first.stop();
    let second = Appliance::start_in(dir, &captures(&[QUIET]), "");
    assert_eq!(
        std::fs::read(second.state().join("api-cert.pem")).expect("kept"),
        made
    );
    let back = Client {
        base: second.stranger().base,
        ..anna
    };
    assert_eq!(back.get("/me").status, 200, "a login outlives a restart");
    assert!(!second.log().contains("set-up token"));
}

#[test]
fn the_hospitals_own_certificate_is_shown_where_there_is_one() {
    let dir = tempfile::TempDir::new().expect("temporary folder");
    let script = "openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 \
         -subj /CN=sensor.hospital.example -addext subjectAltName=IP:127.0.0.1 2>/dev/null && \
         chmod 600 key.pem";
    let made = Command::new("sh")
        .args(["-c", script])
        .current_dir(dir.path())
        .status();
    assert!(made.expect("openssl").success());
    let at = dir.path().display();
    let more = format!(", tls: {{cert: {at}/cert.pem, key: {at}/key.pem}}");
    let appliance = Appliance::start(&captures(&[QUIET]), &more);
    assert!(
        !appliance.state().join("api-cert.pem").exists(),
        "none is made"
    );
    let client = Client {
        certificate: dir.path().join("cert.pem"),
        ..appliance.stranger()
    };
    assert_eq!(client.get("/me").status, 401, "curl trusts it");
}

#[test]
fn with_client_certificates_nobody_else_connects() {
    let dir = tempfile::TempDir::new().expect("temporary folder");
    let script = "openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 \
         -subj /CN=ca -addext basicConstraints=critical,CA:TRUE 2>/dev/null && \
         openssl req -newkey rsa:2048 -nodes -keyout c.key -out c.csr -subj /CN=client 2>/dev/null && \
         echo basicConstraints=CA:FALSE > v3 && \
         openssl x509 -req -in c.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out c.pem -days 2 \
         -extfile v3 2>/dev/null";
    let made = Command::new("sh")
        .args(["-c", script])
        .current_dir(dir.path())
        .status();
    assert!(made.expect("openssl").success());
    let ca = dir.path().join("ca.pem");
    let more = format!(", tls: {{client_ca: {}}}", ca.display());
    let appliance = Appliance::start(&captures(&[QUIET]), &more);
    let client = appliance.stranger();
    let url = format!("{}/me", client.base);
    let without = client.curl().arg(&url).output().expect("curl");
    assert!(!without.status.success(), "{without:?}");
    let with = client
        .curl()
        .arg("--cert")
        .arg(dir.path().join("c.pem"))
        .arg("--key")
        .arg(dir.path().join("c.key"))
        .arg(&url)
        .output()
        .expect("curl");
    let said = String::from_utf8_lossy(&with.stdout).into_owned();
    assert!(with.status.success() && said.contains("log in"), "{with:?}");
}

#[test]
fn whoever_has_the_machine_gets_in_again() {
    let appliance = Appliance::start(&captures(&[QUIET]), "");
    let anna = appliance.admin();
    let config = appliance.dir.path().join("vitalwire.yaml");
    let config = config.to_str().expect("UTF-8").to_owned();
    let reset = || support::run(&["users", "reset-password", "anna", "--config", &config]);
    let (code, _, said) = reset();
    assert!(
        code == Some(1) && said.contains("stop the appliance"),
        "{said}"
    );
    let dir = appliance.stop();
    let (code, said, _) = reset();
    assert_eq!(code, Some(0));
    let fresh = said
        .split_whitespace()
        .nth(4)
        .expect("a password")
        .to_owned();
    let appliance = Appliance::start_in(dir, &captures(&[QUIET]), "");
    let login = |password: &str| {
        let body = format!(r#"{{"name":"anna","password":"{password}"}}"#);
        appliance.stranger().post("/login", &body).status
    };
    assert_eq!((login(PASSWORD), login(&fresh)), (401, 200), "{said}");
    let old = Client {
        base: appliance.stranger().base,
        ..anna
    };
    assert_eq!(old.get("/me").status, 401, "its sessions ended");
}
