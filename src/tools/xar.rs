//! `xar -t` and `xar -x`: the members of a flat package, as they are packed.

use std::{io, path::Path};

use media::{Kind, Tree};

use super::{Refusal, Words};
use crate::printer::Printer;

pub(super) fn run(words: &[String], printer: Printer) -> Result<u8, Refusal> {
    let words = parted(words);
    let words = Words::read(&words, &["-t", "-x", "-v"], &["-C", "-f", "--exclude"])?;
    let archive = words
        .value("-f")
        .ok_or_else(|| Refusal::failed("no archive is named; use -f"))?;
    let tree = media::open(Path::new(archive))?;
    let excluded: Vec<&str> = words
        .values
        .iter()
        .filter(|(flag, _)| flag == "--exclude")
        .map(|(_, pattern)| pattern.as_str())
        .collect();
    for pattern in excluded
        .iter()
        .copied()
        .chain(words.rest.iter().map(String::as_str))
    {
        if pattern.contains(['*', '[', '^', '$', '\\']) {
            return Err(Refusal::NotServed(format!("the pattern `{pattern}`")));
        }
    }
    let mut members = Vec::new();
    members_below(&*tree, "", &mut members)?;
    members.retain(|member| {
        let wanted =
            words.rest.is_empty() || words.rest.iter().any(|part| member.contains(part.as_str()));
        wanted && !excluded.iter().any(|part| member.contains(part))
    });
    let target = Path::new(words.value("-C").unwrap_or("."));
    for member in &members {
        if words.has("-t") || words.has("-v") {
            printer.data(member)?;
        }
        if words.has("-x") {
            extract(&*tree, member, target)?;
        }
    }
    Ok(0)
}

/// `-xf` is `-x -f`.
fn parted(words: &[String]) -> Vec<String> {
    let mut parted = Vec::new();
    for word in words {
        match word.strip_prefix('-') {
            Some(letters)
                if letters.len() > 1 && letters.chars().all(|letter| "tvxfC".contains(letter)) =>
            {
                parted.extend(letters.chars().map(|letter| format!("-{letter}")));
            }
            _ => parted.push(word.clone()),
        }
    }
    parted
}

/// Every member, folders before what is in them; payloads are members, what they hold is not.
fn members_below(tree: &dyn Tree, folder: &str, members: &mut Vec<String>) -> Result<(), Refusal> {
    for entry in tree.children(folder)? {
        members.push(entry.path.clone());
        if entry.is_folder() {
            members_below(tree, &entry.path, members)?;
        }
    }
    Ok(())
}

fn extract(tree: &dyn Tree, member: &str, target: &Path) -> Result<(), Refusal> {
    // The tree has no names that lead out of it.
    let place = target.join(member);
    let entry = tree.entry(member)?;
    if entry.is_folder() {
        fs_err::create_dir_all(&place)?;
        return Ok(());
    }
    if let Some(folder) = place.parent() {
        fs_err::create_dir_all(folder)?;
    }
    if matches!(entry.kind, Kind::File { .. }) {
        let mut file = fs_err::File::create(&place)?;
        io::copy(&mut tree.open(member)?, &mut file)?;
    }
    Ok(())
}
