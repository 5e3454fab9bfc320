//! `tenant`: customers, what they may read, and their secrets.

use serde_json::Value;

use crate::program::House;

const CONFIG: &str =
    "[[rings.ring]]\ncatalog = \"testing\"\n[[rings.ring]]\ncatalog = \"production\"\n";

fn house() -> House {
    let house = House::new();
    house.write("auto-update.toml", CONFIG);
    house
}

fn json(house: &House, command: &str) -> Value {
    serde_json::from_str(&house.ok(command)).unwrap()
}

#[test]
fn secrets_are_shown_once_and_nowhere_else() {
    let house = house();
    let made = json(
        &house,
        "tenant create Acme --ring production --by kim --json",
    );
    let secrets = ["token", "user", "password"].map(|name| made[name].as_str().unwrap().to_owned());
    assert_eq!(secrets.each_ref().map(String::len), [32, 16, 16]);
    assert_eq!(made["slug"].as_str().unwrap().len(), 16);
    for command in [
        "tenant list --json",
        "tenant list",
        "tenant show Acme",
        "tenant suspend Acme -v -v",
        "tenant resume Acme",
        "tenant rotate-key -v -v -v",
        "tenant create Acme --ring production --by kim",
    ] {
        let outcome = house.run(command);
        for secret in &secrets {
            assert!(!outcome.shows(secret), "{command}\n{outcome}");
        }
    }
    let given = json(&house, "tenant catalogue-access Acme --json");
    let code = given["code"].as_str().unwrap();
    assert_eq!(code.len(), 32);
    let log = house.ok("audit-log list --json");
    assert!(log.contains("tenant.give-catalogue-access"), "{log}");
    assert!(!log.contains(code), "{log}");
    let revoked = |house: &House| json(house, "tenant catalogue-access Acme --revoke --json");
    assert_eq!(revoked(&house)["revoked"], true);
    assert_eq!(revoked(&house)["revoked"], false);
    let new = json(&house, "tenant rotate-token Acme --json");
    assert_ne!(new["token"].as_str().unwrap(), secrets[0]);
    let new = house.ok("tenant rotate-credential Acme --overlap-hours 1");
    assert!(
        new.starts_with("user: ") || new.starts_with("password: "),
        "{new}"
    );
}

#[test]
fn a_tenant_is_made_changed_and_gone() {
    let house = house();
    house.ok("tenant create Acme --ring testing --item Widget --item Gadget --by kim");
    let shown = json(&house, "tenant show Acme --json");
    assert_eq!(shown["items"], serde_json::json!(["Widget", "Gadget"]));
    assert_eq!(shown["ring"], "testing");
    house.ok("tenant assign Acme --ring production");
    house.ok("tenant entitle Acme --all");
    house.ok("tenant suspend Acme");
    let shown = json(&house, "tenant show Acme --json");
    assert_eq!(
        (&shown["state"], &shown["ring"]),
        (&"suspended".into(), &"production".into())
    );
    assert_eq!(shown["items"], Value::Null);
    house.ok("tenant delete Acme");
    assert_eq!(house.ok("tenant list --json"), "");
    assert_eq!(json(&house, "tenant list --all --json")["state"], "deleted");
    for (command, told) in [
        ("tenant show Acme", "there is no tenant `Acme`"),
        (
            "tenant create Beta --ring lab --by kim",
            "the rings are: testing, production",
        ),
    ] {
        let outcome = house.run(command);
        assert_eq!(outcome.status, Some(1), "{outcome}");
        assert!(outcome.shows(told), "{outcome}");
    }
}

#[test]
fn a_recall_names_the_tenants_that_could_have_fetched_it() {
    let house = house();
    house.write(
        "var/repo/pkgsinfo/Widget-1.0.plist",
        "<plist><dict><key>name</key><string>Widget</string><key>version</key><string>1.0</string>\
         <key>installer_type</key><string>nopkg</string>\
         <key>catalogs</key><array><string>testing</string></array></dict></plist>",
    );
    house.ok("tenant create Acme --ring testing --by kim");
    house.ok("tenant create Beta --ring production --by kim");
    house.ok("tenant create Gamma --ring testing --item Gadget --by kim");
    house.ok("ring list");
    let recalled = json(
        &house,
        "ring recall Widget 1.0 --reason malware --by kim --json",
    );
    let tenants = recalled["tenants"].as_array().unwrap();
    assert_eq!(tenants.len(), 1, "{recalled}");
    assert_eq!(tenants[0]["customer"], "Acme");
    assert_eq!(tenants[0]["catalog"], "testing");
    assert!(tenants[0]["until"].is_string());
}

const PEM: &str = "-----BEGIN PUBLIC KEY-----\n\
    MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
    -----END PUBLIC KEY-----\n";
/// `openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | openssl base64`
const PIN: &str = "oekVYFTgT6yJmunydRMs3Ael28TqLCrTof/G4NJTaB8=";
const OTHER: &str = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

#[test]
fn pins_are_printed_and_a_renewal_that_would_break_all_is_told() {
    let house = house();
    house.write("key.pem", PEM);
    assert_eq!(house.ok("tenant pins key.pem"), format!("{PIN}  key.pem\n"));
    house.write(
        "auto-update.toml",
        &format!("[envquery]\npins = ['{OTHER}']\n"),
    );
    let outcome = house.run("tenant pins key.pem");
    assert_eq!(outcome.status, Some(1), "{outcome}");
    assert!(outcome.shows("no Mac knows any of these pins"), "{outcome}");
    house.ok(&format!(
        "tenant pins key.pem --in-use {OTHER} --in-use {PIN}"
    ));
    let told = json(
        &house,
        &format!("tenant pins key.pem --in-use {PIN} --json"),
    );
    assert_eq!((&told["pin"], &told["in_use"]), (&PIN.into(), &true.into()));
    house.write("nothing.pem", "nothing");
    for wrong in ["nothing.pem", "missing.pem", "key.pem --in-use short"] {
        let outcome = house.run(&format!("tenant pins {wrong}"));
        assert_eq!(outcome.status, Some(1), "{outcome}");
    }
}

#[test]
fn a_profile_is_written_for_its_reader_only() {
    use std::os::unix::fs::PermissionsExt as _;

    let house = house();
    house.write(
        "auto-update.toml",
        &format!(
            "[envquery]\nurl = 'https://envquery.example.com/'\npins = ['{PIN}', '{OTHER}']\n"
        ),
    );
    let made = json(
        &house,
        "tenant create Acme --ring production --by kim --json",
    );
    let token = made["token"].as_str().unwrap();
    house.ok("tenant profile Acme --out acme.mobileconfig");
    let permissions = fs_err::metadata(house.path("acme.mobileconfig"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(permissions & 0o777, 0o600);
    let written = house.read("acme.mobileconfig");
    for told in [
        token,
        PIN,
        OTHER,
        "<string>https://envquery.example.com</string>",
        "hash_strict",
    ] {
        assert!(written.contains(told), "{told}\n{written}");
    }
    assert_eq!(house.ok("tenant profile Acme"), written);
    let again = house.run("tenant profile Acme --out acme.mobileconfig");
    assert_eq!(again.status, Some(1), "{again}");
    house.ok("tenant suspend Acme");
    let refused = house.run("tenant profile Acme");
    assert!(refused.shows("is suspended"), "{refused}");
    let schema: Value = serde_json::from_str(&house.ok("tenant jamf-schema")).unwrap();
    assert_eq!(schema["properties"]["CustomerID"]["type"], "string");
}

#[test]
fn a_signed_profile_is_what_openssl_takes_for_signed() {
    let house = house();
    house.write(
        "auto-update.toml",
        &format!(
            "[envquery]\nurl = 'https://envquery.example.com/'\npins = ['{PIN}', '{OTHER}']\n"
        ),
    );
    house.ok("tenant create Acme --ring production --by kim");
    let plain = house.ok("tenant profile Acme");
    for (name, kind) in [
        ("rsa", vec!["rsa:2048"]),
        (
            "p256",
            vec!["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
        ),
        (
            "p384",
            vec!["ec", "-pkeyopt", "ec_paramgen_curve:secp384r1"],
        ),
    ] {
        let (cert, key) = (format!("{name}.pem"), format!("{name}.key"));
        let request = ["req", "-x509", "-nodes", "-subj", "/CN=Acme", "-days", "2"];
        let out = ["-out", &cert, "-keyout", &key, "-newkey"];
        openssl(&house, &[&request[..], &out[..], &kind[..]].concat());
        house.ok(&format!(
            "tenant profile Acme --sign-with {cert} --key {key} --out {name}.mobileconfig"
        ));
        let signed = format!("{name}.mobileconfig");
        let verify = ["cms", "-verify", "-inform", "DER", "-in", &signed];
        let trust = ["-CAfile", &cert, "-purpose", "any", "-binary"];
        assert_eq!(
            openssl(&house, &[&verify[..], &trust[..]].concat()),
            plain,
            "{name}"
        );
    }
    for (arguments, told) in [
        ("--sign-with rsa.pem --key p256.key", "is of another key"),
        ("--sign-with rsa.key --key rsa.key", "no certificate"),
        ("--sign-with rsa.pem --key rsa.pem", "others"),
    ] {
        let outcome = house.run(&format!("tenant profile Acme {arguments}"));
        assert_eq!(outcome.status, Some(1), "{outcome}");
        assert!(outcome.shows(told), "{outcome}");
    }
    assert_eq!(
        house.run("tenant profile Acme --sign-with rsa.pem").status,
        Some(2)
    );
}

/// What openssl prints.
fn openssl(house: &House, arguments: &[&str]) -> String {
    let output = std::process::Command::new("openssl")
        .args(arguments)
        .current_dir(house.path(""))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_tenant_has_manifests_of_its_own() {
    let house = house();
    house.ok("tenant create Acme --ring production --by kim");
    house.write(
        "lab.plist",
        "<plist><dict><key>catalogs</key><array/></dict></plist>",
    );
    house.ok("tenant put-manifest Acme lab lab.plist");
    house.ok("tenant put-manifest Acme site_default lab.plist");
    assert_eq!(house.ok("tenant manifests Acme"), "lab\nsite_default\n");
    house.ok("tenant remove-manifest Acme lab");
    assert_eq!(
        json(&house, "tenant manifests Acme --json")["name"],
        "site_default"
    );
    house.write("list.plist", "<plist><array/></plist>");
    for wrong in [
        "Acme ../x lab.plist",
        "Acme x list.plist",
        "Beta x lab.plist",
    ] {
        let outcome = house.run(&format!("tenant put-manifest {wrong}"));
        assert_eq!(outcome.status, Some(1), "{outcome}");
    }
}
