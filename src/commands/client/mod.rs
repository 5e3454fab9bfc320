//! `client`: what Macs are given.

mod component;
mod identity;
mod product;
mod sign;

use std::path::Path;

use anyhow::{Context as _, ensure};
use codesign::{Pins, Report, Verdict};
use model::{Clock as _, SystemClock};
use serde_json::json;

use self::{identity::Identity, product::Product, sign::Signer};
use crate::{
    cli::client::{Client, Package},
    exit::ExitStatus,
    printer::Printer,
};

/// Does what was asked.
pub(crate) fn run(verb: &Client, printer: Printer) -> anyhow::Result<ExitStatus> {
    match verb {
        Client::Package(arguments) => package(arguments, printer),
    }
}

/// Makes the package beside its place, judges it as any package is judged, and puts it there.
fn package(arguments: &Package, printer: Printer) -> anyhow::Result<ExitStatus> {
    let program = judge(&arguments.client)?;
    let signer = signer(arguments)?;
    let folder = arguments.out.parent().filter(|it| *it != Path::new(""));
    let work = tempfile::tempdir_in(folder.unwrap_or(Path::new(".")))
        .context("there is no room beside the package")?;
    let mut product = Product::new(work.path())?;
    for (name, path) in [
        ("munki", &arguments.munki),
        ("notifier", &arguments.notifier),
    ] {
        if let Some(path) = path {
            product.add(name, path)?;
        }
    }
    let client = work.path().join("client.pkg");
    component::make(arguments, work.path(), &client)?;
    product.add("client", &client)?;
    let made = work.path().join("product.pkg");
    product.write(signer.as_ref(), &made)?;
    let report = judge(&made)?;
    stands_up(&report, signer.as_ref())?;
    let (digest, len) = model::Sha256::of_reader(&mut fs_err::File::open(&made)?)?;
    tell(arguments, &program, &report, printer)?;
    fs_err::rename(&made, &arguments.out)?;
    if arguments.json {
        printer.data(json!({
            "schema": 1,
            "path": arguments.out,
            "sha256": digest.to_string(),
            "size": len,
            "verdict": report.verdict,
            "client_verdict": program.verdict,
            "components": product.names(),
        }))?;
    } else {
        printer.talk(format!(
            "Made `{}` of {}, SHA-256 {digest}",
            arguments.out.display(),
            product.names().join(", ")
        ));
    }
    Ok(ExitStatus::Done)
}

/// The signer that the command line names; none if it names none.
fn signer(arguments: &Package) -> anyhow::Result<Option<Signer>> {
    let Some(path) = &arguments.sign_with else {
        return Ok(None);
    };
    let password = arguments.password_file.as_deref();
    let identity = Identity::read(path, password, &arguments.chain)?;
    Signer::new(identity, SystemClock.now()).map(Some)
}

/// That the package is signed if it was to be, and whole.
fn stands_up(report: &Report, signer: Option<&Signer>) -> anyhow::Result<()> {
    let is_signed = report.verdict != Verdict::Unsigned;
    ensure!(
        is_signed == signer.is_some() && report.verdict != Verdict::Invalid,
        "the package that was made does not stand up to its own judgement: {}",
        report
            .failures()
            .map(|check| json!(check).to_string())
            .collect::<Vec<_>>()
            .join(", ")
    );
    Ok(())
}

fn judge(path: &Path) -> anyhow::Result<Report> {
    codesign::verify(path, &Pins::none(), SystemClock.now())
        .with_context(|| format!("`{}` is nothing that a Mac can run", path.display()))
}

/// What Macs will say of the package, where they will say anything.
fn tell(
    arguments: &Package,
    program: &Report,
    package: &Report,
    printer: Printer,
) -> anyhow::Result<()> {
    ensure!(
        program.verdict != Verdict::Invalid,
        "the signature of `{}` is broken",
        arguments.client.display()
    );
    if program.verdict != Verdict::DeveloperId {
        printer.warning(format!(
            "`{}` is not signed with a Developer ID: Macs that are told to let only such programs run will not run it",
            arguments.client.display()
        ));
    }
    if package.verdict != Verdict::DeveloperIdInstaller {
        printer.warning(
            "the package is not signed with a Developer ID: Jamf Pro installs it, and a person who opens it is warned",
        );
    }
    Ok(())
}
