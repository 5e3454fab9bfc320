//! Which commits touched a file, chosen and printed as git does by default.

use std::{
    collections::{BinaryHeap, HashSet},
    fmt::Write as _,
    path::Path,
};

use chrono::{DateTime, FixedOffset};
use git2::{Commit, ErrorCode, Mailmap, Oid, Repository};

/// A log of more commits than this is cut.
const MOST_COMMITS: usize = 500;

/// The newest commit that touched `path`, from `head` back, as `git rev-list -1 HEAD -- path` finds it.
///
/// Where a merge took the file as one side has it, only that side is followed.
pub(crate) fn last_touched(head: Commit<'_>, path: &Path) -> Result<Option<Oid>, git2::Error> {
    let mut commit = head;
    loop {
        match touch(&commit, path)? {
            Touch::Changed => return Ok(Some(commit.id())),
            Touch::Never => return Ok(None),
            Touch::SameAs(parent) => commit = parent,
        }
    }
}

/// The commits that touched `path` after `since`, as `git log SINCE.. -- path` prints them.
pub(crate) fn since(
    repository: &Repository,
    since: &Commit<'_>,
    path: &Path,
) -> Result<String, git2::Error> {
    let mut walk = repository.revwalk()?;
    walk.push_head()?;
    walk.hide(since.id())?;
    let after: HashSet<Oid> = walk.collect::<Result<_, _>>()?;
    let mut queue = BinaryHeap::new();
    let mut queued = HashSet::new();
    let mut push = |queue: &mut BinaryHeap<(i64, Oid)>, commit: &Commit<'_>| {
        if after.contains(&commit.id()) && queued.insert(commit.id()) {
            queue.push((commit.time().seconds(), commit.id()));
        }
    };
    push(&mut queue, &repository.head()?.peel_to_commit()?);
    let mailmap = repository.mailmap()?;
    let (mut text, mut shown) = (String::new(), 0_usize);
    while let Some((_, id)) = queue.pop() {
        let commit = repository.find_commit(id)?;
        match touch(&commit, path)? {
            Touch::Never => {}
            Touch::SameAs(parent) => push(&mut queue, &parent),
            Touch::Changed => {
                if shown == MOST_COMMITS {
                    text.push_str("\n(The log goes on.)\n");
                    break;
                }
                if shown > 0 {
                    text.push('\n');
                }
                shown = shown.saturating_add(1);
                print(&mut text, &commit, &mailmap)?;
                for parent in commit.parents() {
                    push(&mut queue, &parent);
                }
            }
        }
    }
    Ok(text)
}

enum Touch<'repo> {
    /// It differs from every parent.
    Changed,
    /// There is no parent, and no file.
    Never,
    /// It is as in this parent.
    SameAs(Commit<'repo>),
}

fn touch<'repo>(commit: &Commit<'repo>, path: &Path) -> Result<Touch<'repo>, git2::Error> {
    let own = entry(commit, path)?;
    for parent in commit.parents() {
        if entry(&parent, path)? == own {
            return Ok(Touch::SameAs(parent));
        }
    }
    if own.is_none() && commit.parent_count() == 0 {
        return Ok(Touch::Never);
    }
    Ok(Touch::Changed)
}

/// Contents and mode of the file.
fn entry(commit: &Commit<'_>, path: &Path) -> Result<Option<(Oid, i32)>, git2::Error> {
    match commit.tree()?.get_path(path) {
        Ok(entry) => Ok(Some((entry.id(), entry.filemode()))),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn print(text: &mut String, commit: &Commit<'_>, mailmap: &Mailmap) -> Result<(), git2::Error> {
    let author = commit.author_with_mailmap(mailmap)?;
    let name = String::from_utf8_lossy(author.name_bytes());
    let email = String::from_utf8_lossy(author.email_bytes());
    let mut line = |line: std::fmt::Arguments<'_>| {
        // Writing to a String cannot fail.
        text.write_fmt(line).unwrap_or_default();
        text.push('\n');
    };
    line(format_args!("commit {}", commit.id()));
    if commit.parent_count() > 1 {
        let parents: Vec<String> = commit
            .parent_ids()
            .map(|id| id.to_string().chars().take(7).collect())
            .collect();
        line(format_args!("Merge: {}", parents.join(" ")));
    }
    line(format_args!("Author: {name} <{email}>"));
    line(format_args!("Date:   {}", date(author.when())));
    line(format_args!(""));
    let message = String::from_utf8_lossy(commit.message_bytes());
    for words in message.trim_end().lines() {
        line(format_args!("    {}", words.trim_end()));
    }
    Ok(())
}

/// `Thu Jun 6 00:00:00 2024 +0000`
fn date(time: git2::Time) -> String {
    let zone = FixedOffset::east_opt(time.offset_minutes().saturating_mul(60));
    match (DateTime::from_timestamp(time.seconds(), 0), zone) {
        (Some(utc), Some(zone)) => utc
            .with_timezone(&zone)
            .format("%a %b %-d %H:%M:%S %Y %z")
            .to_string(),
        _ => format!("{} seconds", time.seconds()),
    }
}
