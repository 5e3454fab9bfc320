//! Items made by hand.
