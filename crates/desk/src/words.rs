//! What a class of failure is called, and what to do about it, in plain words.

use model::FailureClass;

/// What happened, in a few words that fit a subject line.
pub const fn headline(class: FailureClass) -> &'static str {
    match class {
        FailureClass::Checksum => "checksum does not match",
        FailureClass::CodeSignature => "code signature is missing, broken or not the expected one",
        FailureClass::Configuration => "configuration is wrong",
        FailureClass::Download => "download failed",
        FailureClass::IdentityChanged => "signed by somebody else than before",
        FailureClass::Import => "item could not be described or placed",
        FailureClass::Internal => "Auto-Update itself failed",
        FailureClass::Malware => "scanners call it malware",
        FailureClass::Package => "package could not be opened or built",
        FailureClass::Publish => "repository could not be written",
        FailureClass::RateLimited => "a service asks us to slow down",
        FailureClass::ReRelease => "vendor replaced a release silently",
        FailureClass::ScanInconclusive => "no scan result",
        FailureClass::SourceChanged => "vendor's page or feed has changed",
        FailureClass::Timeout => "took too long",
        FailureClass::Trust => "not approved, or changed since it was",
    }
}

/// What to do next, unless the failure itself says something better.
pub const fn advice(class: FailureClass) -> &'static str {
    match class {
        FailureClass::Checksum => {
            "Compare the checksum in the recipe with the one that the vendor publishes. Do not publish the download."
        }
        FailureClass::CodeSignature => {
            "Do not use the download. Fetch it again over another network, and ask the vendor if the signature is \
             still wrong."
        }
        FailureClass::Configuration => {
            "Correct the override, recipe or preference that the cause names, approve it, and run it again."
        }
        FailureClass::Download => {
            "Open the address in a browser. If the vendor has moved the download, update the recipe; otherwise wait \
             for the next run."
        }
        FailureClass::IdentityChanged => {
            "Find out from the vendor whether the software changed hands. Only then approve the new signer."
        }
        FailureClass::Import => {
            "Read the log excerpt: the item has no version or no file to check for, or the repository has it already."
        }
        FailureClass::Internal => {
            "Run it again. If it fails again, report it with the log excerpt."
        }
        FailureClass::Malware => {
            "Do not use the download. Read the scan report, and ask the vendor before anything else is done."
        }
        FailureClass::Package => {
            "Read the log excerpt: the vendor may have changed how the software is packed; then update the recipe."
        }
        FailureClass::Publish => {
            "Check that the repository is there, has room, and can be written. The publication is finished by itself \
             when it can be."
        }
        FailureClass::RateLimited => {
            "Nothing, unless it goes on: then run less often, or ask for a larger quota."
        }
        FailureClass::ReRelease => {
            "Compare both downloads. Approve the new one only if the vendor confirms it."
        }
        FailureClass::ScanInconclusive => {
            "Read why there is no result. Wait and run again, or let a person decide on the held download."
        }
        FailureClass::SourceChanged => {
            "Open the page or feed that the recipe reads, and update the recipe to what it looks like now."
        }
        FailureClass::Timeout => {
            "Wait for the next run. If it goes on, check the network and the vendor's server."
        }
        FailureClass::Trust => {
            "Read the difference with `auto-update trust diff`, and approve it if it is wanted."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_words_of_its_own_that_fit_their_place() {
        for class in FailureClass::ALL {
            assert!(headline(class).len() <= 60, "{class}");
            assert!(!headline(class).ends_with('.'), "{class}");
            assert!(advice(class).ends_with('.'), "{class}");
            let same = |other: &FailureClass| headline(*other) == headline(class);
            assert_eq!(
                FailureClass::ALL.iter().filter(|other| same(other)).count(),
                1
            );
        }
    }
}
