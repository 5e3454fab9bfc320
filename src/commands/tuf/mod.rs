//! `tuf`: update metadata of the repository.

mod address;
mod root;
mod verify;

use std::sync::Arc;

use model::{Clock as _, SystemClock, Timestamp};
use publication::{
    Backend,
    tuf::{Refreshed, RootDescription, Signed, Tuf as Keeper},
};
use serde_json::{Value as Json, json};

use crate::{
    cli::tuf::{Refresh, Show, Tuf},
    commands::wait_for,
    exit::ExitStatus,
    house::House,
    printer::Printer,
};

/// Does what was asked.
pub(crate) fn run(verb: Tuf, house: &House, printer: Printer) -> anyhow::Result<ExitStatus> {
    match verb {
        Tuf::AdoptRoot(arguments) => root::adopt(&arguments, house, printer),
        Tuf::Init(arguments) => root::init(&arguments, house, printer),
        Tuf::Refresh(arguments) => refresh(&arguments, house, printer),
        Tuf::Rotate(arguments) => root::rotate(&arguments, house, printer),
        Tuf::Show(arguments) => show(&arguments, house, printer),
        Tuf::SignRoot(arguments) => root::sign(&arguments, printer),
        Tuf::Verify(arguments) => wait_for(verify::run(arguments, house, printer)),
    }
}

/// The repository and what keeps its metadata, as the configuration has them.
fn open(house: &House) -> anyhow::Result<(Arc<dyn Backend>, Keeper)> {
    Ok((house.own_repository()?, house.config()?.tuf_keeper()))
}

fn refresh(arguments: &Refresh, house: &House, printer: Printer) -> anyhow::Result<ExitStatus> {
    let (repository, keeper) = open(house)?;
    let refreshed = keeper.refresh(&*repository, SystemClock.now())?;
    if arguments.json {
        printer.data(to_json(&refreshed))?;
        return Ok(ExitStatus::Done);
    }
    tell(&refreshed, printer)?;
    Ok(ExitStatus::Done)
}

/// Says what was written, and what could not be named.
fn tell(refreshed: &Refreshed, printer: Printer) -> anyhow::Result<()> {
    for name in &refreshed.written {
        printer.data(format!("wrote {name}"))?;
    }
    for (name, why) in &refreshed.skipped {
        printer.warning(format!("`{name}` is left out: {why}"));
    }
    printer.talk(format!(
        "The metadata names {}, and nothing expires before {}",
        files(refreshed.targets),
        expires(refreshed)
    ));
    Ok(())
}

fn to_json(refreshed: &Refreshed) -> Json {
    let skipped: Vec<Json> = refreshed
        .skipped
        .iter()
        .map(|(name, why)| json!({"name": name, "why": why}))
        .collect();
    json!({
        "schema": 1,
        "written": refreshed.written,
        "skipped": skipped,
        "targets": refreshed.targets,
        "expires": expires(refreshed).to_string(),
        "roles": roles(&refreshed.root, refreshed.online.iter().map(|(role, signed)| (role.as_str(), signed))),
    })
}

/// What each role has signed last.
fn roles<'a>(root: &Signed, online: impl Iterator<Item = (&'a str, &'a Signed)>) -> Json {
    let one =
        |signed: &Signed| json!({"version": signed.version, "expires": signed.expires.to_string()});
    let mut roles = json!({ "root": one(root) });
    if let Some(roles) = roles.as_object_mut() {
        roles.extend(online.map(|(role, signed)| (role.to_owned(), one(signed))));
    }
    roles
}

fn expires(refreshed: &Refreshed) -> Timestamp {
    let online = refreshed.online.values().map(|signed| signed.expires);
    online.fold(refreshed.root.expires, Timestamp::min)
}

fn files(count: usize) -> String {
    match count {
        1 => "1 file".to_owned(),
        many => format!("{many} files"),
    }
}

fn show(arguments: &Show, house: &House, printer: Printer) -> anyhow::Result<ExitStatus> {
    let keeper = house.config()?.tuf_keeper();
    let Some((root, bytes)) = keeper.last_root()? else {
        printer.error(&publication::tuf::TufError::NoRoot.into());
        printer.hint("`auto-update tuf init` makes it, and so does the service when it starts");
        return Ok(ExitStatus::Failed);
    };
    if arguments.root {
        printer.bytes(&bytes)?;
        return Ok(ExitStatus::Done);
    }
    let repository = house.repository(None)?;
    let online = keeper.signed(&*repository)?;
    if arguments.json {
        let online_roles = online.iter().map(|(role, signed)| (role.as_str(), signed));
        let last = Signed {
            version: root.version,
            expires: root.expires,
        };
        printer.data(json!({
            "schema": 1,
            "root": root_to_json(&root),
            "roles": roles(&last, online_roles),
        }))?;
        return Ok(ExitStatus::Done);
    }
    tell_root(&root, printer)?;
    for (role, signed) in &online {
        printer.data(format!(
            "{role}: version {}, until {}",
            signed.version, signed.expires
        ))?;
    }
    Ok(ExitStatus::Done)
}

fn root_to_json(root: &RootDescription) -> Json {
    let online: serde_json::Map<String, Json> = root
        .online_keys
        .iter()
        .map(|(role, keys)| (role.to_string(), json!(keys)))
        .collect();
    json!({
        "version": root.version,
        "expires": root.expires.to_string(),
        "threshold": root.threshold,
        "root_keys": root.root_keys,
        "signed_by": root.signed_by,
        "online_keys": online,
    })
}

/// Says what a root says.
fn tell_root(root: &RootDescription, printer: Printer) -> anyhow::Result<()> {
    printer.data(format!(
        "root: version {}, until {}, by {} of {}",
        root.version,
        root.expires,
        root.threshold,
        match root.root_keys.len() {
            1 => "1 key".to_owned(),
            many => format!("{many} keys"),
        }
    ))?;
    for key in &root.root_keys {
        let signed = if root.signed_by.contains(key) {
            "signed"
        } else {
            "not signed"
        };
        printer.data(format!("  {key} {signed}"))?;
    }
    for (role, keys) in &root.online_keys {
        printer.data(format!("  {role} is signed by {}", keys.join(", ")))?;
    }
    Ok(())
}
