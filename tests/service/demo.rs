//! The demo, as `cargo xtask demo` plays it.

use std::path::{Path, PathBuf};

use testkit::demo::{Options, Outcome, Talk, play};

/// Really signed software: the corpus's, or what `cargo xtask demo` fetched; nothing where neither is.
fn media() -> Option<PathBuf> {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR"));
    let corpus = std::env::var_os("AUTO_UPDATE_CORPUS").map(PathBuf::from);
    let corpus = corpus.unwrap_or_else(|| checkout.join("../shared/corpus"));
    [corpus.join("media"), checkout.join("target/demo-media")]
        .into_iter()
        .find(|folder| folder.is_dir())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_ends_with_two_publications_and_five_incidents() {
    let Some(media) = media() else {
        eprintln!("skipped: there is no signed software here");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        program: env!("CARGO_BIN_EXE_auto-update").into(),
        media,
        house: folder.path().join("house"),
    };
    let played = play(&options, Talk::to(std::io::sink())).await;
    let (_story, outcome) = played.unwrap_or_else(|error| panic!("{error:#}"));
    let expected = Outcome {
        published: 2,
        incidents: 5,
    };
    assert_eq!(outcome, expected);
}
