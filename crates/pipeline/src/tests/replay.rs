//! Runs that are carried out again.

use model::Trigger;
use store::Queued;
use testkit::vendor::Resource;

use super::bench::{Bench, end, package};
use crate::{Difference, Engine, Request, Worked};

impl Bench {
    async fn replay(&self, of: &Worked) -> (Worked, Vec<Difference>) {
        self.replay_by(of, false).await
    }

    async fn replay_by(&self, of: &Worked, todays_recipes: bool) -> (Worked, Vec<Difference>) {
        let run = self.engine.db().run_find(of.run).await.unwrap().unwrap();
        let request = Request {
            todays_recipes,
            ..Engine::replay_of(&run).unwrap()
        };
        let queued = self.engine.queue(&request, Trigger::Manual).await.unwrap();
        assert!(matches!(queued, Queued::New(_)), "{queued:?}");
        let again = self.work().await.unwrap();
        let differences = self.engine.compare_runs(of.run, again.run).await;
        (again, differences.unwrap())
    }

    /// Changes what a recipe says.
    fn edit(&self, path: &str, text: &str, other: &str) {
        let path = self.folder.path().join(path);
        let before = fs_err::read_to_string(&path).unwrap();
        assert!(before.contains(text));
        fs_err::write(&path, before.replace(text, other)).unwrap();
    }
}

const OVERRIDE: &str = "overrides/Widget.munki.recipe.yaml";
const PARENT: &str = "recipes/Widget.munki.recipe.yaml";
const MORE: &str = "Input: {NAME: Widget}\nProcess: [{Processor: EndOfCheckPhase}]\n";

#[tokio::test]
async fn a_run_is_carried_out_again_with_the_recipes_it_went_by() {
    let bench = Bench::new().await;
    let first = bench.run().await;
    bench.edit(OVERRIDE, "Input: {NAME: Widget}\n", MORE);
    let (again, differences) = bench.replay(&first).await;
    assert_eq!(end(&again), "unchanged", "nobody approved the change");
    assert_eq!(differences, []);

    let (again, _differences) = bench.replay_by(&first, true).await;
    assert_eq!(end(&again), "failed trust");
    bench.approve().await;
    let (again, differences) = bench.replay_by(&first, true).await;
    assert_eq!(end(&again), "unchanged");
    let text = differences[0].to_string();
    assert!(
        text.starts_with("step 3 (EndOfCheckPhase): processor"),
        "{text}"
    );
    let second = bench.run().await;
    bench.edit(OVERRIDE, "Process: [{Processor: EndOfCheckPhase}]\n", "");
    let (_again, differences) = bench.replay(&second).await;
    assert_eq!(differences, [], "each run by its own recipes");
}

#[tokio::test]
async fn a_recipe_that_is_not_had_any_more_is_named_and_a_secret_is_not_kept_for_it() {
    let bench = Bench::new().await;
    let first = bench.run().await;
    bench.edit(PARENT, "[testing]", "[production]");
    let (again, _differences) = bench.replay(&first).await;
    assert_eq!(end(&again), "failed configuration");
    let failure = again.failure.unwrap();
    assert!(
        failure.message.contains(PARENT) && failure.message.contains("holds a secret"),
        "{failure:?}"
    );
    bench.edit(PARENT, "[production]", "[testing]");
    assert_eq!(bench.replay(&first).await.1, []);
}

#[tokio::test]
async fn a_run_that_is_carried_out_again_does_the_same() {
    let bench = Bench::new().await;
    let first = bench.run().await;
    assert_eq!(end(&first), "published");
    let files = bench.files();
    let (again, differences) = bench.replay(&first).await;
    assert_eq!(end(&again), "unchanged");
    assert_eq!(differences, []);
    assert_eq!(bench.files(), files);
}

#[tokio::test]
async fn other_bytes_are_told_and_neither_published_nor_remembered() {
    let bench = Bench::new().await;
    let first = bench.run().await;
    let files = bench.files();
    bench.release("1.1", b"one more");
    let (again, differences) = bench.replay(&first).await;
    assert_eq!(end(&again), "unchanged");
    let told: Vec<_> = differences.iter().map(|it| it.place.as_str()).collect();
    assert!(told.contains(&"downloads"), "{differences:?}");
    assert_eq!(bench.files(), files, "nothing is published");
    assert!(again.published.is_empty());
    assert_eq!(
        end(&bench.run().await),
        "published",
        "as if it had not been"
    );
    assert!(bench.files().iter().any(|file| file.contains("1.1")));
}

#[tokio::test]
async fn a_replay_that_fails_is_told_and_is_no_incident() {
    let bench = Bench::new().await;
    let first = bench.run().await;
    bench.vendor.put("/Widget.pkg", Resource::failure(404));
    let (again, differences) = bench.replay(&first).await;
    assert_eq!(end(&again), "failed download");
    let text = differences[0].to_string();
    assert_eq!(text, "step 0 (URLDownloader): end: done then, failed now");
    assert!(bench.incidents().await.is_empty());
}

#[tokio::test]
async fn a_replay_needs_no_scanner() {
    let bench = Bench::new().await;
    let first = bench.run().await;
    let asked = bench.virus_total.requests().len();
    let unknown = package("1.1", b"unknown to the scanner");
    bench.vendor.put("/Widget.pkg", Resource::file(unknown));
    assert_eq!(end(&bench.replay(&first).await.0), "unchanged");
    assert_eq!(bench.virus_total.requests().len(), asked);
    assert!(bench.virus_total.uploads().is_empty());
}
