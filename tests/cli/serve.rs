//! `serve` as a process: it answers, it stops, and what it stopped in the middle of is taken up again.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, ChildStderr, Command, ExitStatus, Stdio},
    thread,
};

use model::{RunState, SystemClock, Trigger};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use store::{Db, NewRun};

use crate::program::House;

/// The service; it is killed if a test fails before it ended.
pub(crate) struct Service {
    child: Child,
    log: BufReader<ChildStderr>,
    address: SocketAddr,
}

impl Service {
    /// Starts the service of a house, which listens when this returns.
    pub(crate) fn start(house: &House) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_auto-update"))
            .args(["serve", "--listen", "127.0.0.1:0"])
            .env_clear()
            .env("HOME", house.path("home"))
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs(testkit::database_variables(&house.path("")))
            .current_dir(house.path(""))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let mut service = Self {
            child,
            log,
            address: SocketAddr::from(([0, 0, 0, 0], 0)),
        };
        let serving = service.until("serving");
        service.address = serving["address"].as_str().unwrap().parse().unwrap();
        service
    }

    /// Reads the log up to the line with this message.
    pub(crate) fn until(&mut self, message: &str) -> Value {
        let mut read = String::new();
        loop {
            let start = read.len();
            assert!(
                self.log.read_line(&mut read).unwrap() > 0,
                "the log ends without `{message}`:\n{read}"
            );
            let line: Value = serde_json::from_str(&read[start..]).unwrap();
            if line["message"] == message {
                return line;
            }
        }
    }

    /// What `path` answers: the status and the body.
    fn get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, body.to_owned())
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the end; what is left of the log is in the answer.
    pub(crate) fn end(mut self) -> (ExitStatus, String) {
        let mut rest = String::new();
        self.log.read_to_string(&mut rest).unwrap();
        (self.child.wait().unwrap(), rest)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It has ended already, unless a test failed.
        self.child.kill().unwrap_or_default();
        self.child.wait().map(drop).unwrap_or_default();
    }
}

fn house(config: &str) -> House {
    let house = House::new();
    house.write("auto-update.toml", config);
    house
}

#[test]
fn answers_until_it_is_told_to_stop() {
    for signal in [Signal::TERM, Signal::INT] {
        let house = house("");
        let mut service = Service::start(&house);
        service.until("schedules read");
        let (status, body) = service.get("/healthz");
        assert_eq!(status, 200, "{body}");
        let (status, metrics) = service.get("/metrics");
        assert_eq!(status, 200);
        assert!(metrics.contains("\nauto_update_workers 2\n"), "{metrics}");
        service.signal(signal);
        let (ended, log) = service.end();
        assert_eq!(ended.code(), Some(0), "{log}");
        assert!(log.contains(r#""message":"stopped""#), "{log}");
    }
}

#[test]
fn reads_its_schedules_again_when_it_is_told_to() {
    let house = house("");
    house.write("schedules.yaml", "schedules: []");
    let mut service = Service::start(&house);
    assert_eq!(service.until("schedules read")["overrides"], 0);
    house.write(
        "schedules.yaml",
        "schedules: [{cron: '@yearly', overrides: [A.munki, B.munki]}]",
    );
    service.signal(Signal::HUP);
    assert_eq!(service.until("schedules read")["overrides"], 2);
    service.signal(Signal::TERM);
    assert_eq!(service.end().0.code(), Some(0));
}

#[test]
fn does_not_start_with_what_cannot_be_understood() {
    let house = house("[serve]\nworkers = 'many'\n");
    let refused = house.run("serve");
    assert_eq!(refused.status, Some(1), "{refused}");
    assert!(
        refused.shows("auto-update.toml` is wrong in line 2"),
        "{refused}"
    );
    house.write("auto-update.toml", "");
    house.write(
        "schedules.yaml",
        "schedules: [{cron: soon, overrides: [A]}]",
    );
    let refused = house.run("serve");
    assert_eq!(refused.status, Some(1), "{refused}");
    assert!(
        refused.shows("`[HOUSE]/schedules.yaml`, entry 1"),
        "{refused}"
    );
}

const RECIPE: &str = "\
Identifier: com.example.Slow
Input: {NAME: Slow}
Process:
- Processor: URLDownloader
  Arguments: {url: 'http://127.0.0.1:PORT/Slow.dmg', filename: Slow.dmg}
";

const OVERRIDE: &str = "\
Identifier: local.Slow
ParentRecipe: com.example.Slow
Input: {NAME: Slow}
";

/// A house whose vendor takes a call and never answers, with a run of its title in the queue.
async fn house_with_a_slow_vendor(vendor: &TcpListener) -> House {
    let house = house(
        "[autopkg]\nrecipe-search-dirs = ['recipes']\nrecipe-override-dirs = ['overrides']\n\
         [fetch]\nplain-http-hosts = ['127.0.0.1']\n[serve]\ngrace-seconds = 0\n",
    );
    let port = vendor.local_addr().unwrap().port().to_string();
    house.write(
        "recipes/Slow.download.recipe.yaml",
        &RECIPE.replace("PORT", &port),
    );
    house.write("overrides/Slow.download.recipe.yaml", OVERRIDE);
    house.ok("update-trust-info Slow.download");
    house.ok("trust approve Slow.download --by me");
    let db = database(&house).await;
    let new = NewRun {
        title: "Slow.download".parse().unwrap(),
        trigger: Trigger::Manual,
        request: serde_json::json!({"name": "Slow.download"}),
        terms: store::Terms::default(),
    };
    db.run_queue(&new, model::Clock::now(&SystemClock))
        .await
        .unwrap();
    db.close().await;
    house
}

async fn database(house: &House) -> Db {
    testkit::database(&house.path("var/auto-update.db")).await
}

#[tokio::test]
async fn what_it_stopped_in_the_middle_of_is_taken_up_by_the_next_start() {
    let vendor = TcpListener::bind("127.0.0.1:0").unwrap();
    let house = house_with_a_slow_vendor(&vendor).await;

    let service = Service::start(&house);
    let (held, _) = vendor.accept().unwrap();
    service.signal(Signal::TERM);
    let (ended, log) = service.end();
    assert_eq!(ended.code(), Some(0), "{log}");
    assert!(log.contains("run given back to the queue"), "{log}");
    let db = database(&house).await;
    let runs = db.run_list(9).await.unwrap();
    assert!(!runs[0].state.is_final(), "{:?}", runs[0]);
    db.close().await;
    drop(held);

    // The vendor is slow no more, but has nothing.
    thread::spawn(move || {
        for stream in vendor.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 1024];
            let read = stream.read(&mut request).unwrap();
            assert!(read > 0);
            stream
                .write_all(
                    b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                )
                .unwrap();
        }
    });
    let mut service = Service::start(&house);
    let ended = service.until("run ended");
    assert_eq!(ended["run.state"], "failed");
    service.until("incident raised");
    service.signal(Signal::TERM);
    assert_eq!(service.end().0.code(), Some(0));
    let db = database(&house).await;
    let runs = db.run_list(9).await.unwrap();
    assert_eq!(runs.len(), 1, "{runs:?}");
    assert_eq!(runs[0].state, RunState::Failed);
    let listed = house.ok("incident list");
    assert_eq!(listed.lines().count(), 1, "{listed}");
    assert!(
        listed.contains("open download Slow.download, once"),
        "{listed}"
    );
}
