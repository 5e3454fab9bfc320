//! The really signed software that the demo publishes.

use std::path::{Path, PathBuf};

use anyhow::bail;

/// A title with two releases that its vendor really signed, and something that another vendor really signed.
#[derive(Clone, Debug)]
pub(super) struct Software {
    /// The title's name.
    pub(super) name: &'static str,
    /// What lies in the vendor's image and is to be installed.
    pub(super) item: &'static str,
    /// Where it is installed.
    pub(super) destination: &'static str,
    /// The older and the newer release.
    pub(super) releases: [Release; 2],
    /// What another vendor signed; it will carry the item's name.
    pub(super) impostor: PathBuf,
}

/// One release.
#[derive(Clone, Debug)]
pub(super) struct Release {
    /// As the vendor's page says it.
    pub(super) version: &'static str,
    /// Where each file or bundle comes from, and what it is called in the vendor's image; the item first.
    pub(super) contents: Vec<(PathBuf, &'static str)>,
}

impl Software {
    /// Finds what there is in a folder of media: a corpus of vendors' media, or packages of the npm registry.
    ///
    /// # Errors
    /// If there is neither.
    pub(super) fn find(media: &Path) -> anyhow::Result<Self> {
        let known = [driver(media), compiler(media)];
        for software in known {
            if software.is_there() {
                return Ok(software);
            }
        }
        bail!(
            "there is no signed software that the demo knows in `{}`: it takes `pkg/CH34xVCPDriver.pkg`, \
             `pkg/CH34xVCPDriver_hist1.pkg` and `app/DevSignedApp.zip` of a corpus, or the npm packages that \
             `cargo xtask demo` fetches",
            media.display()
        )
    }

    fn is_there(&self) -> bool {
        let releases = self.releases.iter().flat_map(|release| &release.contents);
        let mut sources = releases.map(|(path, _)| path).chain([&self.impostor]);
        sources.all(|path| path.ancestors().any(Path::is_file) || path.is_dir())
    }
}

/// A driver's application: a bundle with a nested system extension, and a notarization ticket.
fn driver(media: &Path) -> Software {
    let release = |version, package: &str| {
        let app = "CH34xVCPDriver.pkg/Payload/Applications/CH34xVCPDriver.app";
        Release {
            version,
            contents: vec![(
                media.join("pkg").join(package).join(app),
                "CH34xVCPDriver.app",
            )],
        }
    };
    Software {
        name: "CH34xVCPDriver",
        item: "CH34xVCPDriver.app",
        destination: "/Applications",
        releases: [
            release("1.8", "CH34xVCPDriver_hist1.pkg"),
            release("1.9", "CH34xVCPDriver.pkg"),
        ],
        impostor: media.join("app/DevSignedApp.zip/DevSignedApp.app"),
    }
}

/// A compiler for style sheets: a program that is no bundle, and what it runs.
fn compiler(media: &Path) -> Software {
    let release = |version: &'static str| {
        let folder = media.join(format!("sass-embedded-darwin-arm64_{version}"));
        let source = folder.join("package/dart-sass/src");
        Release {
            version,
            contents: vec![
                (source.join("dart"), "dart"),
                (source.join("sass.snapshot"), "sass.snapshot"),
            ],
        }
    };
    Software {
        name: "DartSass",
        item: "dart",
        destination: "/usr/local/dart-sass",
        releases: [release("1.104.0"), release("1.105.0")],
        impostor: media.join("_sentry_cli-darwin_3.8.0/package/bin/sentry-cli"),
    }
}
