//! Roots: drafted, signed and taken.

use std::path::Path;

use anyhow::Context as _;
use evidence::{Keyring, PublicKey};
use model::{Clock as _, SystemClock};
use publication::tuf::{RootPlan, TufError, describe_root, sign_root};
use serde_json::json;

use super::{open, root_to_json, tell, tell_root, to_json};
use crate::{
    cli::tuf::{AdoptRoot, Init, RootKeys, Rotate, SignRoot},
    exit::ExitStatus,
    house::House,
    printer::Printer,
};

/// Makes the first root, or drafts it.
pub(super) fn init(
    arguments: &Init,
    house: &House,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    let (_, keeper) = open(house)?;
    if let Some((last, _)) = keeper.last_root()? {
        printer.error(
            &TufError::HasRoot {
                version: last.version,
            }
            .into(),
        );
        printer.hint("`auto-update tuf rotate` makes the next one");
        return Ok(ExitStatus::Failed);
    }
    let plan = plan(&arguments.keys)?;
    propose(&plan, &arguments.keys, arguments.json, house, printer)
}

/// Makes the next root, or drafts it.
pub(super) fn rotate(
    arguments: &Rotate,
    house: &House,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    let (_, keeper) = open(house)?;
    if !keeper.is_set_up()? {
        printer.error(&TufError::NoRoot.into());
        printer.hint("`auto-update tuf init` makes the first one");
        return Ok(ExitStatus::Failed);
    }
    let plan = RootPlan {
        rotate: arguments.roles.iter().copied().collect(),
        rotate_root: arguments.root,
        ..plan(&arguments.keys)?
    };
    propose(&plan, &arguments.keys, arguments.json, house, printer)
}

fn plan(keys: &RootKeys) -> anyhow::Result<RootPlan> {
    let mut root_keys = Vec::new();
    for path in &keys.public {
        let text = fs_err::read_to_string(path)?;
        let found = PublicKey::all_from_pem(&text);
        root_keys.extend(found.with_context(|| format!("`{}` cannot be used", path.display()))?);
    }
    Ok(RootPlan {
        root_keys,
        threshold: keys.threshold,
        ..RootPlan::default()
    })
}

/// Drafts a root, and takes it or writes it to a file.
fn propose(
    plan: &RootPlan,
    keys: &RootKeys,
    as_json: bool,
    house: &House,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    let (repository, keeper) = open(house)?;
    let draft = keeper.draft(plan, SystemClock.now())?;
    let Some(out) = &keys.out else {
        if !draft.is_complete {
            printer.error(&anyhow::anyhow!(
                "this root is to be signed by keys that are not here"
            ));
            printer.hint("`--out FILE` writes it to a file, for `auto-update tuf sign-root`");
            return Ok(ExitStatus::Failed);
        }
        return take(&draft.bytes, as_json, house, printer);
    };
    drop(repository);
    fs_err::write(out, &draft.bytes)?;
    let root = describe_root(&draft.bytes)?;
    if as_json {
        printer.data(
            json!({"schema": 1, "complete": draft.is_complete, "root": root_to_json(&root)}),
        )?;
    } else {
        tell_root(&root, printer)?;
        printer.talk(format!(
            "`{}` is a draft; `auto-update tuf sign-root` signs it, `auto-update tuf adopt-root` takes it",
            out.display()
        ));
    }
    Ok(ExitStatus::Done)
}

/// Takes a root.
pub(super) fn adopt(
    arguments: &AdoptRoot,
    house: &House,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    let bytes = read(&arguments.file)?;
    take(&bytes, arguments.json, house, printer)
}

fn take(
    bytes: &[u8],
    as_json: bool,
    house: &House,
    printer: Printer,
) -> anyhow::Result<ExitStatus> {
    let (repository, keeper) = open(house)?;
    let adopted = keeper.adopt(&*repository, bytes, SystemClock.now())?;
    if as_json {
        printer.data(to_json(&adopted.refreshed))?;
        return Ok(ExitStatus::Done);
    }
    tell(&adopted.refreshed, printer)?;
    printer.talk(format!("Root {} holds from now on", adopted.version));
    if adopted.version == 1 {
        printer.hint("hand it to clients once, in another way than through the repository: `auto-update tuf show --root`");
        printer.hint("move the key `root.pem` to where no network is, and leave it here only if it must sign by itself");
    }
    Ok(ExitStatus::Done)
}

/// Signs a root.
pub(super) fn sign(arguments: &SignRoot, printer: Printer) -> anyhow::Result<ExitStatus> {
    let folder = arguments.key.parent().unwrap_or(&arguments.key);
    let key = Keyring::with_key(&arguments.key, folder)
        .present()?
        .with_context(|| format!("there is no key `{}`", arguments.key.display()))?;
    let last = arguments.last.as_deref().map(read).transpose()?;
    let signed = sign_root(&read(&arguments.file)?, last.as_deref(), &key)?;
    fs_err::write(&arguments.file, &signed.bytes)?;
    if arguments.json {
        printer.data(json!({"schema": 1, "root": root_to_json(&signed.description)}))?;
    } else {
        tell_root(&signed.description, printer)?;
    }
    Ok(ExitStatus::Done)
}

/// The largest root that is read, in bytes.
const LARGEST: u64 = 1 << 20;

/// What a file holds that can be a root.
pub(super) fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    let file = fs_err::File::open(path)?;
    file.take(LARGEST.saturating_add(1))
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}
