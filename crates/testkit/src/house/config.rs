//! The configuration file of a house.

use super::TestHouse;
use crate::virus_total;

/// Preferences of `AutoPkg` that set nothing; the program keeps in them what it is told to keep.
pub(super) const NO_PREFERENCES: &str = "\
<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<plist version=\"1.0\">
<dict/>
</plist>
";

/// The file's text: everything in the house, everybody outside on loopback, no limit that would make it wait.
pub(super) fn text(house: &TestHouse) -> String {
    let desk = house.desk.config();
    let scanner = house.virus_total.base_url();
    let key = virus_total::KEY;
    let port = house.serve_port;
    format!(
        r#"state-dir = "var"

[repository]
path = "var/repo"

[autopkg]
prefs = "home/com.github.autopkg.plist"
recipe-search-dirs = ["recipes"]
recipe-override-dirs = ["overrides"]
recipe-repo-dir = "var/recipe-repos"

[fetch]
plain-http-hosts = ["127.0.0.1"]

[scan]
base-url = "{scanner}"
api-key = "{key}"
per-minute = 100000
per-day = 100000
per-month = 100000
poll-seconds = 1

[serve]
listen = "127.0.0.1:{port}"
workers = 2
schedules = "schedules.yaml"

{desk}"#
    )
}
