//! pkginfo, version order and catalogs, as Munki's own tools make them.
#![forbid(unsafe_code)]
