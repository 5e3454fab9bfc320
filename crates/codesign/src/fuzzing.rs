//! Entries for the fuzzer; each must return, whatever the bytes.

use std::{hint::black_box, sync::Arc};

use model::Timestamp;
use wire::ReadAt;

use crate::{
    Requirement, RequirementSet, Revocations,
    bundle::must_be_sealed,
    checks::Checks,
    cms::{SignedData, signed_at},
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
    drop((message.verify(bytes), signed_at(&message)));
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
    use proptest::prelude::*;
    use testkit::signing::{self_signed_certificate, sign_bundle, write_app};

    use super::*;

    type Body = fn(&[u8]);

    const BODIES: [Body; 11] = [
        certificate,
        code_directory,
        code_resources,
        message,
        program,
        requirement,
        requirement_text,
        signature,
        signed_image,
        signed_package,
        ticket,
    ];

    const TEXT: &str = "identifier \"org.example.sample\" and anchor apple generic and certificate \
        1[field.1.2.840.113635.100.6.2.6] exists and (certificate leaf[subject.OU] = ABCDE12345 or \
        info[CFBundleVersion] >= \"1.0\") and !notarized";

    /// What a fuzzer would begin with, for every entry; made here, so that no corpus is needed.
    fn seeds() -> Vec<(Body, Vec<u8>)> {
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
        let embedded = whole[at..].to_vec();
        let blobs = Blobs::parse(&embedded).unwrap();
        let requirement_ = Requirement::parse(TEXT).unwrap();
        vec![
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
            (message, blobs.message().unwrap().to_vec()),
            (program, whole.clone()),
            (requirement, requirement_.to_binary()),
            (requirement, blobs.get(slot::REQUIREMENTS).unwrap().to_vec()),
            (requirement_text, TEXT.into()),
            (signature, embedded.clone()),
            (ticket, b"s8ch\x01\0\0\0\x02\0\0\0\x18\0\0\0\x30\0".to_vec()),
            (signed_image, image_with(&embedded)),
        ]
    }

    /// A disk image of nothing but its signature.
    fn image_with(signature: &[u8]) -> Vec<u8> {
        let mut trailer = vec![0; 512];
        trailer[..4].copy_from_slice(b"koly");
        let len = u64::try_from(signature.len()).unwrap();
        trailer[0x130..0x138].copy_from_slice(&len.to_be_bytes());
        [signature, &trailer].concat()
    }

    /// What the fuzzer runs also runs here: over the seeds, cut and damaged.
    #[test]
    fn every_entry_returns_on_its_seeds_and_on_damaged_ones() {
        for (entry, seed) in seeds() {
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
            BODIES[body](&bytes);
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
