//! Who sees and changes what.

use super::*;

/// What can be done with a tenant.
const CHANGES: [&str; 8] = [
    "assign",
    "entitle",
    "profile",
    "resume",
    "rotate-credential",
    "rotate-token",
    "suspend",
    "delete",
];

#[tokio::test]
async fn each_role_sees_and_changes_what_it_may_and_nothing_else() {
    let looks = ["/tenants", "/tenants/{id}"];
    for office in Office::ALL {
        let world = World::new().await;
        let id = world.tenant("Acme Ltd").await;
        let (cookie, token) = world.enter(office).await;
        for path in looks {
            let page = world.get(&path.replace("{id}", &id), &cookie).await;
            assert_eq!(page.status, 200, "{office} {path}");
            let offers = page.text.contains("action=\"/tenants");
            assert_eq!(offers, office == Office::Administrator, "{office} {path}");
        }
        let reads = matches!(office, Office::Administrator | Office::Auditor);
        let log = world.get("/log", &cookie).await;
        assert_eq!(log.status, if reads { 200 } else { 403 }, "{office}");
        for change in CHANGES {
            let path = format!("/tenants/{id}/{change}");
            let form = [
                ("form_token", token.as_str()),
                ("ring", "production"),
                ("items", ""),
                ("customer", "Acme Ltd"),
            ];
            let answer = world.post(&path, &cookie, &form).await;
            if office == Office::Administrator {
                assert!(
                    answer.status < 400,
                    "{change}: {} {}",
                    answer.status,
                    answer.text
                );
                if change == "suspend" {
                    world.door.tenants.resume("Acme Ltd").await.unwrap();
                }
            } else {
                assert_eq!(answer.status, 403, "{office} {change}");
            }
        }
        let left = world.door.tenants.list(false).await.unwrap();
        assert_eq!(left.is_empty(), office == Office::Administrator, "{office}");
        let entries = world.db.audit_list(None, 100).await.unwrap();
        let refused = entries
            .iter()
            .filter(|it| it.outcome == AuditOutcome::Refused);
        let expected = match office {
            Office::Administrator => 0,
            Office::Auditor => CHANGES.len(),
            _ => CHANGES.len() + 1,
        };
        assert_eq!(refused.count(), expected, "{office}");
        check_log(&world.db).await.unwrap();
    }
}

/// Something that nothing has for a name.
const NONE: &str = "01a00000-0000-7000-8000-000000000000";

/// Every page, and who may see it.
fn seen() -> Vec<(&'static str, Vec<Office>)> {
    let (all, house) = (
        Office::ALL.to_vec(),
        vec![Office::Administrator, Office::Auditor],
    );
    let open = [
        "/",
        "/calendar?day=2027-01-15",
        "/connectors",
        "/evidence/x",
        "/figures",
        "/holds",
        "/holds/{none}",
        "/incidents",
        "/incidents/{none}",
        "/now",
        "/recipes",
        "/recipes/x",
        "/runs",
        "/runs/{none}",
        "/runs/{none}/part",
        "/schedules",
        "/schedules/X",
        "/tenants",
        "/tenants/{none}",
        "/titles",
        "/titles/X",
    ];
    let closed = ["/log", "/settings", "/users", "/users/{none}"];
    let open = open.map(|path| (path, all.clone()));
    let closed = closed.map(|path| (path, house.clone()));
    open.into_iter().chain(closed).collect()
}

/// Everything that can be sent, and who may send it.
fn sent() -> Vec<(&'static str, Vec<Office>)> {
    let only = vec![Office::Administrator];
    let decides = vec![Office::Administrator, Office::Approver];
    let runs = vec![Office::Administrator, Office::Packager];
    vec![
        ("/connectors/x/test-fire", decides.clone()),
        ("/holds/{none}", decides.clone()),
        ("/incidents/{none}", decides),
        ("/schedules/X", runs),
        ("/tenants", only.clone()),
        ("/tenants/{none}/suspend", only.clone()),
        ("/users/tokens/{none}/revoke", only.clone()),
        ("/users/people/sign-out", only.clone()),
        ("/users/{none}", only),
    ]
}

/// What is not there is refused like what is, before anybody looks.
#[tokio::test]
async fn every_page_is_for_those_roles_and_for_no_other() {
    for office in Office::ALL {
        let world = World::new().await;
        let (cookie, token) = world.enter(office).await;
        for (path, may) in seen() {
            let answer = world.get(&path.replace("{none}", NONE), &cookie).await;
            let is_refused = answer.status == 403;
            assert_eq!(is_refused, !may.contains(&office), "{office} {path}");
        }
        for (path, may) in sent() {
            let path = path.replace("{none}", NONE);
            let form = [("form_token", token.as_str())];
            let answer = world.post(&path, &cookie, &form).await;
            let is_refused = answer.status == 403;
            assert_eq!(is_refused, !may.contains(&office), "{office} {path}");
            let forged = world.post(&path, &cookie, &[("form_token", "x")]).await;
            assert_eq!(forged.status, 403, "{office} {path}");
        }
    }
}
