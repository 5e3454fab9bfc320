//! Apple code signatures judged on Linux: Mach-O programs, bundles, disk images and flat packages.
#![forbid(unsafe_code)]
