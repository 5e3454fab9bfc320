//! `incident`: what the service desk knows, and what a person does about it.

use serde_json::Value;

use crate::program::House;

/// A house in which a title failed: its override was approved, and is gone.
fn house() -> House {
    house_with("[autopkg]\nrecipe-search-dirs = ['r']\nrecipe-override-dirs = ['o']\n")
}

fn house_with(config: &str) -> House {
    let house = House::new();
    house.write("auto-update.toml", config);
    house.write(
        "r/Gone.munki.recipe.yaml",
        "Identifier: com.example.Gone\nInput: {NAME: Gone}\nProcess: []\n",
    );
    house.ok("make-override Gone.munki");
    house.ok("trust approve Gone.munki --by ann");
    fs_err::remove_dir_all(house.path("o")).unwrap();
    fs_err::remove_dir_all(house.path("r")).unwrap();
    let failed = house.run("run Gone.munki");
    assert_eq!(failed.status, Some(70), "{failed}");
    house
}

fn only(house: &House, arguments: &str) -> Value {
    let told = house.ok(arguments);
    assert_eq!(told.lines().count(), 1, "{told}");
    serde_json::from_str(&told).unwrap()
}

#[test]
fn a_house_without_failures_has_none() {
    let house = House::new();
    assert_eq!(house.ok("incident list"), "");
    assert_eq!(
        house.ok("incident deliver"),
        "0 delivered, 0 postponed, 0 given up\n"
    );
}

#[test]
fn a_name_that_never_stood_for_anything_is_an_answer_and_no_incident() {
    let house = House::new();
    let refused = house.run("run Nothing.munki");
    assert_eq!(refused.status, Some(70), "{refused}");
    assert!(
        refused.shows("No valid recipe found for Nothing.munki"),
        "{refused}"
    );
    assert_eq!(house.ok("incident list --all"), "");
}

#[test]
fn an_incident_is_taken_and_resolved_by_hand() {
    let house = house();
    let incident = only(&house, "incident list --json");
    assert_eq!(
        (&incident["schema"], &incident["state"]),
        (&1.into(), &"open".into())
    );
    assert_eq!(incident["title"], "Gone.munki");
    let id = incident["id"].as_str().unwrap().to_owned();

    let taken = only(
        &house,
        &format!("incident acknowledge {id} --by ann --json"),
    );
    assert_eq!(
        (&taken["state"], &taken["acknowledged_by"]),
        (&"acknowledged".into(), &"ann".into())
    );
    let over = house.ok(&format!("incident resolve {id} --reason tried"));
    assert!(
        over.starts_with(&format!(
            "{id} P3 resolved configuration Gone.munki, once, last "
        )),
        "{over}"
    );
    assert_eq!(house.ok("incident list"), "");
    assert_eq!(house.ok("incident list --all").lines().count(), 1);
    let again = house.run(&format!("incident resolve {id} --reason tried"));
    assert_eq!(again.status, Some(1), "{again}");
    assert!(again.shows("is resolved already"), "{again}");
}

#[test]
fn shows_everything_about_one() {
    let house = house();
    let listed = only(&house, "incident list --json");
    let id = listed["id"].as_str().unwrap();
    let shown = only(&house, &format!("incident show {id} --json"));
    assert_eq!(shown["history"][0]["kind"], "opened");
    assert_eq!(shown["deliveries"], Value::Array(vec![]));
    let text = house.ok(&format!("incident show {id}"));
    for line in [
        "  cause         ",
        "  next step     ",
        "  resolve by    ",
        "  opened        ",
    ] {
        assert!(text.contains(line), "{text}");
    }
    let unknown = house.run("incident show 00000000-0000-7000-8000-000000000000");
    assert_eq!(unknown.status, Some(1), "{unknown}");
    let nonsense = house.run("incident show nonsense");
    assert_eq!(nonsense.status, Some(2), "{nonsense}");
}

#[test]
fn a_desk_that_cannot_be_reached_is_tried_again_whenever_somebody_asks() {
    // Nobody listens on the port: it was free a moment ago, and is never bound.
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let house = house_with(&format!(
        "[autopkg]\nrecipe-search-dirs = ['r']\nrecipe-override-dirs = ['o']\n\
             [[desk.webhook]]\nname = 'chat'\nurl = 'http://127.0.0.1:{port}/token-of-the-hook'\n\
             secrets = ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw']\nallow-loopback-http = true\n"
    ));
    for _ in 0..2 {
        let told = house.run("incident deliver");
        assert_eq!(told.status, Some(0), "{told}");
        assert_eq!(
            told.stdout, "0 delivered, 1 postponed, 0 given up\n",
            "{told}"
        );
        assert!(told.shows("warning: chat: it did not answer"), "{told}");
        assert!(!told.shows("token-of-the-hook"), "{told}");
    }
}
