//! Set-up, demo, tests and house rules.
fn main() {}
