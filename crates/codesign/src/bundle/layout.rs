//! Where a bundle keeps its parts.

use std::{collections::HashSet, io::Read as _};

use media::{Entry, Kind, MediaError, Tree};
use proplist::Value;

use crate::flaw::Flaw;

const MAX_INFO_LEN: u64 = 16 << 20;

/// How a file begins that carries the extended attributes of another (RFC 1740).
const APPLE_DOUBLE: [u8; 4] = [0, 5, 0x16, 7];

/// Where the parts of a bundle lie; all paths are paths of its tree.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Layout {
    /// The bundle itself.
    pub(crate) root: String,
    /// The folder that is sealed: `Contents`, a version of a framework, or the bundle itself.
    pub(crate) sealed: String,
    /// Where the information property list is.
    pub(crate) info_path: String,
    /// Its bytes.
    pub(crate) info: Vec<u8>,
    /// The main program.
    pub(crate) program: Option<String>,
}

impl Layout {
    /// The parts of the bundle at `root`; nothing if it is no bundle.
    pub(crate) fn find(tree: &dyn Tree, root: &str) -> Result<Option<Self>, Flaw> {
        let (sealed, info_path, programs) = match Form::of(tree, root)? {
            Some(Form::Contents) => {
                let sealed = join(root, "Contents");
                (
                    sealed.clone(),
                    join(&sealed, "Info.plist"),
                    join(&sealed, "MacOS"),
                )
            }
            Some(Form::Flat(info)) => (root.to_owned(), join(root, info), root.to_owned()),
            Some(Form::Version(name)) => {
                let version = join(root, &format!("Versions/{name}"));
                (
                    version.clone(),
                    join(&version, "Resources/Info.plist"),
                    version,
                )
            }
            None => return Ok(None),
        };
        let Some(info) = read_file(tree, &info_path, MAX_INFO_LEN)? else {
            return Ok(None);
        };
        let program = program(tree, (root, &programs), &info)?;
        Ok(Some(Self {
            root: root.to_owned(),
            sealed,
            info_path,
            info,
            program,
        }))
    }

    /// Whether `stated` is what a file `PkgInfo` may say of this bundle: a type and a creator. Vendors let it go
    /// stale, and macOS does not look at it; but nothing protects it, so it may not hold anything else.
    pub(super) fn is_pkg_info(&self, stated: &[u8]) -> bool {
        let info = proplist::from_bytes(&self.info).ok();
        let dict = info.as_ref().and_then(Value::as_dict);
        let text = |key: &str| dict.and_then(|dict| dict.get(key)).and_then(Value::as_str);
        let creator = text("CFBundleSignature").unwrap_or("????");
        let types = [
            text("CFBundlePackageType").unwrap_or("????"),
            "????",
            "APPL",
            "BNDL",
            "FMWK",
            "KEXT",
            "XPC!",
        ];
        let stated = String::from_utf8_lossy(stated.trim_ascii_end()).into_owned();
        let Some((kind, signature)) = stated.split_at_checked(4) else {
            return stated.is_empty();
        };
        let is_name =
            |name: &str| name.len() == 4 && name.chars().all(|c| c.is_ascii_alphanumeric());
        types.contains(&kind) && (signature == creator || signature == "????" || is_name(signature))
    }

    /// The notarization ticket that is stapled to the bundle.
    pub(crate) fn ticket(&self, tree: &dyn Tree) -> Result<Option<Vec<u8>>, Flaw> {
        let path = join(&self.sealed, "CodeResources");
        match entry(tree, &path)? {
            Some(entry) if is_link_to_seal(&entry) => Ok(None),
            _ => read_file(tree, &path, MAX_INFO_LEN),
        }
    }
}

enum Form {
    /// `Contents/Info.plist`.
    Contents,
    /// An information property list at this place in the bundle itself.
    Flat(&'static str),
    /// A framework whose current version has this name.
    Version(String),
}

impl Form {
    fn of(tree: &dyn Tree, root: &str) -> Result<Option<Self>, Flaw> {
        if entry(tree, &join(root, "Contents"))?.is_some_and(|entry| entry.is_folder()) {
            return Ok(Some(Self::Contents));
        }
        if let Some(current) = entry(tree, &join(root, "Versions/Current"))? {
            let Kind::Link { target } = current.kind else {
                return Err(Flaw::new(
                    "bundle-structure",
                    "the current version of the framework is not a link",
                ));
            };
            let target = target.strip_prefix("./").unwrap_or(&target).to_owned();
            if target.contains('/') || target.starts_with('.') {
                return Err(Flaw::new(
                    "bundle-structure",
                    "the current version of the framework lies elsewhere",
                ));
            }
            return Ok(Some(Self::Version(target)));
        }
        for place in ["Info.plist", "Resources/Info.plist"] {
            if entry(tree, &join(root, place))?.is_some_and(|entry| entry.is_file()) {
                return Ok(Some(Self::Flat(place)));
            }
        }
        Ok(None)
    }
}

/// The program that the information property list names, or that has the bundle's own name.
fn program(
    tree: &dyn Tree,
    (root, folder): (&str, &str),
    info: &[u8],
) -> Result<Option<String>, Flaw> {
    let info = match proplist::from_bytes(info) {
        Ok(Value::Dict(dict)) => dict,
        Ok(_) => {
            return Err(Flaw::new(
                "malformed",
                "the information property list is no dictionary",
            ));
        }
        Err(error) => {
            return Err(Flaw::new(
                "malformed",
                format!("the information property list: {error}"),
            ));
        }
    };
    let stated = info.get("CFBundleExecutable").and_then(Value::as_str);
    let own = root.rsplit('/').next().unwrap_or(root);
    let own = own.rsplit_once('.').map_or(own, |(name, _)| name);
    let name = stated.unwrap_or(own);
    if name.is_empty() || name.contains('/') || name == ".." {
        return Err(Flaw::new(
            "bundle-structure",
            "the main program has a name that is a path",
        ));
    }
    let path = join(folder, name);
    match entry(tree, &path)? {
        Some(entry) if entry.is_file() => Ok(Some(path)),
        Some(_) => Err(Flaw::new(
            "bundle-structure",
            format!("the main program `{path}` is not a file"),
        )),
        None if stated.is_none() => Ok(None),
        None => Err(Flaw::new(
            "bundle-structure",
            format!("the main program `{path}` is missing"),
        )),
    }
}

/// The bundle whose main program lies at `path`, if there is one: it is signed together with its bundle.
pub(crate) fn main_program_of(tree: &dyn Tree, path: &str) -> Option<Layout> {
    let mut folder = path;
    for _ in 0..3 {
        let Some((above, _)) = folder.rsplit_once('/') else {
            break;
        };
        folder = above;
        let Some(layout) = Layout::find(tree, folder).unwrap_or(None) else {
            continue;
        };
        if layout.program.as_deref() == Some(path) {
            return Some(layout);
        }
    }
    None
}

/// Whether `entry` is the link from `Contents/CodeResources` to the seal that bundles had before tickets took its
/// place.
pub(super) fn is_link_to_seal(entry: &Entry) -> bool {
    matches!(&entry.kind, Kind::Link { target } if target == "_CodeSignature/CodeResources")
}

/// What is in the folder at `path`, without the files that only carry extended attributes of others.
pub(super) fn children(tree: &dyn Tree, path: &str) -> Result<Vec<Entry>, Flaw> {
    let unreadable = |error: MediaError| Flaw::of_error("unreadable", &error);
    let all = tree.children(path).map_err(unreadable)?;
    if !tree.has_twins() {
        return Ok(all);
    }
    let names: HashSet<String> = all.iter().map(|entry| entry.name().to_owned()).collect();
    let mut kept = Vec::new();
    for entry in all {
        let of_another = entry.name().strip_prefix("._");
        let is_twin = entry.is_file() && of_another.is_some_and(|name| names.contains(name));
        if !(is_twin && is_apple_double(tree, &entry.path)?) {
            kept.push(entry);
        }
    }
    Ok(kept)
}

fn is_apple_double(tree: &dyn Tree, path: &str) -> Result<bool, Flaw> {
    let mut start = Vec::new();
    tree.open(path)
        .map_err(|error| Flaw::of_error("unreadable", &error))?
        .take(APPLE_DOUBLE.len() as u64)
        .read_to_end(&mut start)
        .map_err(|error| Flaw::new("unreadable", format!("`{path}`: {error}")))?;
    Ok(start == APPLE_DOUBLE)
}

/// What is at `path`, if anything is.
pub(super) fn entry(tree: &dyn Tree, path: &str) -> Result<Option<Entry>, Flaw> {
    match tree.entry(path) {
        Ok(entry) => Ok(Some(entry)),
        Err(MediaError::NotFound { .. }) => Ok(None),
        Err(error) => Err(Flaw::of_error("unreadable", &error)),
    }
}

/// The bytes of the file at `path`, if there is one, and it is not longer than it may be.
pub(crate) fn read_file(
    tree: &dyn Tree,
    path: &str,
    max_len: u64,
) -> Result<Option<Vec<u8>>, Flaw> {
    let Some(entry) = entry(tree, path)? else {
        return Ok(None);
    };
    match entry.len_bytes() {
        None => Err(Flaw::new(
            "bundle-structure",
            format!("`{path}` is not a file"),
        )),
        Some(len) if len > max_len => Err(Flaw::new(
            "bundle-structure",
            format!("`{path}` is too long"),
        )),
        Some(len) => {
            let source = tree
                .source(path)
                .map_err(|error| Flaw::of_error("unreadable", &error))?;
            let bytes = wire::read_vec(source.as_ref(), 0, len);
            bytes
                .map(Some)
                .map_err(|error| Flaw::new("unreadable", format!("`{path}`: {error}")))
        }
    }
}

/// `folder/name`, at the root just `name`.
pub(crate) fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    }
}
