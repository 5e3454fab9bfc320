//! `evidence key` and `evidence rotate-key`.

use anyhow::Context as _;
use evidence::PublicKey;
use model::{Clock as _, SystemClock};
use serde_json::{Value as Json, json};

use crate::{
    cli::evidence::{Key, RotateKey},
    exit::ExitStatus,
    house::House,
    printer::Printer,
};

/// Prints the public key; it is made if there is none yet.
pub(super) fn show(arguments: &Key, house: &House, printer: Printer) -> anyhow::Result<ExitStatus> {
    let keyring = house.config()?.keyring();
    let signer = keyring.signer()?.public().clone();
    let mut keys = if arguments.all {
        keyring.public_keys()?
    } else {
        vec![signer.clone()]
    };
    // The one that signs now comes first.
    keys.sort_by_key(|key| *key != signer);
    if arguments.json {
        let keys: Vec<Json> = keys.iter().map(to_json).collect::<Result<_, _>>()?;
        printer.data(json!({"schema": 1, "keyid": signer.id().to_string(), "keys": keys}))?;
        return Ok(ExitStatus::Done);
    }
    for key in &keys {
        if !arguments.public {
            let signs = if *key == signer {
                ""
            } else {
                " (signs nothing any more)"
            };
            printer.data(format!("key {}{signs}", key.id()))?;
        }
        printer.data(key.to_pem()?.trim_end())?;
    }
    Ok(ExitStatus::Done)
}

/// What is printed of a key.
pub(super) fn to_json(key: &PublicKey) -> anyhow::Result<Json> {
    Ok(json!({"keyid": key.id().to_string(), "pem": key.to_pem()?}))
}

/// Has a new key sign from now on.
pub(super) fn rotate(
    arguments: &RotateKey,
    house: &House,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    let config = house.config()?;
    let keyring = config.keyring();
    let old = keyring.signer()?.id();
    let mut new = None;
    house.own_repository()?.with_log(&mut |log| {
        new = Some(log.change_key(&keyring, SystemClock.now())?);
        Ok(())
    })?;
    let new = new.context("the key was not changed")?;
    if arguments.json {
        let new = to_json(&new)?;
        printer.data(json!({"schema": 1, "old": old.to_string(), "new": new}))?;
        return Ok(ExitStatus::Done);
    }
    printer.data(new.to_pem()?.trim_end())?;
    printer.talk(format!(
        "Key {} signs from now on, and key {old} signed that it does; what it signed before still holds by it",
        new.id()
    ));
    printer.hint("hand the new public key to everybody who verifies, and keep the old one");
    Ok(ExitStatus::Done)
}
