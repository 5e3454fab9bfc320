//! Pkginfos that are looked into on one thread and listed on another.

use std::vec;

use crate::{Compat, Head, plain};

/// As long as what most of the pkginfos that are taken together make.
const USUAL_LEN: usize = 1 << 17;

/// Pkginfos one after the other, written down as they stand in catalogs where that is no more than copying.
///
/// All that can be done to a pkginfo whatever is in the others and in `pkgs/` is done when it is added, on any thread. A
/// [`CatalogBuilder`](crate::CatalogBuilder) does the rest.
#[derive(Debug)]
pub struct Batch<'p> {
    compat: Compat,
    pub(crate) text: String,
    pub(crate) pkginfos: Vec<(&'p str, Batched)>,
}

/// What became of a pkginfo.
#[derive(Debug)]
pub(crate) enum Batched {
    /// It could not be read.
    Failed(String),
    /// It is out of the ordinary, and this is what is in it.
    Odd(Vec<u8>),
    /// It is in the text, from the end of the one before up to `end`.
    Written { head: Head<'static>, end: usize },
}

impl<'p> Batch<'p> {
    /// None yet, for catalogs of this Munki.
    pub fn new(compat: Compat) -> Self {
        Self {
            compat,
            text: String::new(),
            pkginfos: Vec::new(),
        }
    }

    /// Takes the pkginfo with these contents; `path` is relative to `pkgsinfo/`.
    pub fn add(&mut self, path: &'p str, contents: &[u8]) {
        if self.text.capacity() == 0 {
            self.text.reserve(USUAL_LEN);
        }
        let batched = match plain::append(contents, self.compat, &mut self.text) {
            Some(head) => Batched::Written {
                head,
                end: self.text.len(),
            },
            None => Batched::Odd(contents.to_vec()),
        };
        self.pkginfos.push((path, batched));
    }

    /// Notes that the pkginfo at `path` could not be read.
    pub fn fail(&mut self, path: &'p str, why: String) {
        self.pkginfos.push((path, Batched::Failed(why)));
    }
}

/// What of a batch is not listed yet.
#[derive(Debug)]
pub struct Opened<'p> {
    pub(crate) pkginfos: vec::IntoIter<(&'p str, Batched)>,
    /// Where the batch's text is among those of the catalogs.
    pub(crate) text: usize,
    /// Where in it the next one begins.
    pub(crate) start: usize,
}

#[cfg(test)]
mod tests {
    use crate::{Batch, CatalogBuilder, CatalogOptions, Catalogs, Compat};

    const USUAL: &str = "<plist version=\"1.0\"><dict><key>name</key><string>A</string><key>catalogs</key><array>\
        <string>testing</string></array><key>installer_type</key><string>nopkg</string></dict></plist>";
    const ODD: &str = "<plist version=\"1.0\"><dict><key>name</key><string>B</string><key>catalogs</key><array>\
        <string>testing</string><string>b</string></array><key>n</key><real>1</real><key>installer_type</key>\
        <string>nopkg</string></dict></plist>";
    const MISSING: &str = "<plist version=\"1.0\"><dict><key>name</key><string>C</string><key>catalogs</key><array>\
        <string>c</string></array><key>installer_item_location</key><string>c.pkg</string></dict></plist>";

    fn all_of(catalogs: &Catalogs<'_>) -> Vec<(String, Vec<u8>)> {
        let of = |name: &str| (name.to_owned(), catalogs.pieces(name).concat());
        catalogs.names().map(of).collect()
    }

    #[test]
    fn what_comes_in_batches_is_listed_as_what_comes_one_by_one() {
        let pkginfos = [
            ("a", Some(USUAL)),
            ("b", Some(ODD)),
            ("c", Some(MISSING)),
            ("d", None),
            ("e", Some("<plist/>")),
            ("f", Some(USUAL)),
            ("g", Some(USUAL)),
        ];
        for compat in [Compat::Munki6, Compat::Munki7] {
            let options = CatalogOptions {
                compat,
                ..CatalogOptions::default()
            };
            let mut one_by_one = CatalogBuilder::new(options, []);
            for (path, contents) in pkginfos {
                match contents {
                    Some(contents) => one_by_one.add(path, contents.as_bytes()),
                    None => one_by_one.fail(path, &"why"),
                }
            }
            let one_by_one = one_by_one.finish();
            for len in 1..=pkginfos.len() {
                let mut builder = CatalogBuilder::new(options, []);
                for pkginfos in pkginfos.chunks(len) {
                    let mut batch = Batch::new(compat);
                    for (path, contents) in pkginfos {
                        match contents {
                            Some(contents) => batch.add(path, contents.as_bytes()),
                            None => batch.fail(path, "why".to_owned()),
                        }
                    }
                    let mut opened = builder.open(batch);
                    for _ in pkginfos {
                        builder.add_next(&mut opened);
                    }
                }
                let batched = builder.finish();
                assert_eq!(all_of(&batched), all_of(&one_by_one), "{len}");
                assert_eq!(batched.listed(), one_by_one.listed(), "{len}");
                assert_eq!(batched.report.notes, one_by_one.report.notes, "{len}");
                assert_eq!(batched.report.progress, one_by_one.report.progress);
            }
        }
    }
}
