//! `run` when it is told to stop, and when another process runs what it is to run.

use std::{
    io::ErrorKind,
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::program::{House, Outcome};

/// A house with two titles, and their vendor, who takes a call and never answers.
struct Scene {
    house: House,
    vendor: TcpListener,
}

impl Scene {
    fn new() -> Self {
        let vendor = TcpListener::bind("127.0.0.1:0").unwrap();
        vendor.set_nonblocking(true).unwrap();
        let house = House::new();
        house.write(
            "auto-update.toml",
            "[autopkg]\nrecipe-search-dirs = ['recipes']\nrecipe-override-dirs = ['overrides']\n\
             [fetch]\nplain-http-hosts = ['127.0.0.1']\n",
        );
        let port = vendor.local_addr().unwrap().port();
        house.write(
            "recipes/Slow.download.recipe.yaml",
            &format!(
                "Identifier: com.example.Slow\nInput: {{NAME: Slow}}\nProcess:\n- Processor: URLDownloader\n  \
                 Arguments: {{url: 'http://127.0.0.1:{port}/Slow.dmg', filename: Slow.dmg}}\n"
            ),
        );
        for name in ["First", "Second"] {
            house.write(
                &format!("overrides/{name}.download.recipe.yaml"),
                &format!(
                    "Identifier: local.{name}\nParentRecipe: com.example.Slow\nInput: {{NAME: {name}}}\n"
                ),
            );
            house.ok(&format!("update-trust-info {name}.download"));
            house.ok(&format!("trust approve {name}.download --by ann"));
        }
        Self { house, vendor }
    }

    /// Begins to run both titles; the first waits for its vendor when this returns.
    fn begin(&self, arguments: &[&str]) -> (Running, TcpStream) {
        let child = Command::new(env!("CARGO_BIN_EXE_auto-update"))
            .args(["run", "First.download", "Second.download"])
            .args(arguments)
            .env_clear()
            .env("HOME", self.house.path("home"))
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs(testkit::database_variables(&self.house.path("")))
            .current_dir(self.house.path(""))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let running = Running(Some(child));
        for _ in 0..600 {
            match self.vendor.accept() {
                Ok((call, _)) => return (running, call),
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}"),
            }
            thread::sleep(Duration::from_millis(100));
        }
        panic!("the vendor was not called: {}", running.end());
    }
}

/// A run in another process; it is killed if a test fails before it ended.
struct Running(Option<Child>);

impl Running {
    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(self.0.as_ref().unwrap()), signal).unwrap();
    }

    fn end(mut self) -> Outcome {
        let output = self.0.take().unwrap().wait_with_output().unwrap();
        Outcome {
            status: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            child.kill().unwrap_or_default();
            child.wait().map(drop).unwrap_or_default();
        }
    }
}

/// Whether these tests were begun with `nohup`, which the program then minds as well.
fn outlives_its_terminal() -> bool {
    let status = fs_err::read_to_string("/proc/self/status").unwrap_or_default();
    let mut lines = status.lines();
    let mask = lines.find_map(|line| line.strip_prefix("SigIgn:"));
    mask.is_some_and(|mask| u64::from_str_radix(mask.trim(), 16).unwrap() & 1 == 1)
}

fn objects(outcome: &Outcome) -> Vec<Value> {
    let lines = outcome.stdout.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn each_title_has_its_object_when_a_signal_stops_them() {
    let mut signals = vec![Signal::TERM, Signal::INT];
    if !outlives_its_terminal() {
        signals.push(Signal::HUP);
    }
    for signal in signals {
        let scene = Scene::new();
        let (running, _call) = scene.begin(&["--json"]);
        running.signal(signal);
        let outcome = running.end();
        assert_eq!(outcome.status, Some(70), "{outcome}");
        let objects = objects(&outcome);
        assert_eq!(objects.len(), 2, "{outcome}");
        for (object, (name, message)) in objects.iter().zip([
            ("First.download", "it was stopped"),
            ("Second.download", "it was not begun"),
        ]) {
            assert_eq!(object["override"], name, "{outcome}");
            assert_eq!(object["state"], "cancelled", "{outcome}");
            assert_eq!(object["message"], message, "{outcome}");
        }
        let runs = scene.house.ok("runs list --json");
        assert!(runs.contains(r#""state":"cancelled""#), "{runs}");
    }
}

#[test]
fn what_was_not_begun_is_named_to_people() {
    let scene = Scene::new();
    let (running, _call) = scene.begin(&["--report-plist", "report.plist"]);
    running.signal(Signal::TERM);
    let outcome = running.end();
    // AutoPkg says this on standard output.
    assert!(
        outcome
            .stdout
            .ends_with("\nReport plist saved to report.plist.\n"),
        "{outcome}"
    );
    for said in [
        "First.download was stopped",
        "Second.download was not begun",
    ] {
        assert!(outcome.stderr.contains(said), "{outcome}");
    }
}

#[test]
fn a_second_signal_ends_it_with_the_status_of_that_signal() {
    let scene = Scene::new();
    let (running, _call) = scene.begin(&[]);
    // While it is stopped it hears of none, and then of both at once.
    for signal in [Signal::STOP, Signal::TERM, Signal::INT, Signal::CONT] {
        running.signal(signal);
    }
    let outcome = running.end();
    assert!(matches!(outcome.status, Some(130 | 143)), "{outcome}");
}

#[test]
fn what_another_process_runs_has_an_object_too() {
    let scene = Scene::new();
    let (running, _call) = scene.begin(&[]);
    let outcome = scene.house.run("run First.download --json");
    assert_eq!(outcome.status, Some(70), "{outcome}");
    let objects = objects(&outcome);
    assert_eq!(objects.len(), 1, "{outcome}");
    assert_eq!(objects[0]["state"], "failed");
    assert_eq!(objects[0]["class"], "internal");
    let message = objects[0]["message"].as_str().unwrap();
    assert!(
        message.contains("is being run by another process"),
        "{outcome}"
    );
    assert!(objects[0]["next_step"].is_string(), "{outcome}");
    running.signal(Signal::TERM);
    assert_eq!(running.end().status, Some(70));
}
