//! Programs and bundles with signatures of our own making.
//!
//! `apple-codesign` signs; it never reads anything that comes from outside. What it makes is intact and leads to no
//! root of Apple's, which is what a judge of signatures must say.

use std::path::Path;

use anyhow::{Context as _, Result};
use apple_codesign::{
    CertificateProfile, SettingsScope, SigningSettings, UnifiedSigner,
    create_self_signed_code_signing_certificate, cryptography::DigestType,
};
use x509_certificate::{CapturedX509Certificate, EcdsaCurve, InMemorySigningKeyPair, KeyAlgorithm};

/// Where the code of a made program begins, and to what its parts are aligned.
const PAGE_LEN: usize = 0x1000;
const X86_64: u32 = 0x0100_0007;
const EXECUTABLE: u32 = 2;
const LC_SEGMENT_64: u32 = 0x19;
const LC_BUILD_VERSION: u32 = 0x32;
const BUILD_VERSION_LEN: u32 = 24;
const SEGMENT_LEN: u32 = 72;
const SECTION_LEN: u32 = 80;
/// Where programs lie in memory.
const MEMORY: u64 = 0x1_0000_0000;

/// A certificate that signed itself, and its key.
pub struct SelfSigned {
    team_id: String,
    certificate: CapturedX509Certificate,
    key: InMemorySigningKeyPair,
}

impl std::fmt::Debug for SelfSigned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SelfSigned").finish_non_exhaustive()
    }
}

/// Makes a certificate that looks like a Developer ID Application certificate of `team_id`, but signed itself.
///
/// # Errors
/// If no key can be made.
pub fn self_signed_certificate(team_id: &str, person: &str) -> Result<SelfSigned> {
    let (certificate, key) = create_self_signed_code_signing_certificate(
        KeyAlgorithm::Ecdsa(EcdsaCurve::Secp256r1),
        CertificateProfile::DeveloperIdApplication,
        team_id,
        person,
        "US",
        chrono::Duration::try_days(3650).context("a time that long")?,
    )
    .context("a certificate cannot be made")?;
    Ok(SelfSigned {
        team_id: team_id.to_owned(),
        certificate,
        key,
    })
}

/// Signs the bundle or program at `path` in place, with a SHA-1 and a SHA-256 code directory.
///
/// # Errors
/// If it cannot be read or written, or is nothing that can be signed.
pub fn sign_bundle(path: &Path, signer: &SelfSigned, identifier: &str) -> Result<()> {
    sign(
        path,
        signer,
        identifier,
        &[DigestType::Sha1, DigestType::Sha256],
    )
}

/// Signs as [`sign_bundle`] does, with a SHA-256 code directory only, as what needs macOS 10.12 or later is signed; its
/// program must say so, or SHA-1 comes in all the same ([`program_for_newer_systems`]).
///
/// # Errors
/// As [`sign_bundle`].
pub fn sign_for_newer_systems(path: &Path, signer: &SelfSigned, identifier: &str) -> Result<()> {
    sign(path, signer, identifier, &[DigestType::Sha256])
}

/// Signs as [`sign_bundle`] does, and allows the program what the property list `entitlements` says.
///
/// # Errors
/// As [`sign_bundle`], and if that is no property list.
pub fn sign_with_entitlements(
    path: &Path,
    signer: &SelfSigned,
    identifier: &str,
    entitlements: &str,
) -> Result<()> {
    let mut settings = settings(signer, identifier, &[DigestType::Sha256]);
    settings
        .set_entitlements_xml(SettingsScope::Main, entitlements)
        .context("the entitlements are no property list")?;
    sign_with(path, settings)
}

fn sign(path: &Path, signer: &SelfSigned, identifier: &str, digests: &[DigestType]) -> Result<()> {
    sign_with(path, settings(signer, identifier, digests))
}

fn settings<'a>(
    signer: &'a SelfSigned,
    identifier: &str,
    digests: &[DigestType],
) -> SigningSettings<'a> {
    let mut settings = SigningSettings::default();
    settings.set_signing_key(&signer.key, signer.certificate.clone());
    settings.set_team_id(&signer.team_id);
    settings.set_binary_identifier(SettingsScope::Main, identifier);
    if let Some((first, others)) = digests.split_first() {
        settings.set_digest_type(SettingsScope::Main, *first);
        for other in others {
            settings.add_extra_digest(SettingsScope::Main, *other);
        }
    }
    settings
}

fn sign_with(path: &Path, settings: SigningSettings<'_>) -> Result<()> {
    UnifiedSigner::new(settings)
        .sign_path_in_place(path)
        .with_context(|| format!("`{}` cannot be signed", path.display()))
}

/// An unsigned program for Intel Macs whose code is `code`.
pub fn program(code: &[u8]) -> Vec<u8> {
    program_with(code, &[])
}

/// An unsigned program as [`program`] makes it, that needs macOS 11.
pub fn program_for_newer_systems(code: &[u8]) -> Vec<u8> {
    const MACOS: u32 = 1;
    const VERSION_11: u32 = 11 << 16;
    let build = [
        LC_BUILD_VERSION,
        BUILD_VERSION_LEN,
        MACOS,
        VERSION_11,
        VERSION_11,
        0,
    ];
    program_with(code, &words(&build))
}

/// A program with another load command.
fn program_with(code: &[u8], other: &[u8]) -> Vec<u8> {
    let text_len = PAGE_LEN
        .saturating_add(code.len())
        .next_multiple_of(PAGE_LEN);
    let link_len = 16;
    let mut commands = segment("__TEXT", (0, text_len as u64), 1);
    commands.extend(section(code.len() as u64));
    commands.extend(segment("__LINKEDIT", (text_len as u64, link_len), 0));
    commands.extend_from_slice(other);
    let count = if other.is_empty() { 2 } else { 3 };
    let commands_len = u32::try_from(commands.len()).unwrap_or(u32::MAX);
    let mut program = words(&[
        0xfeed_facf,
        X86_64,
        3,
        EXECUTABLE,
        count,
        commands_len,
        0,
        0,
    ]);
    program.extend(commands);
    program.resize(PAGE_LEN, 0);
    program.extend_from_slice(code);
    program.resize(text_len, 0);
    program.extend([0; 16]);
    program
}

fn segment(name: &str, (offset, len): (u64, u64), sections: u32) -> Vec<u8> {
    let command_len = SEGMENT_LEN + sections * SECTION_LEN;
    let mut command = words(&[LC_SEGMENT_64, command_len]);
    command.extend(padded(name));
    let in_memory = len.next_multiple_of(PAGE_LEN as u64);
    for number in [MEMORY.saturating_add(offset), in_memory, offset, len] {
        command.extend(number.to_le_bytes());
    }
    command.extend(words(&[7, 5, sections, 0]));
    command
}

/// The section that holds the code.
fn section(len: u64) -> Vec<u8> {
    let mut section = padded("__text");
    section.extend(padded("__TEXT"));
    for number in [MEMORY.saturating_add(PAGE_LEN as u64), len] {
        section.extend(number.to_le_bytes());
    }
    section.extend(words(&[0x1000, 4, 0, 0, 0x8000_0400, 0, 0, 0]));
    section
}

fn padded(name: &str) -> Vec<u8> {
    let mut bytes = name.as_bytes().to_vec();
    bytes.resize(16, 0);
    bytes
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// Writes an application without a signature: a program, an information property list and one resource.
///
/// # Errors
/// If it cannot be written.
pub fn write_app(app: &Path, identifier: &str, version: &str) -> Result<()> {
    let contents = app.join("Contents");
    fs_err::create_dir_all(contents.join("MacOS"))?;
    fs_err::create_dir_all(contents.join("Resources"))?;
    let info = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<plist version=\"1.0\"><dict>\
         <key>CFBundleExecutable</key><string>Sample</string>\
         <key>CFBundleIdentifier</key><string>{identifier}</string>\
         <key>CFBundleName</key><string>Sample</string>\
         <key>CFBundlePackageType</key><string>APPL</string>\
         <key>CFBundleShortVersionString</key><string>{version}</string>\
         </dict></plist>\n"
    );
    fs_err::write(contents.join("Info.plist"), info)?;
    fs_err::write(contents.join("Resources/note.txt"), "a resource\n")?;
    fs_err::write(contents.join("MacOS/Sample"), program(&[0x90; 9000]))?;
    Ok(())
}
