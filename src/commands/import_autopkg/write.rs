//! The configuration with which this program goes on.

use std::{collections::BTreeSet, fmt::Write as _, io::Write as _, path::Path};

use anyhow::Context as _;

use super::{
    judge::Title,
    python::Doubt,
    setup::{Place, Purpose, Setup},
};

/// Writes the configuration, over nothing that is there.
pub(super) fn write(path: &Path, setup: &Setup, titles: &[Title]) -> anyhow::Result<()> {
    let text = configuration(setup, titles);
    let mut file = fs_err::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .context("the configuration is not written over anything that is there already")?;
    file.write_all(text.as_bytes())?;
    Ok(())
}

fn configuration(setup: &Setup, titles: &[Title]) -> String {
    let mut text = String::from(
        "# Made from AutoPkg's preferences. Every key: docs/reference/configuration.md.\n\n\
         # Everything that outlives the process: database, downloads, workspaces.\nstate-dir = \"var\"\n\n[repository]\n",
    );
    let repository = setup
        .places
        .iter()
        .find(|place| place.purpose == Purpose::Repository);
    match repository {
        Some(place) if place.found => line(&mut text, "path", &quoted_path(place)),
        Some(place) => {
            let written = quoted(&place.written);
            comment(
                &mut text,
                &format!("MUNKI_REPO was {written}, which is not here. Copy it, and say where:"),
            );
            comment(&mut text, "path = \"/srv/munki\"");
        }
        None => comment(
            &mut text,
            "AutoPkg had none. It is made in the state folder unless you say where:\n# path = \"/srv/munki\"",
        ),
    }
    autopkg(&mut text, setup);
    network(&mut text, titles);
    scan(&mut text, setup);
    text
}

fn autopkg(text: &mut String, setup: &Setup) {
    text.push_str("\n[autopkg]\n");
    comment(
        text,
        "Every preference goes on to be a variable of every recipe, and is read here:",
    );
    let file = setup.preferences.file().display().to_string();
    line(text, "prefs", &quoted(&file));
    if !setup.secrets.is_empty() {
        let names = setup.secrets.join(", ");
        comment(
            text,
            &format!(
                "That file holds what is secret, and nobody but the service ought to read it: {names}."
            ),
        );
    }
    for (key, purpose) in [
        ("recipe-search-dirs", Purpose::Recipes),
        ("recipe-override-dirs", Purpose::Overrides),
    ] {
        let dirs: Vec<String> = setup
            .found(purpose)
            .map(|place| format!("    {},\n", quoted_path(place)))
            .collect();
        line(text, key, &format!("[\n{}]", dirs.concat()));
        for place in setup
            .places
            .iter()
            .filter(|place| place.purpose == purpose && !place.found)
        {
            comment(text, &format!("Not here: {}", quoted(&place.written)));
        }
    }
}

fn network(text: &mut String, titles: &[Title]) {
    let foreign = titles.iter().flat_map(|title| &title.foreign);
    let names: BTreeSet<String> = foreign
        .filter(|foreign| foreign.doubts.contains(&Doubt::Network))
        .map(|foreign| quoted(&foreign.name))
        .collect();
    if !names.is_empty() {
        text.push_str("\n[sandbox]\n");
        comment(
            text,
            "These seem to use the network by themselves. Read them, then allow those that may:",
        );
        let names: Vec<String> = names.into_iter().collect();
        comment(text, &format!("network = [{}]", names.join(", ")));
    }
}

fn scan(text: &mut String, setup: &Setup) {
    text.push_str("\n[scan]\n");
    let known = setup
        .secrets
        .iter()
        .find(|name| name.to_ascii_uppercase().contains("VIRUSTOTAL"));
    if let Some(name) = known {
        comment(
            text,
            &format!(
                "The key is in the preference {name}, which is not copied. Put it into a file of its own:"
            ),
        );
    } else {
        comment(
            text,
            "Without a key for VirusTotal every release is held. Put one into a file:",
        );
    }
    comment(text, "api-key-file = \"keys/virustotal\"");
}

fn line(text: &mut String, key: &str, value: &str) {
    // Writing to a String cannot fail.
    writeln!(text, "{key} = {value}").unwrap_or_default();
}

fn comment(text: &mut String, words: &str) {
    writeln!(text, "# {words}").unwrap_or_default();
}

fn quoted_path(place: &Place) -> String {
    quoted(&place.here.display().to_string())
}

/// As TOML writes a text.
fn quoted(words: &str) -> String {
    toml::Value::from(words).to_string()
}
