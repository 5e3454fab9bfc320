//! A product archive: component packages, and a distribution that names them in order.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail, ensure};
use media::{Kind, Tree};

use super::{component::IDENTIFIER, sign::Signer};

/// The longest `PackageInfo` and `Distribution` that is read.
const LONGEST: u64 = 4 * 1024 * 1024;
/// The most components: Munki's own product has seven.
const MOST: usize = 64;

/// A product archive as it grows in a folder.
#[derive(Debug)]
pub(super) struct Product {
    folder: PathBuf,
    components: Vec<Component>,
}

#[derive(Debug)]
struct Component {
    /// The name of its folder.
    name: String,
    identifier: String,
    version: String,
    kilobytes: u64,
}

impl Product {
    /// One without a component, in a folder of its own below `work`.
    ///
    /// # Errors
    /// If the folder cannot be made.
    pub(super) fn new(work: &Path) -> anyhow::Result<Self> {
        let folder = work.join("product");
        fs_err::create_dir(&folder)?;
        Ok(Self {
            folder,
            components: Vec::new(),
        })
    }

    /// Adds the component that `path` is, or those that it is made of.
    ///
    /// # Errors
    /// If it is no flat package, or a component is there already.
    pub(super) fn add(&mut self, name: &str, path: &Path) -> anyhow::Result<()> {
        let failed = || format!("`{}` cannot be taken into the package", path.display());
        let tree = media::open(path).with_context(failed)?;
        let members = tree.children("").with_context(failed)?;
        if members.iter().any(|member| member.path == "PackageInfo") {
            return self.add_component(&*tree, "", name).with_context(failed);
        }
        let mut found = members
            .iter()
            .filter(|member| member.is_folder() && member.path.to_lowercase().ends_with(".pkg"))
            .map(|member| member.path.as_str())
            .collect::<Vec<_>>();
        found.sort_unstable();
        ensure!(!found.is_empty(), "`{}` holds no packages", path.display());
        for inner in found {
            let stem = inner.rsplit_once('.').map_or(inner, |(stem, _)| stem);
            self.add_component(&*tree, inner, &format!("{name}-{stem}"))
                .with_context(failed)?;
        }
        Ok(())
    }

    /// The identifiers of the components, in the order in which they are installed.
    pub(super) fn names(&self) -> Vec<String> {
        self.components
            .iter()
            .map(|component| component.identifier.clone())
            .collect()
    }

    /// Writes the product archive, signed if there is a signer.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn write(&self, signer: Option<&Signer>, out: &Path) -> anyhow::Result<()> {
        let distribution = self.distribution()?;
        fs_err::write(self.folder.join("Distribution"), distribution)?;
        match signer {
            Some(signer) => media::write::flatten_sealed(&self.folder, signer, out),
            None => media::write::flatten(&self.folder, out),
        }
        .context("the package cannot be written")
    }

    fn add_component(&mut self, tree: &dyn Tree, inner: &str, name: &str) -> anyhow::Result<()> {
        ensure!(self.components.len() < MOST, "it has too many components");
        let info = read(tree, &join(inner, "PackageInfo"))?;
        let name = format!("{name}.pkg");
        let component = Component::read(name, &info)?;
        let known: BTreeSet<&String> = self.components.iter().map(|it| &it.identifier).collect();
        ensure!(
            !known.contains(&component.identifier),
            "the component `{}` is in it twice",
            component.identifier
        );
        copy(tree, inner, &self.folder.join(&component.name))?;
        self.components.push(component);
        Ok(())
    }

    fn distribution(&self) -> anyhow::Result<String> {
        let mut lines = String::new();
        let mut choices = String::new();
        for component in &self.components {
            let (id, version) = (escaped(&component.identifier), escaped(&component.version));
            writeln!(lines, "        <line choice=\"{id}\"/>")?;
            writeln!(
                choices,
                "    <choice id=\"{id}\" visible=\"false\">\n        <pkg-ref id=\"{id}\"/>\n    </choice>\n    \
                 <pkg-ref id=\"{id}\" version=\"{version}\" installKBytes=\"{}\">#{}</pkg-ref>",
                component.kilobytes,
                escaped(&component.name)
            )?;
        }
        Ok(format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<installer-gui-script minSpecVersion=\"2\">\n    \
             <title>Auto-Update</title>\n    \
             <options customize=\"never\" require-scripts=\"false\" hostArchitectures=\"x86_64,arm64\"/>\n    \
             <domains enable_anywhere=\"false\" enable_currentUserHome=\"false\" enable_localSystem=\"true\"/>\n    \
             <product id=\"{IDENTIFIER}.product\" version=\"{}\"/>\n    <choices-outline>\n{lines}    \
             </choices-outline>\n{choices}</installer-gui-script>\n",
            env!("CARGO_PKG_VERSION")
        ))
    }
}

impl Component {
    fn read(name: String, info: &str) -> anyhow::Result<Self> {
        let document =
            roxmltree::Document::parse(info).context("its PackageInfo cannot be read")?;
        let root = document.root_element();
        let attribute = |name| {
            let value = root.attribute(name).filter(|value| !value.is_empty());
            value
                .map(ToOwned::to_owned)
                .with_context(|| format!("its PackageInfo has no {name}"))
        };
        let payload = root.children().find(|node| node.has_tag_name("payload"));
        let kilobytes = payload.and_then(|node| node.attribute("installKBytes"));
        Ok(Self {
            name,
            identifier: attribute("identifier")?,
            version: attribute("version")?,
            kilobytes: kilobytes.and_then(|text| text.parse().ok()).unwrap_or(0),
        })
    }
}

/// The members of a component as they are stored.
fn copy(tree: &dyn Tree, folder: &str, to: &Path) -> anyhow::Result<()> {
    fs_err::create_dir(to)?;
    for entry in tree.children(folder)? {
        let name = entry.path.rsplit('/').next().unwrap_or_default();
        let target = to.join(name);
        match entry.kind {
            Kind::File { .. } => {
                let mut file = fs_err::File::create_new(&target)?;
                io::copy(&mut tree.open(&entry.path)?, &mut file)?;
            }
            Kind::Folder => copy(tree, &entry.path, &target)?,
            Kind::Link { .. } => bail!("`{}` is a link", entry.path),
        }
    }
    Ok(())
}

fn read(tree: &dyn Tree, path: &str) -> anyhow::Result<String> {
    let mut text = String::new();
    tree.open(path)?.take(LONGEST).read_to_string(&mut text)?;
    Ok(text)
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
}
