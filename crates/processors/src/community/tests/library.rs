//! What processors find of Python's library and of modules that others import.

use serde_json::json;
use testkit::vendor::Resource;

use super::Shelf;

#[tokio::test]
async fn urllib_is_served_by_the_program() {
    let mut shelf = Shelf::new().await;
    let vendor = &shelf.bench.vendor;
    vendor.put("/page", Resource::page("a page"));
    vendor.put("/page/moved", Resource::redirect("/page"));
    let url = shelf.bench.vendor.url("/page");
    shelf
        .run(
            "import ssl, urllib.error, urllib.request\n\
             context = ssl.create_default_context()\n\
             request = urllib.request.Request(self.env['url'], headers={'X-Own': 'yes'})\n\
             with urllib.request.urlopen(request, context=context) as response:\n    \
             self.env['made'] = [response.read().decode(), response.status, response.headers['Content-Length']]\n\
             opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context))\n\
             self.env['made'].append(opener.open(self.env['url'], data=b'a=b').read().decode())\n\
             head = urllib.request.Request(self.env['url'], method='HEAD')\n\
             self.env['made'].append(urllib.request.urlopen(head).read().decode())\n\
             try:\n    urllib.request.urlopen(self.env['url'] + '/gone')\n\
             except urllib.error.HTTPError as err:\n    self.env['made'].append([err.code, str(err)])\n\
             moved = [urllib.request.urlopen(urllib.request.Request(self.env['url'] + '/moved', method=method)) for method in ('GET', 'HEAD')]\n\
             self.env['made'].append([response.geturl() == self.env['url'] for response in moved])\n\
             try:\n    urllib.request.urlopen(self.env['url'], data=b'\\xff')\n\
             except urllib.error.URLError as err:\n    self.env['made'].append(str(err.reason))",
            json!({"url": url}),
        )
        .await
        .unwrap();
    let made = serde_json::Value::from(&shelf.bench.env["made"]);
    assert_eq!(
        made,
        json!([
            "a page",
            200,
            "6",
            "a page",
            "",
            [404, "HTTP Error 404: Not Found"],
            [true, true],
            "what is sent must be text here"
        ])
    );
    let seen = shelf.bench.vendor.seen();
    assert_eq!(seen[0].header("x-own"), Some("yes"));
    assert_eq!(seen[1].method, "POST");
}

#[tokio::test]
async fn curl_writes_what_it_is_told_to_write() {
    let mut shelf = Shelf::new().await;
    shelf
        .bench
        .vendor
        .put("/latest", Resource::redirect("/Widget-2.0.dmg"));
    shelf
        .bench
        .vendor
        .put("/Widget-2.0.dmg", Resource::page("image"));
    let url = shelf.bench.vendor.url("/latest");
    shelf
        .run(
            "command = [*self.prepare_curl_cmd(), '--silent', '--head', '--write-out', '%{url_effective}', '--url', \
             self.env['url'], '--output', '/dev/null']\n\
             self.env['made'] = [self.download_with_curl(command).rpartition('/')[2]]\n\
             command = [*self.prepare_curl_cmd(), '-w', '\\\\n%{http_code} %{url_effective}', self.env['url']]\n\
             body, status = self.download_with_curl(command).split('\\n')\n\
             self.env['made'] += [body, status.rpartition('/')[2], status[:3]]\n\
             try:\n    self.download_with_curl([*self.prepare_curl_cmd(), '-w', '%{time_total}', self.env['url']])\n\
             except ProcessorError as err:\n    self.env['made'].append(str(err))",
            json!({"url": url}),
        )
        .await
        .unwrap();
    let made = serde_json::Value::from(&shelf.bench.env["made"]);
    assert_eq!(
        made,
        json!([
            "Widget-2.0.dmg",
            "image",
            "Widget-2.0.dmg",
            "200",
            "curl: %{time_total} is not understood in --write-out"
        ])
    );
}

#[tokio::test]
async fn what_python_dropped_and_what_others_brought_is_there() {
    let mut shelf = Shelf::new().await;
    shelf
        .run(
            "import plistlib, sys\n\
             path = os.path.join(self.env['RECIPE_CACHE_DIR'], 'a.plist')\n\
             plistlib.writePlist({'a': 1}, path)\n\
             assert plistlib.readPlist(path) == plistlib.readPlist(open(path, 'rb')) == {'a': 1}\n\
             assert plistlib.readPlistFromString(plistlib.writePlistToString({'b': 2})) == {'b': 2}\n\
             fallback = sys.path[-1]\n\
             assert fallback.endswith('/fallback')\n\
             import importlib.util\n\
             def ours(name):\n    \
             found = importlib.util.spec_from_file_location('ours', os.path.join(fallback, name))\n    \
             module = importlib.util.module_from_spec(found)\n    \
             found.loader.exec_module(module)\n    return module\n\
             certifi, versions = ours('certifi.py'), ours('packaging/version.py')\n\
             assert certifi.where().endswith('.crt')\n\
             LooseVersion = ours('distutils/version.py').LooseVersion\n\
             assert LooseVersion is sys.modules['looseversion'].LooseVersion and LooseVersion('1.1') < LooseVersion('1.b')\n\
             assert LooseVersion('1.10b2') > '1.9' and LooseVersion('1.5') == LooseVersion('1.5')\n\
             assert [str(v) for v in sorted(map(LooseVersion, ['2.0', '1.2.1', '1.2']))] == ['1.2', '1.2.1', '2.0']\n\
             assert str(ours('pkg_resources.py').parse_version('1.2')) == '1.2'\n\
             parse = versions.parse\n\
             ordered = ['1.dev0', '1.0a1.dev2', '1a1', '1a1.post1', '1b2', '1rc1', '1.0.0', '1+abc', '1+1', '1.post1.dev1',\n             \
             '1-1', '1.1', '1.10', '1!0.1']\n\
             assert sorted(reversed(ordered), key=parse) == ordered, sorted(ordered, key=parse)\n\
             assert parse('1.0') == parse('v1') and str(parse('1.0-ALPHA_1')) == '1.0a1'\n\
             assert parse('2.3').minor == 3 and parse('2.3rc1').is_prerelease\n\
             try:\n    parse('soon')\n\
             except versions.InvalidVersion as err:\n    self.env['made'] = str(err)",
            json!({}),
        )
        .await
        .unwrap();
    assert_eq!(shelf.bench.text("made"), "Invalid version: 'soon'");
}

#[tokio::test]
async fn the_operator_adds_modules() {
    let mut shelf = Shelf::new().await;
    let modules = tempfile::tempdir().unwrap();
    fs_err::write(modules.path().join("brought.py"), "WORD = 'brought'\n").unwrap();
    let text = "import brought\nfrom autopkglib import Processor\nclass Own(Processor):\n    \
                def main(self):\n        self.env['made'] = brought.WORD\n        \
                open(brought.__file__, 'a')\n";
    let sources = shelf.sources(text);
    let failed = shelf.load(sources.clone()).await.unwrap_err();
    assert!(
        failed.message.contains("No module named 'brought'"),
        "{failed}"
    );
    shelf.settings.python_path.push(modules.path().to_owned());
    shelf.load(sources).await.unwrap();
    let failed = shelf
        .bench
        .step("com.example.shared/Own", json!({}))
        .await
        .unwrap_err();
    assert!(failed.message.contains("Read-only file system"), "{failed}");
}
