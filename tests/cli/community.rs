//! Processors of recipe repositories, through the program: what they build on, and what they are kept from.

use crate::program::House;

/// A house with one title whose only step of its own is a processor with this text.
fn house(processor: &str) -> House {
    let house = House::new();
    house.write(
        "auto-update.toml",
        "[autopkg]\nrecipe-search-dirs = [\"r\"]\nrecipe-override-dirs = [\"o\"]\n\
         [sandbox]\nmemory-mib = 160\nprocesses = 16\nseconds = 3\n",
    );
    house.write(
        "r/Own/Own.test.recipe.yaml",
        "Identifier: com.example.own\nInput: {NAME: Own}\nProcess:\n\
         - Processor: FileCreator\n  Arguments:\n    file_path: '%RECIPE_CACHE_DIR%/Widget.txt'\n    file_content: widget\n\
         - Processor: com.example.own/Own\n",
    );
    house.write("r/Own/Own.py", processor);
    house.write(
        "o/Own.test.recipe.yaml",
        "Identifier: local.own\nInput: {}\nParentRecipe: com.example.own\n",
    );
    house.ok("trust approve Own.test --by ann");
    house
}

const BUILDS_ON_OTHERS: &str = r#"
import os, zipfile
from autopkglib import Processor, ProcessorError, FileFinder, Unarchiver
from autopkglib.Copier import Copier
from autopkglib.PlistReader import PlistReader

__all__ = ["Own"]

class Own(Copier):
    description = "Builds on others."
    input_variables = {}
    output_variables = {}

    def process(self):
        self.env["source_path"] = os.path.join(self.env["RECIPE_CACHE_DIR"], "Widget.txt")
        self.env["destination_path"] = os.path.join(self.env["RECIPE_CACHE_DIR"], "Copy.txt")
        return super().process()

    def main(self):
        super().main()
        cache = self.env["RECIPE_CACHE_DIR"]
        assert open(self.env["destination_path"]).read() == "widget"
        self.copy(self.env["destination_path"], os.path.join(cache, "Again.txt"))
        with zipfile.ZipFile(os.path.join(cache, "Widget.zip"), "w") as made:
            made.writestr("Widget.app/Contents/Info.plist",
                          "<plist version='1.0'><dict><key>CFBundleShortVersionString</key><string>3.1</string></dict></plist>")
        unarchiver = Unarchiver()
        unarchiver.env = self.env
        self.env["archive_path"] = os.path.join(cache, "Widget.zip")
        self.env["destination_path"] = os.path.join(cache, "unpacked")
        unarchiver.process()
        self.env["pattern"] = cache + "/unpacked/*.app"
        FileFinder(self.env).process()
        reader = PlistReader({"info_path": self.env["found_filename"], "plist_keys": {"CFBundleShortVersionString": "got"}})
        self.output("version " + reader.process()["got"])
        try:
            FileFinder({"pattern": cache + "/nothing*", "RECIPE_CACHE_DIR": cache}).process()
        except ProcessorError as err:
            self.output(f"native words: {err}")
        for target in "/var/auto-update-escape", "/usr/auto-update-escape":
            try:
                Copier({"source_path": cache + "/Widget.txt", "destination_path": target}).process()
            except ProcessorError as err:
                self.output(f"kept from {target}: {err}")
        try:
            Copier({"source_path": os.environ["SECRET_FILE"] if "SECRET_FILE" in os.environ else self.env["kept_at"],
                    "destination_path": cache + "/stolen"}).process()
        except ProcessorError as err:
            self.output(f"kept secret: {err}")
"#;

#[test]
fn it_has_core_processors_work_for_it_with_its_own_rights() {
    let house = house(BUILDS_ON_OTHERS);
    house.write("secret", "canary");
    let outcome = house.run(&format!(
        "run -vv Own.test -k kept_at={}",
        house.arg("secret")
    ));
    assert_eq!(outcome.status, Some(0), "{outcome}");
    for part in [
        "version 3.1",
        "native words: No matching filename found",
        "kept from /usr/auto-update-escape",
        "kept secret: ",
    ] {
        assert!(outcome.shows(part), "{part}: {outcome}");
    }
    let cache = house.path("var/cache/local.own");
    assert!(cache.join("Again.txt").is_file() && !cache.join("stolen").exists());
    assert!(!std::path::Path::new("/var/auto-update-escape").exists());
}

#[test]
fn its_predicates_are_judged_as_those_of_recipes() {
    let house = house(
        "from Foundation import NSPredicate\nfrom autopkglib import Processor\n__all__ = ['Own']\nclass Own(Processor):\n    \
         def main(self):\n        \
         for text in 'NAME BEGINSWITH[c] \"ow\"', 'NAME == \"x\"', 'NAME BEGINS':\n            \
         predicate = NSPredicate.predicateWithFormat_(text)\n            \
         try:\n                self.output(f'{text}: {predicate.evaluateWithObject_(self.env)}')\n            \
         except ValueError as err:\n                self.output(f'no: {err}')\n        \
         assert 'predicate' not in self.env and 'stop_processing_recipe' not in self.env\n",
    );
    let outcome = house.run("run -v Own.test");
    assert_eq!(outcome.status, Some(0), "{outcome}");
    for part in [
        "NAME BEGINSWITH[c] \"ow\": True",
        "NAME == \"x\": False",
        "no: Predicate error for 'NAME BEGINS'",
    ] {
        assert!(outcome.shows(part), "{part}: {outcome}");
    }
    assert!(!outcome.shows("is True"), "{outcome}");
}

#[test]
fn one_that_is_to_run_after_a_recipe_is_approved_with_it() {
    const OWN: &str = "from autopkglib import Processor\n__all__ = ['Own']\nclass Own(Processor):\n    \
                       def main(self):\n        self.output('own')\n";
    let house = house(OWN);
    let write = |word: &str| {
        let text = OWN.replace("Own", "After").replace("'own'", word);
        house.write("r/Own/After.py", &text);
    };
    write("'after'");
    house.ok("trust approve Own.test --by ann");
    let after = "run -v Own.test --post com.example.own/After";
    let outcome = house.run(after);
    assert_eq!(outcome.status, Some(70), "{outcome}");
    let hint = "trust approve Own.test --post com.example.own/After";
    assert!(outcome.shows(hint), "{outcome}");
    house.ok(&format!("{hint} --by ann"));
    house.ok(&hint.replace("approve", "diff"));
    for (arguments, said) in [(after, true), ("run -v Own.test", false)] {
        let outcome = house.run(arguments);
        assert_eq!(outcome.status, Some(0), "{outcome}");
        assert_eq!(outcome.shows("After: after"), said, "{outcome}");
    }
    write("'changed'");
    // It lies beside the recipe's own, which could import it.
    for arguments in [after, "run -v Own.test"] {
        let outcome = house.run(arguments);
        assert_eq!(outcome.status, Some(70), "{outcome}");
    }
    house.ok("trust approve Own.test --by ann");
    assert_eq!(house.run("run Own.test").status, Some(0));
    assert_eq!(house.run(after).status, Some(70));
}

#[test]
fn it_reads_the_files_beside_it_that_its_text_names_and_that_were_approved() {
    let house = house(
        "import os\nfrom autopkglib import Processor\n__all__ = ['Own']\nclass Own(Processor):\n    \
         def main(self):\n        here = os.path.dirname(__file__)\n        \
         self.output(open(os.path.join(here, 'Scripts/post.sh')).read())\n        \
         assert os.listdir(here + '/Scripts') == ['post.sh']\n",
    );
    house.write("r/Own/Scripts/post.sh", "as approved");
    house.write("r/Own/Scripts/other.sh", "unnamed");
    let outcome = house.run("run -v Own.test");
    assert_ne!(outcome.status, Some(0), "it is new: {outcome}");
    house.ok("trust approve Own.test --by ann");
    let outcome = house.run("run -v Own.test");
    assert_eq!(outcome.status, Some(0), "{outcome}");
    assert!(outcome.shows("as approved"), "{outcome}");
    house.write("r/Own/Scripts/post.sh", "tampered");
    let outcome = house.run("run -v Own.test");
    assert_ne!(outcome.status, Some(0), "{outcome}");
    assert!(!outcome.shows("tampered"), "{outcome}");
}

/// What is tried, the class of the failure, and a part of what is told of it.
const ESCAPES: [(&str, &str, &str, &str); 8] = [
    (
        "Secret",
        "self.env['got'] = open(self.env['kept_at']).read()",
        "package",
        "No such file or directory",
    ),
    (
        "Outside",
        "os.makedirs('/var/planted')",
        "package",
        "Read-only file system",
    ),
    (
        "System",
        "open('/usr/bin/planted', 'w').write('x')",
        "package",
        "Read-only file system",
    ),
    (
        "Socket",
        "import socket\nsocket.create_connection(('127.0.0.1', self.env['port']), 5)",
        "package",
        "Connection refused",
    ),
    (
        "Forks",
        "import time\nwhile True:\n    try:\n        os.fork() or time.sleep(60)\n    except OSError:\n        time.sleep(1)",
        "configuration",
        "more than 16 processes",
    ),
    (
        "Memory",
        "import time\nblobs = []\nwhile True:\n    blobs.append(bytearray(b'x') * (16 << 20))\n    time.sleep(0.02)",
        "configuration",
        "more than 160 MiB",
    ),
    (
        "Deaf",
        "import signal\nfor number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):\n    signal.signal(number, signal.SIG_IGN)\nwhile True:\n    pass",
        "timeout",
        "longer than 3 seconds",
    ),
    (
        "Link",
        "os.symlink(self.env['kept_at'], 'downloads')\nself.env['pathname'] = os.path.abspath('downloads')",
        "configuration",
        "leads out of the workspace",
    ),
];

#[test]
fn every_escape_is_stopped_and_told_as_that_steps_failure() {
    let house =
        house("from autopkglib import Processor\nclass Own(Processor):\n    description = ''\n");
    house.write("secret", "canary");
    // Somebody listens: who could reach it would be let in.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    for (name, body, class, why) in ESCAPES {
        let body = body.replace('\n', "\n        ");
        house.write(
            &format!("r/{name}/{name}.py"),
            &format!(
                "import os\nfrom autopkglib import Processor\n__all__ = ['{name}']\nclass {name}(Processor):\n    \
                 description = 'Tries to get out.'\n    input_variables = {{}}\n    output_variables = {{}}\n    \
                 def main(self):\n        {body}\n"
            ),
        );
        house.write(
            &format!("r/{name}/{name}.test.recipe.yaml"),
            &format!(
                "Identifier: com.example.{name}\nInput: {{NAME: {name}, kept_at: '{}', port: {port}}}\nProcess:\n\
                 - Processor: com.example.{name}/{name}\n\
                 - Processor: Copier\n  Arguments:\n    source_path: '%pathname%'\n    destination_path: '%RECIPE_CACHE_DIR%/stolen'\n",
                house.arg("secret")
            ),
        );
        house.write(
            &format!("o/{name}.test.recipe.yaml"),
            &format!("Identifier: local.{name}\nInput: {{pathname: none}}\nParentRecipe: com.example.{name}\n"),
        );
        house.ok(&format!("trust approve {name}.test --by ann"));
        let outcome = house.run(&format!("run {name}.test --json"));
        assert_eq!(outcome.status, Some(70), "{name}: {outcome}");
        let run: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
        assert_eq!(run["state"], "failed", "{name}: {outcome}");
        assert_eq!(run["class"], class, "{name}: {outcome}");
        let incident = run["incident"].to_string();
        let told = house.run(&format!("incident show {}", incident.trim_matches('"')));
        assert!(told.shows(why), "{name}: {told}");
        assert!(
            !house
                .path(&format!("var/cache/local.{name}/stolen"))
                .exists()
        );
    }
    assert_eq!(house.read("secret"), "canary");
    assert!(!house.path("planted").exists());
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "nobody called");
}
