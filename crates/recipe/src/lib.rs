//! Recipes, overrides, parents, substitution and trust, as AutoPkg reads them.
#![forbid(unsafe_code)]
