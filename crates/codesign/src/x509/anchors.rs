//! The certificates of Apple's that are part of this program.

use std::sync::LazyLock;

use super::Certificate;

/// Where every chain must end.
const ROOTS: [&[u8]; 3] = [
    include_bytes!("../../certificates/AppleIncRootCertificate.cer"),
    include_bytes!("../../certificates/AppleRootCA-G2.cer"),
    include_bytes!("../../certificates/AppleRootCA-G3.cer"),
];

/// What a signature need not carry along. Being here makes none of them trusted: each is verified up to a root.
const INTERMEDIATES: [&[u8]; 11] = [
    include_bytes!("../../certificates/AppleSoftwareUpdateCertificationAuthority.cer"),
    include_bytes!("../../certificates/AppleTimestampCA.cer"),
    include_bytes!("../../certificates/AppleWWDRCA.cer"),
    include_bytes!("../../certificates/AppleWWDRCAG2.cer"),
    include_bytes!("../../certificates/AppleWWDRCAG3.cer"),
    include_bytes!("../../certificates/AppleWWDRCAG4.cer"),
    include_bytes!("../../certificates/AppleWWDRCAG5.cer"),
    include_bytes!("../../certificates/AppleWWDRCAG6.cer"),
    include_bytes!("../../certificates/AppleWWDRCAG8.cer"),
    include_bytes!("../../certificates/DeveloperIDCA.cer"),
    include_bytes!("../../certificates/DeveloperIDG2CA.cer"),
];

static BUILT_IN: LazyLock<(Vec<Certificate>, Vec<Certificate>)> =
    LazyLock::new(|| (read(&ROOTS), read(&INTERMEDIATES)));

/// Apple's roots.
#[cfg(not(test))]
pub(super) fn roots() -> &'static [Certificate] {
    &BUILT_IN.0
}

/// Apple's roots, and the one of the tests that forge signatures.
#[cfg(test)]
pub(super) fn roots() -> &'static [Certificate] {
    static WITH_OURS: LazyLock<Vec<Certificate>> = LazyLock::new(|| {
        let ours = crate::tests::forge::root();
        let mut roots = BUILT_IN.0.clone();
        roots.push(ours);
        roots
    });
    &WITH_OURS
}

/// Apple's intermediate certificates.
pub(super) fn intermediates() -> &'static [Certificate] {
    &BUILT_IN.1
}

/// A certificate that could not be read would only be missing, which can refuse but never accept; a test holds that
/// all are read.
fn read(ders: &[&[u8]]) -> Vec<Certificate> {
    ders.iter()
        .filter_map(|der| Certificate::parse(der).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_certificate_is_read_and_leads_to_a_root() {
        for der in ROOTS.iter().chain(&INTERMEDIATES) {
            Certificate::parse(der).unwrap();
        }
        for root in roots() {
            root.verify_signed_by(root).unwrap();
        }
        for certificate in intermediates() {
            let issuer = roots()
                .iter()
                .find(|root| root.subject == certificate.issuer)
                .unwrap();
            certificate.verify_signed_by(issuer).unwrap();
        }
    }

    #[test]
    fn the_roots_are_the_published_ones() {
        let prints: Vec<String> = BUILT_IN
            .0
            .iter()
            .map(|root| hex::encode(root.sha1()))
            .collect();
        assert_eq!(
            prints,
            [
                "611e5b662c593a08ff58d14ae22452d198df6c60",
                "14698989bfb2950921a42452646d37b50af017e2",
                "b52cb02fd567e0359fe8fa4d4c41037970fe01b0",
            ]
        );
    }
}
