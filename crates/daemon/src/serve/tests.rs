use std::{path::PathBuf, sync::Arc, time::Duration};

use model::{FixedClock, RunState, Timestamp, Title, Trigger};
use pipeline::{Engine, Failure, Request};
use publication::Unobserved;
use recipe::Preferences;
use serde_json::json;
use store::{Db, NewRun, RunEnd};

use super::{
    Commands, ServeError, Service,
    scheduler::{Look, MakeRun, Scheduler, SchedulerError},
    serve,
};
use crate::{Config, Outfit, open_engine};

/// Makes plain runs.
struct Plain(Db);

impl MakeRun for Plain {
    async fn make_run(&self, title: &Title) -> Result<NewRun, Failure> {
        if title.as_str() == "Broken" {
            return Err(Failure::new(model::FailureClass::Internal, "no room"));
        }
        Ok(NewRun {
            title: title.clone(),
            trigger: Trigger::Schedule,
            request: json!({}),
            terms: store::Terms::default(),
        })
    }

    fn state(&self) -> &Db {
        &self.0
    }
}

/// A scheduler's world: its file, its database, and a clock that stands at midnight, 1 January 1970.
struct World {
    folder: tempfile::TempDir,
    db: Db,
    clock: Arc<FixedClock>,
}

const HOUR: Duration = Duration::from_hours(1);

impl World {
    async fn with(schedules: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let db = testkit::database(&folder.path().join("auto-update.db")).await;
        let world = Self {
            folder,
            db,
            clock: Arc::default(),
        };
        world.write(schedules);
        world
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("schedules.yaml")
    }

    fn write(&self, schedules: &str) {
        fs_err::write(self.path(), schedules).unwrap();
    }

    /// A scheduler that has just been started.
    fn start(&self) -> Scheduler<Plain> {
        Scheduler::new(Plain(self.db.clone()), self.clock.clone(), &self.path())
    }

    /// Goes on by `minutes` and looks; answers how many runs were queued. Runs end at once.
    async fn after(&self, minutes: u64, scheduler: &mut Scheduler<Plain>) -> usize {
        self.clock.advance(Duration::from_mins(minutes));
        let look = well(scheduler.look().await);
        self.finish_all().await;
        look.queued
    }

    async fn finish_all(&self) {
        let far = Timestamp::from_secs(1 << 40);
        while let Some((_, lease)) = self
            .db
            .run_claim(&store::Worker::named("me"), far, far)
            .await
            .unwrap()
        {
            let ended = self
                .db
                .run_finish(lease, &RunEnd::Unchanged, None, far)
                .await;
            assert!(ended.unwrap());
        }
    }
}

fn well(look: Look) -> Look {
    assert!(look.trouble.is_none(), "{:?}", look.trouble);
    look
}

const HOURLY: &str = "schedules: [{cron: '0 * * * *', overrides: [A.munki]}]";

#[tokio::test]
async fn an_override_is_queued_when_its_time_has_come_and_once() {
    let world = World::with(HOURLY).await;
    let mut scheduler = world.start();
    let look = well(scheduler.look().await);
    assert_eq!(look.queued, 0);
    assert_eq!(look.next_at, Some(Timestamp::from_secs(3600)));
    assert_eq!(world.after(59, &mut scheduler).await, 0);
    assert_eq!(world.after(1, &mut scheduler).await, 1);
    assert_eq!(world.after(0, &mut scheduler).await, 0);
    assert_eq!(world.after(59, &mut scheduler).await, 0);
    assert_eq!(world.after(1, &mut scheduler).await, 1);
}

#[tokio::test]
async fn a_restart_neither_loses_nor_doubles_a_time() {
    let world = World::with(HOURLY).await;
    let mut scheduler = world.start();
    assert_eq!(world.after(0, &mut scheduler).await, 0);
    assert_eq!(world.after(60, &mut scheduler).await, 1);
    let mut scheduler = world.start();
    assert_eq!(world.after(0, &mut scheduler).await, 0, "not doubled");
    world.clock.advance(HOUR);
    let mut scheduler = world.start();
    assert_eq!(world.after(0, &mut scheduler).await, 1, "not lost");
    world.clock.advance(5 * HOUR);
    let mut scheduler = world.start();
    assert_eq!(
        world.after(30, &mut scheduler).await,
        1,
        "missed times run once"
    );
    assert_eq!(world.after(29, &mut scheduler).await, 0);
    assert_eq!(world.after(1, &mut scheduler).await, 1);
}

#[tokio::test]
async fn missed_times_are_left_where_policy_says_so() {
    let world = World::with(&format!("missed: skip\n{HOURLY}")).await;
    let mut scheduler = world.start();
    assert_eq!(world.after(0, &mut scheduler).await, 0);
    world.clock.advance(3 * HOUR);
    let mut scheduler = world.start();
    assert_eq!(world.after(30, &mut scheduler).await, 0);
    let look = well(scheduler.look().await);
    assert_eq!(look.next_at, Some(Timestamp::from_secs(4 * 3600)));
    // At a minute past nine, the times up to eight have been missed, but not that of nine.
    world.clock.advance(5 * HOUR);
    let mut scheduler = world.start();
    assert_eq!(world.after(31, &mut scheduler).await, 1);
    assert_eq!(world.after(58, &mut scheduler).await, 0);
}

#[tokio::test]
async fn two_schedulers_queue_a_time_once() {
    let world = World::with(HOURLY).await;
    let (mut one, mut other) = (world.start(), world.start());
    well(one.look().await);
    well(other.look().await);
    world.clock.advance(HOUR);
    assert_eq!(world.after(0, &mut one).await, 1);
    assert_eq!(world.after(0, &mut other).await, 0);
    assert_eq!(world.after(60, &mut other).await, 1);
    assert_eq!(world.after(0, &mut one).await, 0);
}

#[tokio::test]
async fn no_run_is_queued_beside_one_that_is_under_way() {
    let world = World::with(HOURLY).await;
    let mut scheduler = world.start();
    well(scheduler.look().await);
    world.clock.advance(HOUR);
    assert_eq!(well(scheduler.look().await).queued, 1);
    world.clock.advance(HOUR);
    assert_eq!(well(scheduler.look().await).queued, 0);
    world.finish_all().await;
    assert_eq!(well(scheduler.look().await).queued, 0);
    assert_eq!(world.after(60, &mut scheduler).await, 1);
}

#[tokio::test]
async fn a_changed_file_holds_from_now_on() {
    let world = World::with(HOURLY).await;
    let mut scheduler = world.start();
    assert_eq!(world.after(30, &mut scheduler).await, 0);
    // A quarter past has passed, but nobody wanted it when it did; a new override begins now.
    world.write("schedules: [{cron: '15 * * * *', overrides: [A.munki, B.munki]}]");
    assert_eq!(world.after(0, &mut scheduler).await, 0);
    assert_eq!(world.after(45, &mut scheduler).await, 2);
    world.write("schedules: []");
    assert_eq!(world.after(600, &mut scheduler).await, 0);
    assert_eq!(world.db.schedule_list().await.unwrap(), []);
    world.write(HOURLY);
    assert_eq!(world.after(0, &mut scheduler).await, 0);
    assert_eq!(world.after(60, &mut scheduler).await, 1);
}

#[tokio::test]
async fn a_file_that_breaks_leaves_the_times_from_before() {
    let world = World::with(HOURLY).await;
    let mut scheduler = world.start();
    well(scheduler.look().await);
    world.write("schedules: [{cron: 'sometimes', overrides: [A.munki]}]");
    world.clock.advance(HOUR);
    let look = scheduler.look().await;
    assert_eq!(look.queued, 1);
    assert!(matches!(look.trouble, Some(SchedulerError::Schedules(_))));
    assert!(scheduler.check().await.is_err());
}

#[tokio::test]
async fn an_override_that_cannot_be_queued_does_not_hold_up_others() {
    let world = World::with("schedules: [{cron: '0 * * * *', overrides: [Broken, C.munki]}]").await;
    let mut scheduler = world.start();
    well(scheduler.look().await);
    world.clock.advance(HOUR);
    let look = scheduler.look().await;
    assert_eq!(look.queued, 1);
    let trouble = look.trouble.unwrap().to_string();
    assert!(
        trouble.starts_with("`Broken` could not be queued"),
        "{trouble}"
    );
}

/// A house in a temporary folder, and its engine.
async fn house() -> (tempfile::TempDir, Config, Engine) {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.state_dir = folder.path().join("var");
    config.serve.listen = ([127, 0, 0, 1], 0).into();
    config.serve.schedules = folder.path().join("schedules.yaml");
    config.serve.grace_seconds = 0;
    let preferences = Preferences::of_user(folder.path(), None);
    let dir = folder.path().join("recipes").display().to_string();
    let dirs = std::slice::from_ref(&dir);
    let outfit = Outfit {
        library: preferences.library(dirs, dirs),
        preferences,
        environment: Vec::new(),
        tools: None,
        observer: Arc::new(Unobserved),
    };
    let engine = open_engine(&config, outfit).await.unwrap();
    (folder, config, engine)
}

fn service(engine: &Engine, config: &Config) -> Service {
    Service {
        engine: engine.clone(),
        config: config.serve.clone(),
        doors: crate::Doors::default(),
        tenants: crate::Keeping::new(config, engine.db()),
    }
}

#[tokio::test]
async fn the_service_works_off_the_queue_and_stops_when_it_is_told_to() {
    let (_folder, config, engine) = house().await;
    let request = Request::named("Nothing.munki");
    engine.queue(&request, Trigger::Manual).await.unwrap();
    let commands = Commands::by_hand();
    let stop = commands.stop.clone();
    let db = engine.db().clone();
    let watching = async {
        loop {
            let runs = db.run_list(1).await.unwrap();
            if runs.iter().all(|run| run.state == RunState::Failed) {
                break;
            }
            tokio::task::yield_now().await;
        }
        stop.cancel();
    };
    let (served, ()) = tokio::join!(serve(service(&engine, &config), &commands), watching);
    served.unwrap();
    assert!(db.ping().await.is_err(), "the database is closed");
    let db = crate::open_database(&config).await.unwrap();
    let incidents = db.incident_list(store::IncidentFilter::Unresolved).await;
    assert_eq!(
        incidents.unwrap().len(),
        1,
        "an override that is gone is told of"
    );
}

#[tokio::test]
async fn what_is_wrong_is_said_before_anything_is_started() {
    let (_folder, mut config, engine) = house().await;
    fs_err::write(&config.serve.schedules, "schedules: 7").unwrap();
    let commands = Commands::by_hand();
    let refused = serve(service(&engine, &config), &commands).await;
    assert!(matches!(refused, Err(ServeError::Schedules(_))));

    fs_err::remove_file(&config.serve.schedules).unwrap();
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    config.serve.listen = taken.local_addr().unwrap();
    let refused = serve(service(&engine, &config), &commands).await;
    assert!(matches!(refused, Err(ServeError::Listen { .. })));
}
