//! The processors, one file each.

mod app_dmg_versioner;
mod app_pkg_creator;
mod code_signature_verifier;
mod copier;
mod deprecation_warning;
mod dmg_creator;
mod dmg_mounter;
mod end_of_check_phase;
mod file_creator;
mod file_finder;
mod file_mover;
mod find_and_replace;
mod flat_pkg_packer;
mod flat_pkg_unpacker;
mod git_hub_releases_info_provider;
mod munki_catalog_builder;
mod munki_importer;
mod munki_info_creator;
mod munki_installs_items_creator;
mod munki_optional_receipt_editor;
mod munki_pkginfo_merger;
mod munki_set_default_catalog;
mod package_required;
mod path_deleter;
mod pkg_copier;
mod pkg_creator;
mod pkg_extractor;
mod pkg_info_creator;
mod pkg_payload_unpacker;
mod pkg_root_creator;
mod plist_editor;
mod plist_reader;
mod sparkle_update_info_provider;
mod stop_processing_if;
mod symlinker;
mod unarchiver;
mod url_downloader;
mod url_text_searcher;
mod variable_setter;
mod versioner;

use std::sync::Arc;

use proplist::{Dict, Value};

pub(crate) use file_creator::octal;

use crate::{Processor, disk::OnDisk};

/// One of each.
pub(crate) fn all() -> Vec<Arc<dyn Processor>> {
    vec![
        Arc::new(OnDisk(app_dmg_versioner::AppDmgVersioner)),
        Arc::new(OnDisk(app_pkg_creator::AppPkgCreator)),
        Arc::new(url_downloader::UrlDownloader::deprecated("CURLDownloader")),
        Arc::new(url_text_searcher::UrlTextSearcher::deprecated(
            "CURLTextSearcher",
        )),
        Arc::new(OnDisk(code_signature_verifier::CodeSignatureVerifier)),
        Arc::new(OnDisk(copier::Copier)),
        Arc::new(OnDisk(deprecation_warning::DeprecationWarning)),
        Arc::new(OnDisk(dmg_creator::DmgCreator)),
        Arc::new(OnDisk(dmg_mounter::Abstract("DmgMounter"))),
        Arc::new(OnDisk(end_of_check_phase::EndOfCheckPhase)),
        Arc::new(OnDisk(file_creator::FileCreator)),
        Arc::new(OnDisk(file_finder::FileFinder)),
        Arc::new(OnDisk(file_mover::FileMover)),
        Arc::new(OnDisk(find_and_replace::FindAndReplace)),
        Arc::new(OnDisk(flat_pkg_packer::FlatPkgPacker)),
        Arc::new(OnDisk(flat_pkg_unpacker::FlatPkgUnpacker)),
        Arc::new(git_hub_releases_info_provider::GitHubReleasesInfoProvider),
        Arc::new(OnDisk(munki_catalog_builder::MunkiCatalogBuilder)),
        Arc::new(OnDisk(munki_importer::MunkiImporter)),
        Arc::new(OnDisk(munki_info_creator::MunkiInfoCreator)),
        Arc::new(OnDisk(
            munki_installs_items_creator::MunkiInstallsItemsCreator,
        )),
        Arc::new(OnDisk(
            munki_optional_receipt_editor::MunkiOptionalReceiptEditor,
        )),
        Arc::new(OnDisk(munki_pkginfo_merger::MunkiPkginfoMerger)),
        Arc::new(OnDisk(munki_set_default_catalog::MunkiSetDefaultCatalog)),
        Arc::new(OnDisk(package_required::PackageRequired)),
        Arc::new(OnDisk(path_deleter::PathDeleter)),
        Arc::new(OnDisk(pkg_copier::PkgCopier)),
        Arc::new(OnDisk(pkg_creator::PkgCreator)),
        Arc::new(OnDisk(pkg_extractor::PkgExtractor)),
        Arc::new(OnDisk(pkg_info_creator::PkgInfoCreator)),
        Arc::new(OnDisk(pkg_payload_unpacker::PkgPayloadUnpacker)),
        Arc::new(OnDisk(pkg_root_creator::PkgRootCreator)),
        Arc::new(OnDisk(plist_editor::PlistEditor)),
        Arc::new(OnDisk(plist_reader::PlistReader)),
        Arc::new(sparkle_update_info_provider::SparkleUpdateInfoProvider),
        Arc::new(OnDisk(stop_processing_if::StopProcessingIf)),
        Arc::new(OnDisk(symlinker::Symlinker)),
        Arc::new(OnDisk(unarchiver::Unarchiver)),
        Arc::new(url_downloader::UrlDownloader::current()),
        Arc::new(url_downloader::UrlDownloader::python()),
        Arc::new(url_text_searcher::UrlTextSearcher::current()),
        Arc::new(OnDisk(dmg_mounter::Abstract("URLGetter"))),
        Arc::new(OnDisk(variable_setter::VariableSetter)),
        Arc::new(OnDisk(versioner::Versioner)),
    ]
}

/// What a step reports for the table at the end: a sentence, and one row in the order of its columns.
pub(crate) fn summary(text: &str, row: &[(&str, &str)]) -> Value {
    let data: Dict = row
        .iter()
        .map(|&(name, value)| (name.to_owned(), value.into()))
        .collect();
    let fields: Vec<Value> = row.iter().map(|&(name, _)| name.into()).collect();
    let mut summary = Dict::new();
    summary.insert("summary_text".to_owned(), text.into());
    if row.len() > 1 {
        summary.insert("report_fields".to_owned(), Value::Array(fields));
    }
    summary.insert("data".to_owned(), data.into());
    summary.into()
}
