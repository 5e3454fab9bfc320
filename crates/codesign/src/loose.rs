//! Signatures that lie beside what they sign: in files of a bundle without a program, in extended attributes of a
//! script.
//!
//! # Source
//! `CodeDirectory::canonicalSlotName`, `BundleDiskRep::component` and `FileDiskRep` in Apple's open Security sources.

use media::Tree;
use wire::ReadAt;

use crate::{
    bundle::{join, read_file},
    checks::Checks,
    code::{Blobs, Subject, judge, slot},
    flaw::Flaw,
    program::{Judged, Surroundings},
    terms::Terms,
};

const MAX_PART_LEN: u64 = 64 << 20;
const ATTRIBUTE: &str = "com.apple.cs.";

/// The names of the parts. Further code directories are named after the requirements: Apple's slip of the pen.
const PARTS: [(u32, &str); 13] = [
    (slot::CODE_DIRECTORY, "CodeDirectory"),
    (slot::REQUIREMENTS, "CodeRequirements"),
    (slot::ENTITLEMENTS, "CodeEntitlements"),
    (slot::ENTITLEMENTS_DER, "CodeEntitlementDER"),
    (8, "LaunchConstraintSelf"),
    (9, "LaunchConstraintParent"),
    (10, "LaunchConstraintResponsible"),
    (11, "LibraryConstraint"),
    (0x1000, "CodeRequirements-1"),
    (0x1001, "CodeRequirements-2"),
    (0x1002, "CodeRequirements-3"),
    (0x1003, "CodeRequirements-4"),
    (slot::SIGNATURE, "CodeSignature"),
];

/// A signature in parts.
#[derive(Clone, Debug)]
pub(crate) struct LooseSignature {
    parts: Vec<(u32, Vec<u8>)>,
}

impl LooseSignature {
    /// The signature in the files of `folder`, if there is one.
    pub(crate) fn in_folder(tree: &dyn Tree, folder: &str) -> Result<Option<Self>, Flaw> {
        Self::gather(|name| read_file(tree, &join(folder, name), MAX_PART_LEN))
    }

    /// The signature in the extended attributes of the file at `path`, if there is one.
    pub(crate) fn in_attributes(tree: &dyn Tree, path: &str) -> Result<Option<Self>, Flaw> {
        let mut attributes = tree
            .xattrs(path)
            .map_err(|error| Flaw::of_error("unreadable", &error))?;
        Self::gather(|name| {
            let wanted = format!("{ATTRIBUTE}{name}");
            let found = attributes.iter_mut().find(|xattr| xattr.name == wanted);
            Ok(found.map(|xattr| std::mem::take(&mut xattr.value)))
        })
    }

    fn gather(
        mut read: impl FnMut(&str) -> Result<Option<Vec<u8>>, Flaw>,
    ) -> Result<Option<Self>, Flaw> {
        let mut parts = Vec::new();
        for (slot, name) in PARTS {
            match read(name)? {
                None if slot == slot::CODE_DIRECTORY => return Ok(None),
                None => {}
                Some(bytes) => parts.push((slot, bytes)),
            }
        }
        Ok(Some(Self { parts }))
    }

    /// The names of the files that it was read from.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        let is_here = |slot: u32| self.parts.iter().any(|(own, _)| *own == slot);
        let parts = PARTS.iter().filter(|(slot, _)| is_here(*slot));
        parts.map(|(_, name)| *name).collect()
    }

    /// Judges it about `code`, which is signed whole.
    pub(crate) fn judge(
        &self,
        code: &dyn ReadAt,
        surroundings: Option<Surroundings<'_>>,
        terms: Terms<'_>,
        checks: &mut Checks,
    ) -> Judged {
        let blobs = match Blobs::of_parts(&self.parts) {
            Ok(blobs) => blobs,
            Err(flaw) => {
                checks.fail("structure", flaw);
                return Judged::default();
            }
        };
        let subject = Subject {
            code,
            code_limit: code.len(),
            info: surroundings.map(|surroundings| surroundings.info),
            is_info_inside: false,
            resources: surroundings.and_then(|surroundings| surroundings.resources),
            rep_specific: None,
        };
        let facts = judge(&blobs, subject, terms, checks);
        checks.note("structure", Ok(()));
        Judged {
            signatures: facts
                .into_iter()
                .map(|facts| ("file".to_owned(), facts))
                .collect(),
            is_unsigned: false,
        }
    }
}
