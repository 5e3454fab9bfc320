//! The release gate: what a title already released decides whether the next release needs a person.

use std::cmp::Ordering;

use model::FailureClass;
use munki::{Compat, compare_versions};
use store::Release;

use crate::{Failure, Request, pending::Item};

/// Holds what is to be released against what was released of the title before.
///
/// # Errors
/// A held failure for other bytes under a released version, and for a version that is older than a released one,
/// unless `request` accepts it.
pub(crate) fn check(
    items: &[Item],
    released: &[Release],
    request: &Request,
) -> Result<(), Failure> {
    if request.accepts(FailureClass::ReRelease) {
        return Ok(());
    }
    for item in items {
        let same_name = || released.iter().filter(|release| release.name == item.name);
        if let Some(before) = same_name()
            .find(|release| release.version == item.version && release.sha256 != item.sha256)
        {
            return Err(re_release(format!(
                "{} {} has other bytes than the release of {}: SHA-256 {} instead of {}",
                item.name, item.version, before.released_at, item.sha256, before.sha256
            )));
        }
        let newer = same_name().find(|release| {
            compare_versions(Compat::Munki7, &release.version, &item.version) == Ordering::Greater
        });
        if let Some(newer) = newer {
            return Err(re_release(format!(
                "{} {} is older than {}, which was released on {}",
                item.name, item.version, newer.version, newer.released_at
            )));
        }
    }
    Ok(())
}

/// Holds the first release of a title.
///
/// # Errors
/// A held failure if something is to be released, and nothing was before, unless `request` accepts it.
pub(crate) fn check_first(
    items: &[Item],
    released: &[Release],
    request: &Request,
) -> Result<(), Failure> {
    let first = items.first().filter(|_| released.is_empty());
    match first {
        Some(item) if !request.accepts(FailureClass::ReRelease) => Err(re_release(format!(
            "{} {} would be the first release of this title",
            item.name, item.version
        ))
        .with_advice(
            "Look at what the run found: who signed it, what it brings, what the scanner says. If it is right, let it pass \
             with `auto-update holds approve`.",
        )),
        _ => Ok(()),
    }
}

fn re_release(message: String) -> Failure {
    Failure::new(FailureClass::ReRelease, message).held()
}

#[cfg(test)]
mod tests {
    use model::{Sha256, Timestamp};

    use super::*;

    fn release(version: &str, bytes: &str) -> Release {
        Release {
            name: "Widget".to_owned(),
            version: version.to_owned(),
            sha256: Sha256::of(bytes.as_bytes()),
            identity: None,
            payload: None,
            released_at: Timestamp::from_secs(0),
        }
    }

    fn item(version: &str, bytes: &str) -> Item {
        Item {
            name: "Widget".to_owned(),
            version: version.to_owned(),
            sha256: Sha256::of(bytes.as_bytes()),
            pkginfo: format!("Widget-{version}"),
        }
    }

    #[test]
    fn the_first_release_waits_where_it_is_to() {
        let items = [item("1.0", "a")];
        let mut request = Request::named("Widget.munki");
        let failure = check_first(&items, &[], &request).unwrap_err();
        assert!(failure.held && failure.message.contains("Widget 1.0 would be the first"));
        assert!(check_first(&items, &[release("0.9", "b")], &request).is_ok());
        assert!(check_first(&[], &[], &request).is_ok());
        request.accepted.push(FailureClass::ReRelease);
        assert!(check_first(&items, &[], &request).is_ok());
    }

    #[test]
    fn newer_versions_and_the_same_bytes_pass() {
        let released = [release("1.9", "a")];
        let request = Request::named("Widget.munki");
        assert_eq!(check(&[item("1.10", "b")], &released, &request), Ok(()));
        assert_eq!(check(&[item("1.9", "a")], &released, &request), Ok(()));
    }

    #[test]
    fn other_bytes_and_older_versions_wait_for_a_person() {
        let released = [release("1.10", "b"), release("1.9", "a")];
        let mut request = Request::named("Widget.munki");
        for next in [item("1.10", "c"), item("1.9", "a")] {
            let failure = check(std::slice::from_ref(&next), &released, &request).unwrap_err();
            assert!(failure.held);
            assert_eq!(failure.class, FailureClass::ReRelease);
        }
        request.accepted.push(FailureClass::ReRelease);
        assert_eq!(check(&[item("1.10", "c")], &released, &request), Ok(()));
    }
}
