//! pkginfos made of what others have made, and of what nobody should make.

mod conformance;
mod hostile;
mod icons;
mod samples;
