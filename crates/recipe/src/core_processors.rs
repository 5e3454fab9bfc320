//! The steps that AutoPkg itself brings.

/// The names that `AutoPkg` 2.9 counts as its own, in order; its two abstract ones and two aliases among them.
///
/// A step with any other name is a community processor, whose file trust information covers.
pub const CORE_PROCESSORS: [&str; 48] = [
    "AppDmgVersioner",
    "AppPkgCreator",
    "CURLDownloader",
    "CURLTextSearcher",
    "ChocolateyPackager",
    "CodeSignatureVerifier",
    "Copier",
    "DeprecationWarning",
    "DmgCreator",
    "DmgMounter",
    "EndOfCheckPhase",
    "FileCreator",
    "FileFinder",
    "FileMover",
    "FindAndReplace",
    "FlatPkgPacker",
    "FlatPkgUnpacker",
    "GitHubReleasesInfoProvider",
    "InstallFromDMG",
    "Installer",
    "MunkiCatalogBuilder",
    "MunkiImporter",
    "MunkiInfoCreator",
    "MunkiInstallsItemsCreator",
    "MunkiOptionalReceiptEditor",
    "MunkiPkginfoMerger",
    "MunkiSetDefaultCatalog",
    "PackageRequired",
    "PathDeleter",
    "PkgCopier",
    "PkgCreator",
    "PkgExtractor",
    "PkgInfoCreator",
    "PkgPayloadUnpacker",
    "PkgRootCreator",
    "PlistEditor",
    "PlistReader",
    "SignToolVerifier",
    "SparkleUpdateInfoProvider",
    "StopProcessingIf",
    "Symlinker",
    "URLDownloader",
    "URLDownloaderPython",
    "URLGetter",
    "URLTextSearcher",
    "Unarchiver",
    "VariableSetter",
    "Versioner",
];

/// Whether a step of this name is one of [`CORE_PROCESSORS`].
pub fn is_core_processor(name: &str) -> bool {
    CORE_PROCESSORS.binary_search(&name).is_ok()
}

/// The recipe identifier and the bare name in `com.example.recipe/Processor`; a name without a slash has no
/// identifier.
pub fn split_processor(name: &str) -> (Option<&str>, &str) {
    name.split_once('/')
        .map_or((None, name), |(identifier, bare)| (Some(identifier), bare))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_in_order_and_whole() {
        assert!(CORE_PROCESSORS.is_sorted());
        assert!(CORE_PROCESSORS.iter().all(|name| is_core_processor(name)));
        assert!(!is_core_processor("com.example.shared/URLDownloader"));
    }

    #[test]
    fn only_the_first_slash_splits() {
        assert_eq!(split_processor("a.b/C/d"), (Some("a.b"), "C/d"));
        assert_eq!(split_processor("C"), (None, "C"));
    }
}
