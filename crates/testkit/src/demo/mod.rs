//! The demo: the main job, end to end, with a really signed program and stand-ins on loopback.
//!
//! It drives the program as a user does, and checks what a user would look at: exit statuses, the repository, and
//! what came to the service desk. Nothing is counted that was not seen there.

mod accidents;
mod command_line;
mod crash;
mod evidence;
mod images;
mod keep;
mod overrides;
mod publication;
mod site;
mod software;
mod story;
mod talk;
mod upstream;

use std::path::{Path, PathBuf};

use anyhow::ensure;

pub use command_line::main;
pub use story::Story;
pub use talk::Talk;

/// What the demo takes.
#[derive(Clone, Debug)]
pub struct Options {
    /// The program `auto-update`.
    pub program: PathBuf,
    /// A folder with really signed software.
    pub media: PathBuf,
    /// The folder in which the house is built; it must be empty, or not be there.
    pub house: PathBuf,
}

/// What was seen.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Outcome {
    /// How many items clients are offered in the end.
    pub published: usize,
    /// How many incidents were opened at the service desk.
    pub incidents: usize,
}

/// Plays the whole story; the house stands, its stand-ins running, until the answer is dropped.
///
/// # Errors
/// At the first thing that is not as it should be.
pub async fn play(options: &Options, talk: Talk) -> anyhow::Result<(Story, Outcome)> {
    check_empty(&options.house)?;
    let mut story = Story::begin(options, talk).await?;
    story.publish_first_release().await?;
    story.suffer_accidents().await?;
    story.crash_while_publishing().await?;
    let outcome = story.end().await?;
    ensure!(
        outcome.published == 2 && outcome.incidents == 5,
        "{} were published and {} incidents opened, but it should have been 2 and 5",
        outcome.published,
        outcome.incidents
    );
    Ok((story, outcome))
}

fn check_empty(house: &Path) -> anyhow::Result<()> {
    let is_empty = !house.exists() || fs_err::read_dir(house)?.next().is_none();
    ensure!(is_empty, "`{}` is not empty", house.display());
    Ok(())
}

#[cfg(test)]
mod tests;
