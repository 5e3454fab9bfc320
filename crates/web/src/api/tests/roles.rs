//! Who may ask for what.

use super::*;

const EVERYBODY: &str = "viewer packager approver administrator auditor";
const RUNS: &str = "packager administrator";
const DECIDES: &str = "approver administrator";
const READS_LOG: &str = "administrator auditor";
const CHANGES: &str = "administrator";

/// Who may do what.
const MATRIX: [(&str, &str); 47] = [
    ("audit_log_list", READS_LOG),
    ("connector_list", EVERYBODY),
    ("connector_test_fire", DECIDES),
    ("event_stream", EVERYBODY),
    ("figures", EVERYBODY),
    ("hold_decide", DECIDES),
    ("hold_list", EVERYBODY),
    ("hold_show", EVERYBODY),
    ("incident_acknowledge", DECIDES),
    ("incident_list", EVERYBODY),
    ("incident_note", DECIDES),
    ("incident_resolve", DECIDES),
    ("incident_show", EVERYBODY),
    ("item_list", EVERYBODY),
    ("me", EVERYBODY),
    ("person_list", READS_LOG),
    ("person_sign_out", CHANGES),
    ("publication_list", EVERYBODY),
    ("recipe_list", EVERYBODY),
    ("recipe_show", EVERYBODY),
    ("run_cancel", RUNS),
    ("run_list", EVERYBODY),
    ("run_queue", RUNS),
    ("run_show", EVERYBODY),
    ("schedule_list", EVERYBODY),
    ("schedule_pause", RUNS),
    ("schedule_resume", RUNS),
    ("settings_show", READS_LOG),
    ("tenant_assign", CHANGES),
    ("tenant_check_ins", EVERYBODY),
    ("tenant_create", CHANGES),
    ("tenant_delete", CHANGES),
    ("tenant_entitle", CHANGES),
    ("tenant_list", EVERYBODY),
    ("tenant_resume", CHANGES),
    ("tenant_rotate_credential", CHANGES),
    ("tenant_rotate_token", CHANGES),
    ("tenant_show", EVERYBODY),
    ("tenant_suspend", CHANGES),
    ("title_list", EVERYBODY),
    ("token_list", READS_LOG),
    ("token_revoke", CHANGES),
    ("user_appoint", CHANGES),
    ("user_disable", CHANGES),
    ("user_enable", CHANGES),
    ("user_list", READS_LOG),
    ("user_sign_out", CHANGES),
];

/// Every operation of the document: its name, method and a path on which nothing is.
fn operations() -> Vec<(String, String, String)> {
    let document = document();
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let nothing = "01a21120-fdd1-7441-9502-c5f4ff88c218";
        let parts = path.split('/').map(|part| match part {
            "{title}" => "Nothing.munki",
            _ if part.starts_with('{') => nothing,
            part => part,
        });
        let mut place = parts.collect::<Vec<_>>().join("/");
        if path == "/events" {
            place += "?seconds=0";
        }
        for (method, operation) in methods.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap().to_owned();
            operations.push((id, method.to_uppercase(), place.clone()));
        }
    }
    operations
}

#[tokio::test]
async fn every_endpoint_lets_in_whom_it_has_to_and_nobody_else() {
    let world = World::new().await;
    let mut tokens = Vec::new();
    for office in Office::ALL {
        tokens.push((office.as_str(), world.token(office.as_str(), office).await));
    }
    let mut met = BTreeSet::new();
    for (id, method, path) in operations() {
        let row = MATRIX.iter().find(|(name, _)| *name == id);
        let (_, who) = row.unwrap_or_else(|| panic!("`{id}` is not in the matrix"));
        let ask = async |token: &str| {
            let question = Question {
                line: (&method, &path),
                token,
                body: (method != "GET").then(|| json!({})),
                head: &[],
            };
            world.ask(question).await.status
        };
        assert_eq!(ask("").await, 401, "{id} by nobody");
        assert_eq!(ask("aut_x").await, 401, "{id} by a stranger");
        for (office, token) in &tokens {
            let status = ask(token).await;
            if who.split(' ').any(|it| it == *office) {
                assert!(
                    status != 401 && status != 403 && status < 500,
                    "{id} by {office}: {status}"
                );
            } else {
                assert_eq!(status, 403, "{id} by {office}");
            }
        }
        met.insert(id);
    }
    assert_eq!(
        met.len(),
        MATRIX.len(),
        "the matrix knows what there is not"
    );
}
