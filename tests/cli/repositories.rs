//! `repo-add`, `repo-list`, `repo-update`, `repo-delete`.

use crate::{
    git,
    program::{House, Outcome},
};

const RECIPE: &str = "Identifier: com.example.A\nInput: {NAME: A}\nProcess: []\n";

/// A house with a repository to add.
fn house() -> House {
    let house = House::new();
    house.write("origin/A/A.download.recipe.yaml", RECIPE);
    git::init(&house.path("origin"));
    house
}

/// The folder that the origin is cloned to.
fn clone_of(house: &House, origin: &str) -> String {
    let name = house.arg(origin).replace('/', ".");
    format!(
        "[HOUSE]/home/Library/AutoPkg/RecipeRepos/{}",
        name.replace(&house.arg(""), "")
    )
}

#[test]
fn a_repository_is_added_listed_updated_and_deleted() {
    let house = house();
    let clone = clone_of(&house, "origin");
    let said = house.ok("repo-add [HOUSE]/origin");
    assert_eq!(
        said,
        format!(
            "Attempting git clone for [HOUSE]/origin...\n\nAdding {clone} to RECIPE_SEARCH_DIRS...\n\
             Updated search path:\n  '.'\n  '~/Library/AutoPkg/Recipes'\n  '/Library/AutoPkg/Recipes'\n  '{clone}'\n"
        )
    );
    assert_eq!(
        house.ok("repo-list"),
        format!("{clone} ([HOUSE]/origin)\n\n")
    );
    assert_eq!(house.ok("list-recipes"), "A.download\n");
    assert_eq!(
        house.ok("repo-update all"),
        format!("Attempting git pull for {clone}...\nAlready up to date.\n\n")
    );
    house.write("origin/B/B.download.recipe.yaml", RECIPE);
    git::commit(&house.path("origin"), "Second", "Ann", 1_717_300_000);
    let said = house.ok("repo-update [HOUSE]/origin");
    assert!(said.contains("Fast-forward\n 1 file changed\n"), "{said}");
    assert_eq!(house.ok("list-recipes"), "A.download\nB.download\n");
    let said = house.ok("repo-add [HOUSE]/origin");
    assert!(
        said.contains(&format!("Attempting git pull for {clone}...")),
        "{said}"
    );
    assert_eq!(
        house.ok(&format!("repo-delete {clone}")),
        format!("Removing repo at {clone}...\n")
    );
    assert_eq!(house.ok("repo-list"), "No recipe repos.\n");
    assert_eq!(house.ok("list-recipes"), "");
    assert_eq!(house.run("repo-update [HOUSE]/origin").status, Some(1));
}

#[test]
fn what_was_added_is_kept_in_the_preferences_that_were_named() {
    let house = house();
    house.write(
        "prefs.plist",
        "<plist><dict><key>MUNKI_REPO</key><string>/m</string></dict></plist>",
    );
    house.write(
        "cfg/Autopkg/config.json",
        r#"{"RECIPE_SEARCH_DIRS": ["/of/the/user"]}"#,
    );
    let add = house
        .program("repo-add --json file://[HOUSE]/origin --prefs [HOUSE]/prefs.plist")
        .env("XDG_CONFIG_HOME", house.path("cfg"))
        .run();
    assert_eq!(add.status, Some(0), "{add}");
    let line: serde_json::Value = serde_json::from_str(&add.stdout).unwrap();
    assert_eq!(line["url"], "file://[HOUSE]/origin");
    let kept = house.read("prefs.plist");
    for text in ["MUNKI_REPO", "RECIPE_REPOS", "/of/the/user", "file://"] {
        assert!(kept.contains(text), "{kept}");
    }
    assert_eq!(
        house.read("cfg/Autopkg/config.json"),
        r#"{"RECIPE_SEARCH_DIRS": ["/of/the/user"]}"#
    );
}

#[test]
fn what_the_configuration_says_is_not_kept_in_the_preferences() {
    let house = house();
    house.write(
        "auto-update.toml",
        "[autopkg]\nrecipe-search-dirs = [\"recipes\"]\nrecipe-repo-dir = \"clones\"\n",
    );
    let said = house.ok("repo-add [HOUSE]/origin");
    assert!(said.contains("'[HOUSE]/clones/"), "{said}");
    assert!(said.contains("recipes'"), "{said}");
    let kept = house.read("home/.config/Autopkg/config.json");
    assert!(kept.contains("RECIPE_SEARCH_DIRS"), "{kept}");
    assert!(!kept.contains("RECIPE_REPO_DIR"), "{kept}");
    assert!(
        !kept.contains(&format!("\"{}\"", house.arg("recipes"))),
        "{kept}"
    );
    assert_eq!(house.ok("list-recipes"), "A.download\n");
}

#[test]
fn one_that_fails_does_not_hold_up_the_others() {
    let house = house();
    let outcome = house.run("repo-add [HOUSE]/nowhere [HOUSE]/origin");
    assert_eq!(outcome.status, Some(1), "{outcome}");
    assert!(
        outcome
            .stderr
            .starts_with("ERROR: cannot reach [HOUSE]/nowhere: "),
        "{outcome}"
    );
    assert_eq!(house.ok("list-recipes"), "A.download\n");
}

#[test]
fn an_update_that_cannot_be_made_says_why_and_what_to_do() {
    let house = house();
    house.ok("repo-add [HOUSE]/origin");
    let clone = clone_of(&house, "origin");
    let file = format!("{clone}/A/A.download.recipe.yaml").replace("[HOUSE]/", "");
    house.write("origin/A/A.download.recipe.yaml", "theirs\n");
    git::commit(&house.path("origin"), "Second", "Ann", 1_717_300_000);
    house.write(&file, "mine\n");
    let outcome = house.run("repo-update all");
    assert_eq!(outcome.status, Some(1), "{outcome}");
    assert!(
        outcome.stderr.contains(
            "has local changes that an update would overwrite: A/A.download.recipe.yaml\nhint: "
        ),
        "{outcome}"
    );
    assert_eq!(house.read(&file), "mine\n");
}

#[test]
fn what_is_no_repository_is_neither_pulled_nor_deleted() {
    let house = house();
    let clone = clone_of(&house, "origin");
    let mine = house.write(&format!("{clone}/mine").replace("[HOUSE]/", ""), "mine");
    let outcome = house.run("repo-add [HOUSE]/origin");
    assert_eq!(outcome.status, Some(1));
    assert_eq!(
        outcome.stderr,
        format!("ERROR: {clone} exists and is not a git repo!\n")
    );
    let folder = mine.parent().unwrap().display().to_string();
    house.write(
        "home/.config/Autopkg/config.json",
        &serde_json::json!({"RECIPE_REPOS": {folder: {"URL": "x"}}}).to_string(),
    );
    for verb in ["repo-update", "repo-delete"] {
        let outcome = house.run(&format!("{verb} {clone}"));
        assert_eq!(outcome.status, Some(1), "{outcome}");
        assert!(outcome.stderr.contains("is no git repository"), "{outcome}");
    }
    assert!(mine.exists());
}

#[test]
fn a_token_in_an_address_is_never_printed() {
    const TOKEN: &str = "ghp-s3cret-canary";
    let house = house();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = listener.local_addr().unwrap();
    drop(listener);
    let check = |outcome: Outcome| {
        assert!(!outcome.shows(TOKEN), "{outcome}");
        outcome
    };
    for verb in [
        "repo-add",
        "repo-add --json",
        "repo-update",
        "repo-delete",
        "-vvv repo-add",
    ] {
        let outcome = check(house.run(&format!(
            "{verb} http://me:{TOKEN}@{closed}/a/b?token={TOKEN}"
        )));
        assert_eq!(outcome.status, Some(1), "{outcome}");
    }
    let url = format!("https://{TOKEN}@example.com/a/b");
    house.write(
        "home/.config/Autopkg/config.json",
        &serde_json::json!({"RECIPE_REPOS": {house.arg("r"): {"URL": url}}, "GITHUB_TOKEN": TOKEN})
            .to_string(),
    );
    let listed = check(house.run("repo-list"));
    assert_eq!(listed.stdout, "[HOUSE]/r (https://example.com/a/b)\n\n");
    check(house.run("repo-list --json"));
    check(house.run("repo-update all"));
    check(house.run("info"));
    check(house.run("info --json"));
    check(house.run(&format!("repo-delete {url}")));
    assert_eq!(house.ok("repo-list"), "No recipe repos.\n");
}

#[test]
fn nothing_to_do_is_wrong_usage() {
    let house = House::new();
    for verb in ["repo-add", "repo-update", "repo-delete"] {
        assert_eq!(house.run(verb).status, Some(2));
    }
    assert_eq!(house.ok("list-repos"), "No recipe repos.\n");
}

#[test]
fn preferences_that_cannot_be_read_are_told_of() {
    let house = House::new();
    house.write("prefs", "nonsense");
    for file in ["prefs", "missing"] {
        let outcome = house.run(&format!("repo-list --prefs [HOUSE]/{file}"));
        assert_eq!(outcome.status, Some(1), "{outcome}");
        assert!(
            outcome.stderr.contains(&format!("`[HOUSE]/{file}`")),
            "{outcome}"
        );
    }
}

#[test]
fn a_proxy_that_the_environment_names_leads_to_repositories() {
    const CANARY: &str = "pr0xy-canary";
    let house = house();
    let proxy = git::Proxy::start(&house.path("origin"));
    let certificates = house.write("certificates.pem", proxy.certificate());
    let through = |login: &str, arguments: &str| {
        house
            .program(arguments)
            .env("https_proxy", proxy.url(login))
            .env("SSL_CERT_FILE", &certificates)
    };
    let add = format!("repo-add https://{}/a/b.git", git::HOST);
    let outcome = through("user:password", &add).run();
    assert_eq!(outcome.status, Some(0), "{outcome}");
    assert_eq!(house.ok("list-recipes"), "A.download\n");
    let way = format!("CONNECT {}:443", git::HOST);
    assert_eq!(
        proxy.asked(),
        [
            &way,
            "GET /a/b.git/info/refs?service=git-upload-pack",
            &way,
            "POST /a/b.git/git-upload-pack",
        ]
    );
    house.write("origin/B/B.download.recipe.yaml", RECIPE);
    git::commit(&house.path("origin"), "Second", "Ann", 1_717_300_000);
    let outcome = through("user:password", "repo-update all").run();
    assert!(outcome.stdout.contains("Fast-forward\n"), "{outcome}");
    let other = "repo-add https://other.invalid/a/c";
    for (login, address) in [
        ("user:password", other),
        ("", &*add.replace("b.git", "c")),
        (&format!("user:{CANARY}"), other),
    ] {
        let outcome = through(login, address).run();
        assert_eq!(outcome.status, Some(1), "{outcome}");
        assert!(outcome.stderr.contains(": proxy "), "{outcome}");
        assert!(outcome.stderr.contains("`https_proxy`"), "{outcome}");
        assert!(!outcome.shows(CANARY), "{outcome}");
    }
    let asked = proxy.asked();
    assert_eq!(asked.last().unwrap(), "CONNECT other.invalid:443");
    // What follows asks nobody: an address that is none, a host that is excepted, and one without TLS.
    let login = format!("user:{CANARY}@x:y");
    for (login, except, address) in [
        (&*login, "", other),
        ("user:password", "other.invalid", other),
        ("user:password", "", "repo-add http://other.invalid/a/c"),
    ] {
        let outcome = through(login, address)
            .env("http_proxy", proxy.url(login))
            .env("no_proxy", except)
            .run();
        assert_eq!(outcome.status, Some(1), "{outcome}");
        assert!(!outcome.shows(CANARY), "{outcome}");
        assert_eq!(proxy.asked(), asked, "{outcome}");
    }
}
