//! `pkgutil`: flat packages. Of what is installed it knows nothing, because nothing is.

use std::path::Path;

use codesign::{Pins, Verdict};
use model::{Clock as _, SystemClock};

use super::{Refusal, Words};
use crate::printer::Printer;

const FLAGS: [&str; 7] = [
    "--check-signature",
    "--expand",
    "--expand-full",
    "--force",
    "--payload-files",
    "--pkgs",
    "--verbose",
];

pub(super) fn run(words: &[String], printer: Printer) -> Result<u8, Refusal> {
    let words = Words::read(
        words,
        &FLAGS,
        &["--pkg-info", "--pkg-info-plist", "--files"],
    )?;
    if let Some((_, identifier)) = words.values.first() {
        return Err(Refusal::failed(format!(
            "No receipt for '{identifier}' found at '/'."
        )));
    }
    if words.has("--pkgs") {
        return Ok(1);
    }
    if words.has("--check-signature") {
        return check_signature(words.only("a package")?, printer);
    }
    if words.has("--payload-files") {
        return payload_files(words.only("a package")?, printer);
    }
    let full = words.has("--expand-full");
    if !full && !words.has("--expand") {
        return Err(Refusal::NotServed("that".to_owned()));
    }
    let (package, target) = words.pair()?;
    expand(Path::new(package), Path::new(target), full)
}

fn expand(package: &Path, target: &Path, full: bool) -> Result<u8, Refusal> {
    if target.symlink_metadata().is_ok() {
        let shown = target.display();
        return Err(Refusal::failed(format!(
            "Error encountered while creating {shown}: File exists"
        )));
    }
    let tree = media::open(package)?;
    media::extract(&*tree, "", target)?;
    unpack_archives(target, full)?;
    Ok(0)
}

/// Puts a folder in the place of each `Scripts` archive, and of each `Payload` too if all is to be unpacked.
fn unpack_archives(folder: &Path, full: bool) -> Result<(), Refusal> {
    for entry in fs_err::read_dir(folder)? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        if kind.is_dir() && path.extension().is_some_and(|end| end == "pkg") {
            unpack_archives(&path, full)?;
        }
        let is_archive = entry.file_name() == "Scripts" || full && entry.file_name() == "Payload";
        if kind.is_file() && is_archive {
            let packed = path.with_file_name(".packed");
            fs_err::rename(&path, &packed)?;
            let tree = media::open(&packed)?;
            media::extract(&*tree, "", &path)?;
            fs_err::remove_file(&packed)?;
        }
    }
    Ok(())
}

/// What the payloads of the package and of its components hold, as paths from `.`.
fn payload_files(package: &str, printer: Printer) -> Result<u8, Refusal> {
    let tree = media::open(Path::new(package))?;
    let mut payloads = Vec::new();
    for entry in tree.children("")? {
        if entry.name() == "Payload" {
            payloads.push(entry.path);
        } else if entry.is_folder() && Path::new(entry.name()).extension() == Some("pkg".as_ref()) {
            let inner = tree.children(&entry.path)?.into_iter();
            payloads.extend(
                inner
                    .map(|entry| entry.path)
                    .filter(|path| path.ends_with("/Payload")),
            );
        }
    }
    for payload in payloads {
        printer.data(".")?;
        let location = media::look_into(&Path::new(package).join(&payload))?;
        for entry in media::walk(&*location.tree, &location.inner)? {
            let path = entry
                .path
                .strip_prefix(&location.inner)
                .unwrap_or(&entry.path);
            printer.data(format!("./{}", path.trim_start_matches('/')))?;
        }
    }
    Ok(0)
}

fn check_signature(package: &str, printer: Printer) -> Result<u8, Refusal> {
    let report = codesign::verify(Path::new(package), &Pins::none(), SystemClock.now())
        .map_err(|error| Refusal::failed(model::chain(&error)))?;
    let name = Path::new(package).file_name().unwrap_or_default();
    printer.data(format!("Package \"{}\":", name.to_string_lossy()))?;
    let status = match report.verdict {
        Verdict::Unsigned => "no signature",
        Verdict::DeveloperIdInstaller => {
            "signed by a developer certificate issued by Apple for distribution"
        }
        Verdict::Apple => "signed Apple Software",
        Verdict::MacAppStore | Verdict::Valid => "signed by a certificate trusted by macOS",
        Verdict::NotTrusted => "signed by untrusted certificate",
        Verdict::AdHoc | Verdict::DeveloperId | Verdict::Invalid | Verdict::WrongKind => {
            "package is invalid (checksum did not verify)"
        }
    };
    printer.data(format!("   Status: {status}"))?;
    if report.holds() {
        printer.data("   Certificate Chain:")?;
        for (index, authority) in report.authorities.iter().enumerate() {
            printer.data(format!("    {}. {authority}", index.saturating_add(1)))?;
        }
    }
    Ok(u8::from(!report.holds()))
}
