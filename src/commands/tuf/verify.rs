//! `tuf verify`: what a client does.

use std::{sync::Arc, time::Duration};

use publication::tuf::{FolderSource, Source, Verified, VerifyError, verify};
use serde_json::{Value as Json, json};

use super::{address::Address, files, roles, root::read};
use crate::{cli::tuf::Verify, exit::ExitStatus, house::House, printer::Printer};

/// How often a repository is looked at again that does not belong together: it may be in the middle of a publication.
const ATTEMPTS: usize = 3;

/// How long is waited in between.
const PAUSE: Duration = Duration::from_millis(500);

/// Does what a client does, and tells what it found.
pub(super) async fn run(
    arguments: Verify,
    house: &House,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    let trusted = read(&arguments.root)?;
    if let Some(state) = &arguments.state {
        fs_err::create_dir_all(state)?;
    }
    let source = source(&arguments.repo, house)?;
    let found = look(&trusted, &source, &arguments).await;
    let is_valid = found.as_ref().is_ok_and(Verified::is_valid);
    if arguments.json {
        printer.data(to_json(&found))?;
    } else {
        tell(&found, printer)?;
    }
    Ok(if is_valid {
        ExitStatus::Done
    } else {
        ExitStatus::Failed
    })
}

async fn look(
    trusted: &[u8],
    source: &Arc<dyn Source>,
    arguments: &Verify,
) -> Result<Verified, VerifyError> {
    let once = || verify(trusted, Arc::clone(source), arguments.state.as_deref());
    let mut found = once().await;
    for _ in 1..ATTEMPTS {
        if found.as_ref().is_ok_and(Verified::is_valid) {
            break;
        }
        tokio::time::sleep(PAUSE).await;
        found = once().await;
    }
    found
}

fn source(repo: &str, house: &House) -> anyhow::Result<Arc<dyn Source>> {
    if repo.starts_with("http://") || repo.starts_with("https://") {
        let fetcher = daemon::open_fetcher(house.config()?)?;
        return Ok(Arc::new(Address::new(repo, fetcher)));
    }
    Ok(Arc::new(FolderSource::new(repo.into())))
}

fn tell(found: &Result<Verified, VerifyError>, printer: Printer) -> anyhow::Result<()> {
    let verified = match found {
        Ok(verified) => verified,
        Err(error) => {
            printer.data(format!("refused: {error}"))?;
            return Ok(());
        }
    };
    for (name, problem) in &verified.problems {
        printer.data(format!("refused: `{name}`: {problem}"))?;
    }
    if verified.is_valid() {
        printer.data(format!(
            "valid: {}, until {}",
            files(verified.files.len()),
            verified.expires()
        ))?;
    }
    Ok(())
}

fn to_json(found: &Result<Verified, VerifyError>) -> Json {
    match found {
        Err(error) => json!({"schema": 1, "valid": false, "error": error.to_string()}),
        Ok(verified) => {
            let online = verified.online.iter();
            let problems: Vec<Json> = verified
                .problems
                .iter()
                .map(|(name, problem)| json!({"name": name, "why": problem.to_string()}))
                .collect();
            json!({
                "schema": 1,
                "valid": verified.is_valid(),
                "expires": verified.expires().to_string(),
                "roles": roles(&verified.root, online.map(|(role, signed)| (role.as_str(), signed))),
                "files": verified.files,
                "problems": problems,
            })
        }
    }
}
