//! The vendor's web site: a download page, and the images that it links to.

use std::path::Path;

use super::software::Software;
use crate::vendor::{Resource, Vendor};

/// The vendor's web site.
#[derive(Clone, Copy, Debug)]
pub(super) struct Site<'a> {
    vendor: &'a Vendor,
    name: &'a str,
}

impl<'a> Site<'a> {
    pub(super) const fn new(vendor: &'a Vendor, software: &Software) -> Self {
        Self {
            vendor,
            name: software.name,
        }
    }

    /// The address of the download page.
    pub(super) fn page(self) -> String {
        self.vendor.url("/download.html")
    }

    /// Offers the image at `path` as `version`, in place of whatever was offered as that before.
    ///
    /// # Errors
    /// If the image cannot be read.
    pub(super) fn release(self, version: &str, path: &Path) -> anyhow::Result<()> {
        let image = Resource::file(fs_err::read(path)?);
        self.vendor.put(&self.image_path(version), image);
        let page = format!(
            "<!doctype html>\n<title>{name}</title>\n<h1>{name}</h1>\n\
             <p><a href=\"{url}\">Download {name} {version} for macOS</a></p>\n",
            name = self.name,
            url = self.vendor.url(&self.image_path(version)),
        );
        self.vendor.put("/download.html", Resource::page(&page));
        Ok(())
    }

    /// Takes the image away; the page still links to it.
    pub(super) fn lose(self, version: &str) {
        self.vendor.remove(&self.image_path(version));
    }

    fn image_path(self, version: &str) -> String {
        format!("/releases/{}-{version}.dmg", self.name)
    }
}
