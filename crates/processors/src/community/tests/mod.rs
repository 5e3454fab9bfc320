//! Processors as people write them, and as attackers would.

mod bounds;
mod core;
mod edits;
mod fetching;
mod imports;
mod library;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use model::{FailureClass, Sha256};
use proplist::Value;
use sandbox::Limits;
use serde_json::json;
use testkit::vendor::Resource;

use super::{PythonHost, PythonSettings, Sources};
use crate::{Processor as _, StepError, StepRecord, bench::Bench};

/// A recipe folder with one processor in it.
struct Shelf {
    bench: Bench,
    folder: tempfile::TempDir,
    settings: PythonSettings,
}

impl Shelf {
    async fn new() -> Self {
        Self {
            bench: Bench::new().await,
            folder: tempfile::tempdir().unwrap(),
            settings: PythonSettings::default(),
        }
    }

    fn write(&self, name: &str, text: &str) -> (PathBuf, Sha256) {
        let path = self.folder.path().join(name);
        fs_err::write(&path, text).unwrap();
        (path, Sha256::of(text.as_bytes()))
    }

    fn sources(&self, text: &str) -> Sources {
        let file = self.write("Own.py", text);
        Sources {
            processor: file.0.clone(),
            files: vec![file],
            resources: Vec::new(),
        }
    }

    async fn load(&mut self, sources: Sources) -> Result<(), StepError> {
        let host = Arc::new(PythonHost::new(self.settings.clone()));
        let loaded = host.load("com.example.shared/Own", sources).await?;
        self.bench.registry.add(Arc::new(loaded));
        Ok(())
    }

    /// Runs a class whose `main` is `body`, with these arguments.
    async fn run(
        &mut self,
        body: &str,
        arguments: serde_json::Value,
    ) -> Result<StepRecord, StepError> {
        let body = body.replace('\n', "\n        ");
        let text = format!(
            "import os\nfrom autopkglib import Processor, ProcessorError, URLGetter\n\
             from autopkglib.DmgMounter import DmgMounter\n\
             __all__ = ['Own']\n\
             class Own(URLGetter, DmgMounter):\n    '''Does what a test says.'''\n    \
             description = __doc__\n    \
             input_variables = {{'API_TOKEN_OWN': {{'required': False}}, 'kind': {{'default': 'none'}}}}\n    \
             output_variables = {{'made': {{}}}}\n    \
             def __init__(self, env=None, infile=None, outfile=None):\n        \
             super().__init__(env, infile, outfile)\n        self.mounts = {{}}\n    \
             def main(self):\n        {body}\n"
        );
        let sources = self.sources(&text);
        self.load(sources).await?;
        self.bench.step("com.example.shared/Own", arguments).await
    }
}

#[tokio::test]
async fn a_processor_reads_sets_and_removes_variables_and_speaks() {
    let mut shelf = Shelf::new().await;
    shelf.bench.env.insert("old".to_owned(), "x".into());
    shelf
        .bench
        .env
        .insert("blob".to_owned(), Value::Data(vec![0, 255]));
    let record = shelf
        .run(
            "self.output('heard ' + self.env['word'])\nself.output('unheard', verbose_level=2)\n\
             print('printed', self.env['kind'])\nself.env['made'] = {'list': [1, 2.5, None, self.env['blob']]}\n\
             del self.env['old']",
            json!({"word": "%NAME% 1"}),
        )
        .await
        .unwrap();
    assert_eq!(shelf.bench.said(), ["heard Widget 1", "printed none"]);
    assert!(!shelf.bench.env.contains_key("old"));
    let list = shelf.bench.env["made"].as_dict().unwrap()["list"].clone();
    let expected: Value = vec![
        Value::Integer(1),
        Value::Real(2.5),
        Value::Null,
        Value::Data(vec![0, 255]),
    ]
    .into();
    assert_eq!(list, expected);
    assert!(record.output.contains_key("made"));
    assert!(!record.input.contains_key("word"), "it is not declared");
}

#[tokio::test]
async fn its_manifest_is_known_before_it_runs() {
    let shelf = Shelf::new().await;
    let sources = shelf.sources(
        "from autopkglib import Processor\nclass Own(Processor):\n    description = 'Owns.'\n    \
         input_variables = {'need': {'required': True}, 'may': {'required': False, 'default': [1]}}\n    \
         output_variables = {'got': {'description': 'it'}}\n",
    );
    let host = Arc::new(PythonHost::default());
    let loaded = host.load("Own", sources).await.unwrap();
    assert_eq!((loaded.name(), loaded.description()), ("Own", "Owns."));
    let inputs = loaded.inputs();
    assert!(inputs[0].required && !inputs[1].required);
    assert_eq!(inputs[1].default, Some(vec![Value::Integer(1)].into()));
    assert_eq!(loaded.output_names(), ["got"]);
}

#[tokio::test]
async fn what_it_raises_is_the_steps_failure() {
    let mut shelf = Shelf::new().await;
    let failed = shelf
        .run("raise ProcessorError('no such page')", json!({}))
        .await
        .unwrap_err();
    assert_eq!(failed.message, "no such page");
    assert_eq!(failed.class, FailureClass::Package);
    let failed = shelf.run("self.env['gone']", json!({})).await.unwrap_err();
    assert_eq!(failed.message, "'gone'");
    assert!(failed.source.unwrap().to_string().contains("KeyError"));
    let failed = shelf
        .run("self.env['made'] = object()", json!({}))
        .await
        .unwrap_err();
    assert_eq!(
        failed.message,
        "made holds a object, which cannot be handed on"
    );
    for (value, what) in [
        ("float('inf')", "inf"),
        ("[{'made': float('nan')}]", "nan"),
        ("2 ** 64", "an integer of more than 64 bits"),
        ("-10 ** 5000", "an integer of more than 64 bits"),
    ] {
        let body = format!("self.env['made'] = {value}");
        let failed = shelf.run(&body, json!({})).await.unwrap_err();
        let expected = format!("made holds {what}, which cannot be handed on");
        assert_eq!(failed.message, expected);
    }
    let kept = "self.env['made'] = [2 ** 64 - 1, -2 ** 63, 2.5]";
    shelf.run(kept, json!({})).await.unwrap();
    let made = serde_json::Value::from(&shelf.bench.env["made"]);
    assert_eq!(made, json!([u64::MAX, i64::MIN, 2.5]));
    for body in ["os._exit(3)", "os.write(1, b'x'); os.close(4); os.close(3)"] {
        let failed = shelf.run(body, json!({})).await.unwrap_err();
        assert!(
            failed.message.contains("ended before its step did"),
            "{failed}"
        );
    }
}

/// Shows that it runs, again and again.
const SHOWS_ITSELF: &str =
    "import time\nwhile True:\n    open('alive', 'w').write('yes')\n    time.sleep(0.01)";

/// Whether what wrote there does so no more.
async fn is_gone(alive: &Path) -> bool {
    fs_err::write(alive, "ended").unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    fs_err::read_to_string(alive).unwrap() == "ended"
}

#[tokio::test]
async fn one_that_says_what_no_host_says_is_stopped_and_not_waited_for() {
    let mut shelf = Shelf::new().await;
    let alive = shelf.bench.context.workspace.join("alive");
    for say in ["b'{}\\n'", "b'{\"loaded\": {}}\\n'"] {
        let body = format!("os.write(4, {say})\n{SHOWS_ITSELF}");
        let failed = shelf.run(&body, json!({})).await.unwrap_err();
        let why = "cannot be understood";
        assert!(failed.message.contains(why), "{failed}");
        assert!(failed.next_step.is_some());
        assert!(is_gone(&alive).await, "{say}");
    }
}

#[tokio::test]
async fn one_that_is_cancelled_is_gone_when_its_step_is_over() {
    let mut shelf = Shelf::new().await;
    let alive = shelf.bench.context.workspace.join("alive");
    let (cancelled, begun) = (shelf.bench.context.cancelled.clone(), alive.clone());
    tokio::spawn(async move {
        while !begun.exists() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        cancelled.cancel();
    });
    shelf.run(SHOWS_ITSELF, json!({})).await.unwrap_err();
    assert!(is_gone(&alive).await);
}

#[tokio::test]
async fn what_cannot_be_loaded_says_why() {
    let mut shelf = Shelf::new().await;
    for (text, why) in [
        ("print 'python 2'\n", "SyntaxError"),
        ("import nowhere\n", "No module named 'nowhere'"),
        ("from Foundation import NSData\n", "Foundation"),
        ("class Other: pass\n", "Own"),
        ("import sys\nsys.exit(1)\n", "1"),
    ] {
        let sources = shelf.sources(text);
        let failed = shelf.load(sources).await.unwrap_err();
        let start =
            "Unable to import 'com.example.shared/Own', likely due to syntax or Python error.";
        assert!(failed.message.starts_with(start), "{failed}");
        let more = failed.source.unwrap().to_string();
        assert!(failed.message.contains(why) || more.contains(why), "{more}");
    }
}

#[tokio::test]
async fn only_approved_bytes_are_loaded_neighbours_too() {
    let mut shelf = Shelf::new().await;
    let neighbour = shelf.write("Neighbour.py", "WORD = 'beside'\n");
    let mut sources = shelf.sources(
        "from autopkglib import Processor\nfrom Neighbour import WORD\nclass Own(Processor):\n    \
         def main(self):\n        self.env['made'] = WORD\n",
    );
    let failed = shelf.load(sources.clone()).await.unwrap_err();
    assert!(
        failed.message.contains("Neighbour"),
        "what was not approved is not there: {failed}"
    );
    sources.files.push(neighbour);
    shelf.load(sources.clone()).await.unwrap();
    shelf
        .bench
        .step("com.example.shared/Own", json!({}))
        .await
        .unwrap();
    assert_eq!(shelf.bench.text("made"), "beside");
    shelf.write("Neighbour.py", "WORD = 'other'\n");
    let failed = shelf
        .bench
        .step("com.example.shared/Own", json!({}))
        .await
        .unwrap_err();
    assert_eq!(failed.class, FailureClass::Trust, "{failed}");
}

#[tokio::test]
async fn downloads_are_made_by_the_program_and_noted() {
    let mut shelf = Shelf::new().await;
    let vendor = &shelf.bench.vendor;
    vendor.put("/page", Resource::page("version 7\r\n"));
    vendor.put("/App.dmg", Resource::file(vec![0, 159, 146, 150]));
    let urls = json!({"page": vendor.url("/page"), "file": vendor.url("/App.dmg")});
    let body = "self.env['text'] = self.download(self.env['page'], text=True)\n\
        self.env['bytes'] = self.download(self.env['file'])\n\
        target = os.path.join(self.env['RECIPE_CACHE_DIR'], 'own.dmg')\n\
        self.env['made'] = self.download_to_file(self.env['file'], target, headers={'X-Own': 'yes'})";
    shelf.run(body, urls).await.unwrap();
    assert_eq!(shelf.bench.text("text"), "version 7\n");
    let bytes = Value::Data(vec![0, 159, 146, 150]);
    assert_eq!(shelf.bench.env["bytes"], bytes);
    assert_eq!(
        fs_err::read(shelf.bench.text("made")).unwrap(),
        [0, 159, 146, 150]
    );
    let seen = shelf.bench.vendor.seen();
    assert_eq!(seen[2].header("x-own"), Some("yes"));
    let noted = shelf.bench.context.downloads.all();
    assert_eq!(noted.len(), 2);
    assert!(noted.iter().all(|download| download.path.is_file()));
}

#[tokio::test]
async fn a_download_that_fails_fails_the_step_in_its_class() {
    let mut shelf = Shelf::new().await;
    let url = json!({"url": shelf.bench.vendor.url("/nothing.dmg")});
    let failed = shelf
        .run(
            "self.download_to_file(self.env['url'], 'x.dmg')",
            url.clone(),
        )
        .await
        .unwrap_err();
    assert_eq!(failed.class, FailureClass::Download, "{failed}");
    shelf
        .bench
        .vendor
        .put("/nothing.dmg", Resource::page("other"));
    let body =
        "page = self.download(self.env['url'], text=True)\nraise ProcessorError('not in ' + page)";
    let failed = shelf.run(body, url).await.unwrap_err();
    assert_eq!(failed.message, "not in other");
    assert_eq!(failed.class, FailureClass::SourceChanged);
}

#[tokio::test]
async fn an_image_is_opened_by_the_program_and_only_from_the_workspace() {
    let mut shelf = Shelf::new().await;
    let contents = shelf.folder.path().join("contents");
    fs_err::create_dir(&contents).unwrap();
    fs_err::write(contents.join("inside"), "here").unwrap();
    media::write::dmg(
        &contents,
        "Own",
        &shelf.bench.context.workspace.join("Own.dmg"),
    )
    .unwrap();
    let outside = shelf.folder.path().join("Outside.dmg");
    media::write::dmg(&contents, "Own", &outside).unwrap();
    let body = "image = os.path.join(self.env['RECIPE_CACHE_DIR'], self.env['image'])\n\
        folder = self.mount(image)\ntry:\n    with open(os.path.join(folder, 'inside')) as file:\n        \
        self.env['made'] = file.read()\n    try:\n        open(os.path.join(folder, 'inside'), 'w')\n    \
        except OSError:\n        self.env['made'] += ' to read'\nfinally:\n    self.unmount(image)";
    shelf.run(body, json!({"image": "Own.dmg"})).await.unwrap();
    assert_eq!(shelf.bench.text("made"), "here to read");
    let failed = shelf
        .run(body, json!({"image": outside.display().to_string()}))
        .await
        .unwrap_err();
    assert!(
        failed
            .message
            .contains("is not a file of this run's workspace"),
        "{failed}"
    );
}

#[tokio::test]
async fn secrets_reach_only_the_steps_that_are_meant_to_have_them() {
    let mut shelf = Shelf::new().await;
    for name in ["GITHUB_TOKEN", "API_TOKEN_OWN", "SMB_PASSWORD"] {
        shelf.bench.env.insert(name.to_owned(), "canary".into());
    }
    let body = "self.env['made'] = sorted(k for k, v in self.env.items() if v == 'canary')\n\
        self.env['seen'] = 'canary' in str(os.environ)";
    shelf
        .run(body, json!({"SMB_PASSWORD": "%SMB_PASSWORD%"}))
        .await
        .unwrap();
    let seen: Value = vec!["API_TOKEN_OWN", "SMB_PASSWORD"].into();
    assert_eq!(shelf.bench.env["made"], seen);
    assert_eq!(shelf.bench.env["seen"], false.into());
    assert_eq!(
        shelf.bench.text("GITHUB_TOKEN"),
        "canary",
        "and none is lost"
    );
}

#[tokio::test]
async fn a_link_out_of_the_workspace_is_removed_and_fails_the_step() {
    let mut shelf = Shelf::new().await;
    let outside = shelf.folder.path().join("outside");
    fs_err::write(&outside, "as it was").unwrap();
    let workspace = shelf.bench.context.workspace.clone();
    std::os::unix::fs::symlink("/usr", workspace.join("before")).unwrap();
    let body = "os.symlink('inside', 'fine')\nos.symlink('/Applications', 'Applications')\n\
        os.symlink(self.env['to'], 'downloads')";
    let failed = shelf
        .run(body, json!({"to": outside.display().to_string()}))
        .await
        .unwrap_err();
    assert!(
        failed.message.contains("leads out of the workspace"),
        "{failed}"
    );
    assert!(workspace.join("downloads").symlink_metadata().is_err());
    for kept in ["before", "fine", "Applications"] {
        assert!(workspace.join(kept).symlink_metadata().is_ok(), "{kept}");
    }
    assert_eq!(fs_err::read_to_string(outside).unwrap(), "as it was");
}

#[tokio::test]
async fn there_is_no_network_but_for_processors_that_may() {
    let mut shelf = Shelf::new().await;
    shelf.bench.vendor.put("/page", Resource::page("reached"));
    let url = json!({"url": shelf.bench.vendor.url("/page")});
    let body = "import http.client, urllib.parse\n\
        place = urllib.parse.urlsplit(self.env['url'])\n\
        connection = http.client.HTTPConnection(place.hostname, place.port, timeout=9)\n\
        connection.request('GET', place.path)\n\
        self.env['made'] = connection.getresponse().read().decode()";
    let failed = shelf.run(body, url.clone()).await.unwrap_err();
    assert!(failed.message.contains("Connection refused"), "{failed}");
    assert!(shelf.bench.vendor.seen().is_empty());
    shelf.settings.networked = [
        "com.example/*".to_owned(),
        "com.example.shared/O*".to_owned(),
    ]
    .into();
    shelf.run(body, url.clone()).await.unwrap_err();
    for named in ["com.example.shared/Own", "com.example.shared/*"] {
        shelf.settings.networked = [named.to_owned()].into();
        shelf.bench.env.shift_remove("made");
        shelf.run(body, url.clone()).await.unwrap();
        assert_eq!(shelf.bench.text("made"), "reached");
    }
}

#[tokio::test]
async fn a_room_that_cannot_be_made_says_so() {
    let mut shelf = Shelf::new().await;
    shelf.settings.python = "/usr/bin/no-such-python".into();
    let failed = shelf.run("pass", json!({})).await.unwrap_err();
    assert!(
        failed.message.starts_with("no sandbox could be made"),
        "{failed}"
    );
    assert!(failed.message.contains("no-such-python"), "{failed}");
    assert_eq!(failed.class, FailureClass::Configuration);
}

#[tokio::test]
async fn it_is_stopped_at_its_limits() {
    let mut shelf = Shelf::new().await;
    shelf.settings.limits = Limits {
        memory_bytes: 96 << 20,
        processes: 16,
        time: Duration::from_secs(3),
    };
    for (body, class, why) in [
        (
            "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: pass",
            FailureClass::Timeout,
            "longer than 3 seconds",
        ),
        (
            "import time\nblob = bytearray(200 << 20)\ntime.sleep(60)",
            FailureClass::Configuration,
            "more than 96 MiB",
        ),
        (
            "import time\nfor _ in range(40):\n    if os.fork() == 0:\n        time.sleep(60)\ntime.sleep(60)",
            FailureClass::Configuration,
            "more than 16 processes",
        ),
    ] {
        let failed = shelf.run(body, json!({})).await.unwrap_err();
        assert!(failed.message.contains(why), "{failed}");
        assert_eq!(failed.class, class);
    }
}

#[tokio::test]
async fn what_one_leaves_in_tmp_another_finds_but_for_links_that_lead_out() {
    let mut shelf = Shelf::new().await;
    let leave = "open('/tmp/token', 'w').write('t')\nos.symlink('/etc/passwd', '/tmp/link')\nos.symlink('token', '/tmp/alias')";
    shelf.run(leave, json!({})).await.unwrap();
    let find = "self.env['made'] = sorted(n for n in os.listdir('/tmp') if n[0] != '.') + [open('/tmp/alias').read()]";
    shelf.run(find, json!({})).await.unwrap();
    let made = json!(["alias", "token", "t"]);
    assert_eq!(serde_json::Value::from(&shelf.bench.env["made"]), made);
    crate::clear_scratch(&shelf.bench.context.workspace).unwrap();
    shelf.run(find, json!({})).await.unwrap_err();
}
