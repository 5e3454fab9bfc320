//! The demo as a program: its command line, where the house stands, and what `--keep` keeps.

use std::{
    fs::{File, TryLockError},
    io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Parser;

use super::{Options, Story, Talk, keep, play};

/// The main job, end to end, on loopback: two publications, five incidents, and a crash.
#[derive(Debug, Parser)]
#[command(name = "auto-update-demo", version)]
struct Arguments {
    /// The program `auto-update`, a debug build
    #[arg(long)]
    program: PathBuf,
    /// A folder with really signed software
    #[arg(long)]
    media: PathBuf,
    /// The folder to build the house in [default: `demo` beside the folder of the program]
    #[arg(long)]
    house: Option<PathBuf>,
    /// Leave the service running with its repository until it is interrupted
    #[arg(long)]
    keep: bool,
}

/// Reads the command line, plays, and tells how it went.
pub async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut stdout = Talk::to(io::stdout());
    match run(arguments).await {
        Ok(last_line) => match stdout.say(&last_line) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Err(error) => {
            let told = Talk::to(io::stderr()).say(&format!("error: {error:#}"));
            // Where nobody listens there is nothing more to do than to say it by the status.
            told.unwrap_or_default();
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<String> {
    let (house, _lock) = place(&arguments)?;
    let options = Options {
        program: arguments.program,
        media: arguments.media,
        house,
    };
    let (mut story, outcome) = play(&options, Talk::to(io::stdout())).await?;
    let last_line = format!(
        "demo: {} published, {} incidents",
        outcome.published, outcome.incidents
    );
    farewell(&mut story)?;
    if arguments.keep {
        story.talk.say(&format!("\n{last_line}"))?;
        keep::serve_until_interrupted(&mut story).await?;
    }
    Ok(last_line)
}

fn farewell(story: &mut Story) -> io::Result<()> {
    let repository = story.house.repository();
    story.talk.say(&format!(
        "\nThe repository lies in {}\n",
        repository.display()
    ))
}

/// Where the house stands. The usual place is emptied first; a lock keeps two demos apart, of which the second one
/// gets a place of its own.
fn place(arguments: &Arguments) -> anyhow::Result<(PathBuf, Option<File>)> {
    if let Some(house) = &arguments.house {
        return Ok((house.clone(), None));
    }
    let program = fs_err::canonicalize(&arguments.program)?;
    let beside = program.parent().and_then(Path::parent);
    let usual = beside.unwrap_or(Path::new(".")).join("demo");
    let lock = File::create(usual.with_extension("lock"))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let own = tempfile::Builder::new()
                .prefix("auto-update-demo-")
                .tempdir()?;
            return Ok((own.keep(), None));
        }
        Err(TryLockError::Error(error)) => return Err(error.into()),
    }
    if usual.exists() {
        fs_err::remove_dir_all(&usual)?;
    }
    Ok((usual, Some(lock)))
}
