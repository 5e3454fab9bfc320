//! `config check`: what is to be mended before a run finds it.

use crate::program::House;

#[test]
fn a_machine_without_certificates_is_told_of_before_a_run_needs_them() {
    let house = House::new();
    let problem = "No request over HTTPS can be made: ";
    assert!(!house.run("config check").shows(problem));
    let nowhere = house.arg("nowhere");
    let told = house
        .program("config check")
        .env("SSL_CERT_FILE", &nowhere)
        .env("SSL_CERT_DIR", &nowhere)
        .run();
    assert_eq!(told.status, Some(0), "{told}");
    let mut lines = told.stdout.lines();
    let found = lines.find(|line| line.starts_with("error:") && line.contains(problem));
    assert!(found.is_some(), "{told}");
    assert!(
        lines.next().unwrap().contains("`ca-certificates`"),
        "{told}"
    );
}
