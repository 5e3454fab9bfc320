//! What the house is made of: schedules, recipes, connectors, users, settings.

use std::time::Duration;

use model::{Clock as _, SystemClock};
use testkit::pages::code;

use super::{Visitor, configure, free_port, listening, told};
use crate::small::{Small, TITLE};

const PASSWORD: &str = "correct horse battery";

/// A schedule, recipes of a second repository, and the pages served; answers where, and what the codes of `ada` are
/// made of.
async fn prepare(small: &Small) -> (u16, String) {
    let port = free_port();
    let schedules = small.house.root().join("schedules.yaml");
    let text = format!(
        "time_zone: Europe/Berlin\nschedules:\n- cron: '30 */4 * * *'\n  overrides: [{TITLE}]\n"
    );
    fs_err::write(&schedules, text).unwrap();
    configure(
        small,
        &format!("[administration]\nlisten = '127.0.0.1:{port}'"),
    );
    let plain = "Identifier: com.example.download.Widget\nDescription: Gets the <newest> Widget.\n\
                 Input: {NAME: Widget}\nProcess:\n- Processor: URLDownloader\n  \
                 Arguments: {url: 'http://example.com/Widget.dmg'}\n";
    let lost = "Identifier: com.example.munki.Lost\nParentRecipe: com.example.nowhere\nInput: {NAME: Lost}\n";
    for (name, text) in [("Widget.download", plain), ("Lost.munki", lost)] {
        let path = small.house.recipes().join(format!("{name}.recipe.yaml"));
        fs_err::write(path, text).unwrap();
    }
    let file = small.house.root().join("password");
    fs_err::write(&file, format!("{PASSWORD}\n")).unwrap();
    let file = file.display().to_string();
    let add = |name: &'static str, role: &'static str| {
        let file = file.clone();
        async move {
            let add = [
                "administrator",
                "add",
                name,
                "--role",
                role,
                "--password-file",
                &file,
            ];
            told(small, &add).await
        }
    };
    add("bob", "viewer").await;
    let token = ["administrator", "token", "add", "ci", "--role", "viewer"];
    small.expect(&token, 0).await;
    let added = add("ada", "administrator").await;
    (port, added["secret"].as_str().unwrap().to_owned())
}

fn sign_in(ada: &Visitor, secret: &str) {
    ada.go("/");
    ada.fill("User ID", "ada");
    ada.fill("Password", PASSWORD);
    ada.fill("One-time code", &code(secret).unwrap());
    ada.press("Sign in");
    ada.arrives("/now");
}

/// Looks at what begins, has the schedule rest and go on, and runs its title.
fn look_after_schedules(ada: &Visitor) {
    ada.press("Schedules");
    ada.sees("Europe/Berlin");
    ada.sees("30 */4 * * *");
    ada.judge("schedules");
    let tomorrow = SystemClock.now().plus(Duration::from_hours(24));
    ada.go(&format!("/calendar?day={}", tomorrow.to_utc().format("%F")));
    ada.sees(TITLE);
    ada.judge("calendar");
    ada.press("Schedules");
    ada.fill("Reason", "we move <house>");
    ada.press("Pause all schedules");
    ada.sees("All schedules are paused");
    ada.press("Resume all");
    ada.does_not_see("All schedules are paused");
    ada.press(TITLE);
    ada.judge("schedule");
    ada.fill("Reason", "the vendor moves");
    ada.fill("For how many hours", "2");
    ada.press("Pause");
    ada.sees("paused by ada");
    ada.press("Resume");
    ada.does_not_see("paused by ada");
    ada.press("Run now");
    ada.sees("set off by manual");
}

/// Searches the recipes, and reads what an audit says of one.
fn look_for_recipes(ada: &Visitor) {
    ada.go("/recipes");
    ada.browser.wait_for("Widget.download").unwrap();
    ada.sees("approved by");
    ada.judge("recipes");
    ada.fill(
        "Name, identifier, application or description",
        "newest widget",
    );
    ada.press("Search");
    ada.does_not_see("Lost.munki");
    ada.press("Widget.download");
    for told in [
        "http-url",
        "Gets the <newest> Widget.",
        "Widget.download.recipe.yaml:",
    ] {
        ada.sees(told);
    }
    ada.judge("recipe");
    ada.go("/recipes?runs=cannot");
    ada.sees("its chain is not whole");
    ada.does_not_see("Widget.download");
    ada.go("/recipes?only=overrides");
    ada.press(TITLE);
    ada.sees("MunkiImporter");
    ada.sees("approved it on");
}

/// Tests a connector, and reads what there is to mend.
fn look_at_the_house(ada: &Visitor) {
    ada.press("Connectors");
    ada.judge("connectors");
    ada.press("Settings");
    for told in [
        "What there is to mend",
        "recipe-search-dirs",
        "scheduler, worker",
    ] {
        ada.sees(told);
    }
    ada.judge("settings");
}

/// Appoints somebody, and lets them in no more.
fn look_after_users(ada: &Visitor) {
    ada.press("Users");
    ada.sees("ci");
    ada.judge("users");
    ada.press("bob");
    ada.judge("user");
    ada.browser.choose("Role", "approver").unwrap();
    ada.press("Appoint");
    ada.sees("approver");
    ada.press("Disable");
    ada.sees("disabled");
    ada.press("All users");
    ada.press("Revoke ci");
    ada.sees("revoked");
    ada.press("Audit log");
    for told in [
        "administrator.appoint",
        "administrator.disable",
        "token.revoke",
        "schedule.pause",
        "run.queue",
    ] {
        ada.sees(told);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_house_is_made_of_is_looked_after_in_a_browser() {
    let Some(small) = Small::stand().await else {
        return;
    };
    let (port, secret) = prepare(&small).await;
    let Some(ada) = Visitor::with_browser(port) else {
        return;
    };
    let mut service = small.house.program().command(&["serve"]).spawn().unwrap();
    listening(port).await;
    sign_in(&ada, &secret);
    look_after_schedules(&ada);
    look_for_recipes(&ada);
    look_at_the_house(&ada);
    look_after_users(&ada);
    service.kill().await.unwrap();
}
