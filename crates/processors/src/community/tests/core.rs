//! Core processors that others build on or have work for them.

use model::FailureClass;
use proplist::Value;
use serde_json::json;
use testkit::vendor::Resource;

use super::Shelf;

#[tokio::test]
async fn a_searcher_is_changed_by_its_subclass() {
    let mut shelf = Shelf::new().await;
    shelf
        .bench
        .vendor
        .put("/page", Resource::page("Widget-1.2.dmg WIDGET-1.3.dmg"));
    let url = shelf.bench.vendor.url("/page");
    let body = "from autopkglib.URLTextSearcher import URLTextSearcher\n\
        class Last(URLTextSearcher):\n    def re_search(self, content):\n        \
        import re\n        \
        found = re.findall(self.env['re_pattern'], content, self.prepare_re_flags())\n        \
        return found[-1], {}\n\
        plain, last = URLTextSearcher(self.env), Last(dict(self.env))\n\
        plain.process()\nself.env['first'] = self.env['match']\n\
        last.process()\nself.env['made'] = last.env['match']";
    let arguments =
        json!({"url": url, "re_pattern": "widget-([0-9.]+)\\.dmg", "re_flags": ["IGNORECASE"]});
    shelf.run(body, arguments).await.unwrap();
    assert_eq!(shelf.bench.text("first"), "1.2");
    assert_eq!(shelf.bench.text("made"), "1.3");
    assert_eq!(shelf.bench.said()[0], "Found matching text (match): 1.2");
    let arguments = json!({"url": url, "re_pattern": "gadget"});
    let failed = shelf.run(body, arguments).await.unwrap_err();
    assert_eq!(failed.message, format!("No match found on URL: {url}"));
    assert_eq!(failed.class, FailureClass::SourceChanged);
}

#[tokio::test]
async fn a_downloader_gets_its_file_and_tells_an_unchanged_one() {
    let mut shelf = Shelf::new().await;
    let dmg = Resource::file("image").with_header("ETag", "\"7\"");
    shelf.bench.vendor.put("/get/Widget.dmg", dmg);
    let url = shelf.bench.vendor.url("/get/Widget.dmg");
    let body = "from autopkglib import URLDownloader\n\
        class Own(URLDownloader):\n    def get_filename(self):\n        \
        return 'own-' + super().get_filename()\n\
        step = Own(self.env)\nstep.process()\nself.env['made'] = [self.env['download_changed'], self.env['etag']]\n\
        step.main()\nself.env['made'].append(self.env['download_changed'])";
    shelf.run(body, json!({"url": url})).await.unwrap();
    let expected: Value = vec![true.into(), Value::from("\"7\""), false.into()].into();
    assert_eq!(shelf.bench.env["made"], expected);
    let place = shelf.bench.path("downloads/own-Widget.dmg");
    assert_eq!(shelf.bench.text("pathname"), place);
    assert_eq!(fs_err::read_to_string(&place).unwrap(), "image");
    assert_eq!(
        shelf.bench.context.downloads.all().len(),
        2,
        "both downloads are noted"
    );
    let failed = shelf
        .run(body, json!({"url": shelf.bench.vendor.url("/nothing")}))
        .await
        .unwrap_err();
    assert_eq!(failed.class, FailureClass::Download, "{failed}");
}

#[tokio::test]
async fn releases_are_asked_for_outside_with_the_token_of_the_house() {
    let mut shelf = Shelf::new().await;
    let releases = json!([{"tag_name": "v2.1", "assets": [{
        "name": "Widget.dmg", "url": "https://api.example/1",
        "browser_download_url": "https://get.example/Widget.dmg",
    }]}]);
    shelf
        .bench
        .vendor
        .put("/repos/w/w/releases", Resource::file(releases.to_string()));
    let api = shelf.bench.vendor.url("");
    shelf.bench.env.insert("GITHUB_URL".to_owned(), api.into());
    shelf
        .bench
        .env
        .insert("GITHUB_TOKEN".to_owned(), "canary".into());
    let body = "from autopkglib import GitHubReleasesInfoProvider\n\
        self.env['GITHUB_TOKEN'] = 'forged'\n\
        self.env['GITHUB_URL'] = 'http://127.0.0.1:1'\n\
        GitHubReleasesInfoProvider(self.env).process()\n\
        self.env['made'] = self.env['url'] + ' ' + self.env['version']\n\
        self.env['seen'] = 'canary' in str(self.env)";
    let arguments = json!({"github_repo": "w/w"});
    shelf.run(body, arguments).await.unwrap();
    assert_eq!(
        shelf.bench.text("made"),
        "https://get.example/Widget.dmg 2.1"
    );
    assert_eq!(shelf.bench.env["seen"], false.into());
    let seen = shelf.bench.vendor.seen();
    assert_eq!(seen.len(), 1);
    assert!(
        seen[0]
            .header("authorization")
            .is_some_and(|value| value.ends_with("canary"))
    );
}

#[tokio::test]
async fn what_is_no_business_of_theirs_is_refused() {
    let mut shelf = Shelf::new().await;
    for (name, why) in [
        ("MunkiImporter", "use it as a step of the recipe"),
        ("Installer", "does not work on Linux"),
        ("Copier", "needs the program in its sandbox"),
    ] {
        let body = format!(
            "from autopkglib.{name} import {name}\nstep = {name}(self.env)\n\
             self.env.update(pkg_path='x', source_path='x', destination_path='y', MUNKI_REPO='z', repo_subdirectory='')\n\
             step.main()"
        );
        let failed = shelf.run(&body, json!({})).await.unwrap_err();
        assert!(failed.message.contains(why), "{failed}");
    }
    for what in ["'step', processor='Copier', env={}", "'nothing'"] {
        let body = format!("import auto_update_host as host\nhost.call({what})");
        let failed = shelf.run(&body, json!({})).await.unwrap_err();
        assert!(
            failed.message.contains("is run by the program itself")
                || failed.message.contains("cannot be understood"),
            "{failed}"
        );
    }
}

#[tokio::test]
async fn attributes_and_recipes_can_be_read() {
    let mut shelf = Shelf::new().await;
    let body = "import xattr, autopkglib\nfrom autopkglib import recipe_from_file, get_identifier\n\
        open('a', 'w').close()\nfile = xattr.xattr('a')\n\
        try:\n    file['user.made'] = b'7'\n    self.env['made'] = xattr.getxattr('a', 'user.made').decode()\n    \
        file.remove('user.made')\nexcept OSError:\n    self.env['made'] = '7'\n\
        self.env['left'] = 'user.made' in file or 'com.apple.quarantine' in autopkglib.xattr.xattr('a').list()\n\
        import plistlib\nplistlib.dump({'Identifier': 'com.example.a'}, open('a.recipe', 'wb'))\n\
        self.env['identifier'] = get_identifier(recipe_from_file('a.recipe'))\n\
        self.env['none'] = recipe_from_file('b.recipe') is None and recipe_from_file('a') is None";
    shelf.run(body, json!({})).await.unwrap();
    assert_eq!(shelf.bench.text("made"), "7");
    assert_eq!(shelf.bench.env["left"], false.into());
    assert_eq!(shelf.bench.text("identifier"), "com.example.a");
    assert_eq!(shelf.bench.env["none"], true.into());
}
