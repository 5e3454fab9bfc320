//! Entries for the fuzzer; each must return, whatever the bytes.

use std::{hint::black_box, sync::Arc};

use model::Timestamp;
use wire::ReadAt;

use crate::{
    Requirement, RequirementSet, Revocations,
    bundle::must_be_sealed,
    checks::Checks,
    cms::{SignedData, time_stamp},
    code::{Blobs, CodeDirectory, Subject, judge, slot},
    image, package,
    program::judge_program,
    terms::Terms,
    ticket::Ticket,
    x509::{Certificate, Chain, Purpose},
};

/// 2026-11-24: within the life of every certificate of Apple's that counts.
const NOW: Timestamp = Timestamp::from_secs(1_795_564_800);

/// An embedded signature with every part of it, about no code at all.
pub fn signature(bytes: &[u8]) {
    drop(Blobs::stated_len(bytes));
    let Ok(blobs) = Blobs::parse(bytes) else {
        return;
    };
    let nothing: Vec<u8> = Vec::new();
    let subject = Subject {
        code: &nothing,
        code_limit: 0,
        info: Some(b"<plist/>"),
        is_info_inside: true,
        resources: None,
        rep_specific: None,
    };
    drop(judge(
        &blobs,
        subject,
        terms(&nobody()),
        &mut Checks::default(),
    ));
    if let Some(ticket) = blobs.payload(slot::TICKET) {
        self::ticket(ticket);
    }
}

/// A code directory.
pub fn code_directory(bytes: &[u8]) {
    let Ok(directory) = CodeDirectory::parse(bytes) else {
        return;
    };
    for number in 0..=directory.special_count().saturating_add(1) {
        black_box(directory.special(number));
    }
    assert_eq!(
        directory.cdhash().len(),
        20,
        "a hash by which code is known"
    );
}

/// A requirement and a set of them in binary form. What was read must survive being written and printed.
pub fn requirement(bytes: &[u8]) {
    if let Ok(requirement) = Requirement::from_binary(bytes) {
        let again = Requirement::from_binary(&requirement.to_binary());
        assert!(
            again.is_ok_and(|again| again == requirement),
            "written and read again: {requirement}"
        );
        drop(requirement.to_string());
    }
    if let Ok(set) = RequirementSet::from_binary(bytes) {
        let again = RequirementSet::from_binary(&set.to_binary());
        assert!(
            again.is_ok_and(|again| again == set),
            "written and read again: {set}"
        );
        drop(set.to_string());
    }
}

/// The text of a requirement. What was read must survive being printed, and being written.
pub fn requirement_text(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(requirement) = Requirement::parse(&text) {
        let again = Requirement::parse(&requirement.to_string());
        assert_eq!(again.as_ref(), Ok(&requirement), "printed and read again");
        drop(Requirement::from_binary(&requirement.to_binary()));
    }
    drop(RequirementSet::parse(&text));
}

/// A list of sealed resources, and what its rules say of a few paths.
pub fn code_resources(bytes: &[u8]) {
    for path in ["Resources/a.lproj/b.strings", "MacOS/c", "Info.plist", ""] {
        if must_be_sealed(bytes, path).is_err() {
            return;
        }
    }
}

/// A notarization ticket.
pub fn ticket(bytes: &[u8]) {
    if let Ok(ticket) = Ticket::verify(bytes) {
        black_box(ticket.covers(&(2, vec![0; 20])));
    }
}

/// A signed message, its certificates and its time stamp.
pub fn message(bytes: &[u8]) {
    drop(SignedData::parse_padded(bytes));
    let Ok(message) = SignedData::parse(bytes) else {
        return;
    };
    drop((message.verify(bytes), time_stamp(&message)));
    for certificate in &message.certificates {
        judge_certificate(certificate, &message.certificates);
    }
}

/// A certificate.
pub fn certificate(bytes: &[u8]) {
    if let Ok(certificate) = Certificate::parse(bytes) {
        judge_certificate(&certificate, &[]);
    }
}

fn judge_certificate(certificate: &Certificate, carried: &[Certificate]) {
    let chain = Chain::build(certificate, carried);
    for purpose in [Purpose::Code, Purpose::TimeStamp] {
        drop(chain.judge(purpose, NOW));
    }
    drop((chain.authorities(), chain.team_id()));
}

/// A flat package: the table of contents, its signatures, a ticket behind it.
pub fn signed_package(bytes: &[u8]) {
    drop(package::judge_package(
        &source(bytes),
        terms(&nobody()),
        &mut Checks::default(),
    ));
}

/// A program with all its architectures and their signatures.
pub fn program(bytes: &[u8]) {
    drop(judge_program(
        &source(bytes),
        None,
        terms(&nobody()),
        &mut Checks::default(),
    ));
}

/// A signed disk image.
pub fn signed_image(bytes: &[u8]) {
    let source = source(bytes);
    if let Ok(Some(trailer)) = image::trailer(source.as_ref()) {
        drop(image::judge_image(
            &source,
            &trailer,
            terms(&nobody()),
            &mut Checks::default(),
        ));
    }
}

fn nobody() -> Revocations {
    Revocations::default()
}

const fn terms(revoked: &Revocations) -> Terms<'_> {
    Terms { now: NOW, revoked }
}

fn source(bytes: &[u8]) -> Arc<dyn ReadAt> {
    Arc::new(bytes.to_vec())
}

#[cfg(test)]
mod tests {
    use std::{
        collections::HashSet,
        path::{Path, PathBuf},
    };

    use proptest::prelude::*;
    use testkit::signing::{self_signed_certificate, sign_bundle, write_app};

    use super::*;
    use crate::hash::Algorithm;

    type Body = fn(&[u8]);
    /// The name of a target, its body, and bytes to begin with.
    type Seed = (&'static str, Body, Vec<u8>);

    const BODIES: [(&str, Body); 11] = [
        ("certificate", certificate),
        ("code_directory", code_directory),
        ("code_resources", code_resources),
        ("message", message),
        ("program", program),
        ("requirement", requirement),
        ("requirement_text", requirement_text),
        ("signature", signature),
        ("signed_image", signed_image),
        ("signed_package", signed_package),
        ("ticket", ticket),
    ];

    /// The head of a ticket, and no more.
    const TICKET: &[u8] = b"s8ch\x01\0\0\0\x02\0\0\0\x18\0\0\0\x30\0";

    const TEXT: &str = "identifier \"org.example.sample\" and anchor apple generic and certificate \
        1[field.1.2.840.113635.100.6.2.6] exists and (certificate leaf[subject.OU] = ABCDE12345 or \
        info[CFBundleVersion] >= \"1.0\") and !notarized";

    /// What a fuzzer would begin with, for every entry; made here, so that no corpus is needed.
    fn seeds() -> Vec<Seed> {
        let folder = tempfile::tempdir().unwrap();
        let app = folder.path().join("Sample.app");
        write_app(&app, "org.example.sample", "1.0").unwrap();
        let signer = self_signed_certificate("ABCDE12345", "Somebody").unwrap();
        sign_bundle(&app, &signer, "org.example.sample").unwrap();
        let read = |path: &str| std::fs::read(app.join(path)).unwrap();
        let whole = read("Contents/MacOS/Sample");
        let at = whole
            .windows(4)
            .rposition(|window| window == [0xfa, 0xde, 0x0c, 0xc0])
            .unwrap();
        // What fills the program up behind the signature is none of it.
        let len = Blobs::stated_len(&whole[at..]).unwrap();
        let embedded = whole[at..][..usize::try_from(len).unwrap()].to_vec();
        let blobs = Blobs::parse(&embedded).unwrap();
        let requirement_ = Requirement::parse(TEXT).unwrap();
        let cms = blobs.message().unwrap();
        let parts: Vec<(Body, Vec<u8>)> = vec![
            (
                certificate,
                include_bytes!("../certificates/DeveloperIDG2CA.cer").to_vec(),
            ),
            (
                code_directory,
                blobs.get(slot::CODE_DIRECTORY).unwrap().to_vec(),
            ),
            (
                code_resources,
                read("Contents/_CodeSignature/CodeResources"),
            ),
            (message, cms.to_vec()),
            (program, whole.clone()),
            (requirement, requirement_.to_binary()),
            (requirement, blobs.get(slot::REQUIREMENTS).unwrap().to_vec()),
            (requirement_text, TEXT.into()),
            (signature, embedded.clone()),
            (ticket, TICKET.to_vec()),
            (signed_image, image_with(&embedded)),
            (signed_package, package_with(cms)),
        ];
        let named = parts.into_iter().map(|(body, bytes)| {
            let of_body = |(_, other): &&(&str, Body)| std::ptr::fn_addr_eq(*other, body);
            let (name, body) = BODIES.iter().find(of_body).unwrap();
            (*name, *body, bytes)
        });
        named.collect()
    }

    /// A disk image of nothing but its signature.
    fn image_with(signature: &[u8]) -> Vec<u8> {
        let mut trailer = vec![0; 512];
        trailer[..4].copy_from_slice(b"koly");
        let len = u64::try_from(signature.len()).unwrap();
        trailer[0x130..0x138].copy_from_slice(&len.to_be_bytes());
        [signature, &trailer].concat()
    }

    /// A flat package of one member, with `cms` as its signature and the head of a ticket behind it.
    fn package_with(cms: &[u8]) -> Vec<u8> {
        let member = b"<pkg-info/>";
        let digest = hex::encode(Algorithm::Sha1.digest(member));
        let member_at = cms.len().strict_add(20);
        let toc = format!(
            "<xar><toc><checksum style=\"sha1\"><offset>0</offset><size>20</size></checksum>\
             <x-signature style=\"CMS\"><offset>20</offset><size>{}</size></x-signature>\
             <file id=\"1\"><name>PackageInfo</name><type>file</type><data><offset>{member_at}</offset>\
             <size>11</size><length>11</length><encoding style=\"application/octet-stream\"/>\
             <archived-checksum style=\"sha1\">{digest}</archived-checksum>\
             <extracted-checksum style=\"sha1\">{digest}</extracted-checksum></data></file></toc></xar>",
            cms.len(),
        );
        let stored = zlib_stored(toc.as_bytes());
        let mut package = b"xar!\0\x1c\0\x01".to_vec();
        package.extend(u64::try_from(stored.len()).unwrap().to_be_bytes());
        package.extend(u64::try_from(toc.len()).unwrap().to_be_bytes());
        package.extend(1_u32.to_be_bytes());
        package.extend(&stored);
        package.extend(Algorithm::Sha1.digest(&stored));
        package.extend(cms);
        package.extend(member);
        let ticket_len = u32::try_from(TICKET.len()).unwrap().to_le_bytes();
        package.extend(*b"t8lr\x01\0\x01\0\0\0\0\0\0\0\0\0");
        package.extend(TICKET);
        package.extend(*b"t8lr\x01\0\x02\0");
        package.extend(ticket_len);
        package.extend([0; 4]);
        package
    }

    /// `bytes` as a zlib stream of one stored block.
    fn zlib_stored(bytes: &[u8]) -> Vec<u8> {
        let len = u16::try_from(bytes.len()).unwrap();
        let (mut low, mut high) = (1_u32, 0_u32);
        for byte in bytes {
            low = low.strict_add(u32::from(*byte)).strict_rem(65_521);
            high = high.strict_add(low).strict_rem(65_521);
        }
        let mut stream = vec![0x78, 0x01, 0x01];
        stream.extend(len.to_le_bytes());
        stream.extend((!len).to_le_bytes());
        stream.extend(bytes);
        stream.extend((high << 16 | low).to_be_bytes());
        stream
    }

    /// The seed must reach the code directory, or the fuzzer would never see it.
    #[test]
    fn the_seed_of_an_image_is_judged_to_its_end() {
        let seeds = seeds();
        let (_, _, image) = seeds
            .iter()
            .find(|(name, ..)| *name == "signed_image")
            .unwrap();
        let source = source(image);
        let trailer = image::trailer(source.as_ref()).unwrap().unwrap();
        let mut checks = Checks::default();
        let terms_ = nobody();
        image::judge_image(&source, &trailer, terms(&terms_), &mut checks);
        let failures: Vec<_> = checks.failures().filter_map(|check| check.code).collect();
        assert!(failures.contains(&"code-limit-wrong"), "{failures:?}");
    }

    /// The seed must reach what lies behind the table of contents, or the fuzzer would never see it.
    #[test]
    fn the_seed_of_a_package_is_judged_to_its_end() {
        let seeds = seeds();
        let (_, _, package) = seeds
            .iter()
            .find(|(name, ..)| *name == "signed_package")
            .unwrap();
        let mut checks = Checks::default();
        let terms_ = nobody();
        let judged = package::judge_package(&source(package), terms(&terms_), &mut checks);
        assert!(!judged.is_unsigned);
        let failures: Vec<_> = checks
            .failures()
            .map(|check| (check.name, check.code))
            .collect();
        let signed_for_other_code = ("package-signature", Some("message-digest-wrong"));
        let only_a_head = ("notarization-ticket", Some("malformed"));
        assert_eq!(failures, [signed_for_other_code, only_a_head]);
    }

    /// Writes the seeds to the folder that `AUTO_UPDATE_SEEDS` names, in a folder for each target.
    #[test]
    fn seeds_are_written_for_the_fuzzer() {
        let asked = std::env::var_os("AUTO_UPDATE_SEEDS").map(PathBuf::from);
        let house = tempfile::tempdir().unwrap();
        let out = asked.unwrap_or_else(|| house.path().to_owned());
        let targets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/fuzz_targets");
        for (number, (name, _, seed)) in seeds().into_iter().enumerate() {
            let target = format!("codesign_{name}");
            let source = targets.join(&target).with_extension("rs");
            assert!(source.is_file(), "{} is no target", source.display());
            std::fs::create_dir_all(out.join(&target)).unwrap();
            std::fs::write(out.join(&target).join(format!("own-{number}")), seed).unwrap();
        }
        let fed: HashSet<_> = seeds().into_iter().map(|(name, ..)| name).collect();
        assert_eq!(
            fed.len(),
            BODIES.len(),
            "every target has something to begin with"
        );
    }

    /// What the fuzzer runs also runs here: over the seeds, cut and damaged.
    #[test]
    fn every_entry_returns_on_its_seeds_and_on_damaged_ones() {
        for (_, entry, seed) in seeds() {
            entry(&seed);
            entry(&[]);
            for cut in (0..seed.len()).step_by(seed.len().div_ceil(60)) {
                entry(&seed[..cut]);
            }
            for at in (0..seed.len()).step_by(seed.len().div_ceil(120)) {
                let mut damaged = seed.clone();
                damaged[at] = !damaged[at];
                entry(&damaged);
                damaged[at] = 0xff;
                entry(&damaged);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn every_entry_returns_on_anything(bytes: Vec<u8>, body in 0..BODIES.len()) {
            BODIES[body].1(&bytes);
        }

        /// Text of the language's own words, put together at random.
        #[test]
        fn what_reads_as_a_requirement_survives_printing(
            text in "((identifier|anchor|apple|generic|certificate|leaf|root|info|not|and|or|!|\\(|\\)|\\[|\\]|=|\\*|\"a b\"|subject.OU|exists|[0-9]|abc|cdhash|H\"00\"|>=) ){0,12}",
        ) {
            requirement_text(text.as_bytes());
        }
    }
}
