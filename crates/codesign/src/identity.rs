//! By what the next version of a signed thing is recognised, and how two such identities differ.

use serde::{Deserialize, Serialize};

use crate::Report;

/// Who signed a thing, and as what: everything that stays the same from one version to the next.
///
/// Left out is whatever changes without the signer changing: hashes, the time of signing, serial numbers and keys of
/// certificates. A certificate that was renewed under the same name makes no other identity.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Identity {
    /// What kind of thing.
    pub kind: IdentityKind,
    /// As [`Report::identifier`].
    pub identifier: Option<String>,
    /// As [`Report::team_id`].
    pub team_id: Option<String>,
    /// As [`Report::authorities`].
    pub authorities: Vec<String>,
    /// As [`Report::designated_requirement`].
    pub designated_requirement: Option<String>,
}

/// What kind of thing has an identity.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum IdentityKind {
    /// A program, a bundle or a disk image.
    Code,
    /// A flat package, which has names of certificates and neither identifier nor requirement.
    Package,
}

impl IdentityKind {
    /// Its name in texts and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Package => "package",
        }
    }
}

/// One difference between the identities that were accepted and those that were found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum IdentityChange {
    /// The thing has another identity.
    Replaced {
        /// The one that was accepted.
        before: Identity,
        /// The one that was found.
        now: Identity,
    },
    /// Nothing of this identity was verified any more.
    Gone(Identity),
    /// A thing was verified that was not before, and none of the signers of before has signed it.
    Added(Identity),
}

impl Identity {
    /// Whether both come from one signer: a team of Apple's register, or names that only Apple itself gives.
    fn has_signer_of(&self, other: &Self) -> bool {
        match (&self.team_id, &other.team_id) {
            (Some(own), Some(others)) => own == others,
            (None, None) => self.authorities == other.authorities,
            _ => false,
        }
    }
}

impl Report {
    /// The identity of what was judged; nothing unless the report [holds](Report::holds), for nobody else's word is
    /// to be remembered.
    pub fn identity(&self) -> Option<Identity> {
        self.holds().then(|| Identity {
            kind: if self.signatures.is_empty() {
                IdentityKind::Package
            } else {
                IdentityKind::Code
            },
            identifier: self.identifier.clone(),
            team_id: self.team_id.clone(),
            authorities: self.authorities.clone(),
            designated_requirement: self.designated_requirement.clone(),
        })
    }
}

/// How what was found differs from what was accepted. Each verified thing counts by itself, so two with one identity
/// are two; their order is of no account.
///
/// Things are matched by kind and identifier, and where that is not to be found by kind alone: another identifier is
/// then one of the differences. A thing more, by one of the signers of before, is none; nor is anything where nothing
/// was accepted before.
pub fn identity_changes(before: &[Identity], now: &[Identity]) -> Vec<IdentityChange> {
    if before.is_empty() {
        return Vec::new();
    }
    let mut found: Vec<&Identity> = now.iter().collect();
    let mut missing: Vec<&Identity> = before.iter().collect();
    found.sort();
    missing.sort();
    missing.retain(|one| take(&mut found, |other| other == *one).is_none());
    let mut changes = Vec::new();
    let matches: [fn(&Identity, &Identity) -> bool; 2] = [
        |one, other| one.kind == other.kind && one.identifier == other.identifier,
        |one, other| one.kind == other.kind,
    ];
    for is_match in matches {
        missing.retain(|one| match take(&mut found, |other| is_match(one, other)) {
            Some(now) => {
                changes.push(IdentityChange::Replaced {
                    before: (*one).clone(),
                    now: now.clone(),
                });
                false
            }
            None => true,
        });
    }
    changes.extend(missing.into_iter().cloned().map(IdentityChange::Gone));
    let strangers = found
        .into_iter()
        .filter(|one| !before.iter().any(|other| other.has_signer_of(one)));
    changes.extend(strangers.cloned().map(IdentityChange::Added));
    changes
}

/// Takes the first that is meant out of a list.
fn take<'a>(
    from: &mut Vec<&'a Identity>,
    is_meant: impl Fn(&Identity) -> bool,
) -> Option<&'a Identity> {
    let place = from.iter().position(|one| is_meant(one))?;
    Some(from.remove(place))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn code(identifier: &str, team: &str) -> Identity {
        Identity {
            kind: IdentityKind::Code,
            identifier: Some(identifier.to_owned()),
            team_id: Some(team.to_owned()),
            authorities: vec![
                format!("Developer ID Application: Vendor ({team})"),
                "Developer ID Certification Authority".to_owned(),
                "Apple Root CA".to_owned(),
            ],
            designated_requirement: Some(format!("identifier \"{identifier}\" and {team}")),
        }
    }

    fn package(team: &str) -> Identity {
        Identity {
            kind: IdentityKind::Package,
            identifier: None,
            team_id: Some(team.to_owned()),
            authorities: vec![format!("Developer ID Installer: Vendor ({team})")],
            designated_requirement: None,
        }
    }

    fn replaced(before: &Identity, now: &Identity) -> IdentityChange {
        IdentityChange::Replaced {
            before: before.clone(),
            now: now.clone(),
        }
    }

    #[test]
    fn the_same_in_another_order_is_no_change() {
        let (app, tool, installer) = (code("app", "A"), code("tool", "A"), package("A"));
        let before = [app.clone(), tool.clone(), installer.clone(), tool.clone()];
        assert_eq!(
            identity_changes(&before, &[tool.clone(), installer, app, tool]),
            []
        );
    }

    #[test]
    fn each_part_of_an_identity_counts() {
        let before = code("app", "A");
        let mut others = vec![before.clone(); 5];
        others[0].team_id = Some("B".to_owned());
        others[1].team_id = None;
        others[2].authorities[0].push('x');
        others[3].designated_requirement = Some("anchor apple generic".to_owned());
        others[4].identifier = Some("other".to_owned());
        for now in others {
            assert_eq!(
                identity_changes(std::slice::from_ref(&before), std::slice::from_ref(&now)),
                [replaced(&before, &now)]
            );
        }
    }

    #[test]
    fn things_are_matched_by_identifier_before_they_are_by_kind() {
        let (app, tool) = (code("app", "A"), code("tool", "A"));
        let (other_tool, renamed) = (code("tool", "B"), code("a-new-name", "A"));
        assert_eq!(
            identity_changes(
                &[app.clone(), tool.clone()],
                &[renamed.clone(), other_tool.clone()]
            ),
            [replaced(&tool, &other_tool), replaced(&app, &renamed)]
        );
    }

    #[test]
    fn what_is_not_checked_any_more_is_a_change() {
        let (app, installer) = (code("app", "A"), package("A"));
        assert_eq!(
            identity_changes(std::slice::from_ref(&app), &[]),
            [IdentityChange::Gone(app.clone())]
        );
        assert_eq!(
            identity_changes(std::slice::from_ref(&app), std::slice::from_ref(&installer)),
            [IdentityChange::Gone(app.clone())]
        );
        assert_eq!(
            identity_changes(&[app.clone(), app.clone()], std::slice::from_ref(&app)),
            [IdentityChange::Gone(app)],
            "one of two that had one identity"
        );
    }

    #[test]
    fn one_thing_more_is_a_change_only_if_a_stranger_signed_it() {
        let app = code("app", "A");
        let before = std::slice::from_ref(&app);
        assert_eq!(
            identity_changes(before, &[app.clone(), code("tool", "A")]),
            []
        );
        assert_eq!(identity_changes(before, &[app.clone(), package("A")]), []);
        let stranger = package("B");
        assert_eq!(
            identity_changes(before, &[app.clone(), stranger.clone()]),
            [IdentityChange::Added(stranger)]
        );
    }

    /// One of two things that had one identity must not hide behind the other.
    #[test]
    fn one_of_two_of_one_identity_cannot_change_unseen() {
        let (app, renamed) = (code("app", "A"), code("other", "A"));
        assert_eq!(
            identity_changes(&[app.clone(), app.clone()], &[app.clone(), renamed.clone()]),
            [replaced(&app, &renamed)]
        );
    }

    #[test]
    fn where_nothing_was_accepted_nothing_has_changed() {
        assert_eq!(identity_changes(&[], &[code("app", "A")]), []);
        assert_eq!(identity_changes(&[], &[]), []);
    }

    fn any_identity() -> impl Strategy<Value = Identity> {
        ("[ab]", "[AB]", any::<bool>()).prop_map(|(identifier, team, is_package)| {
            if is_package {
                package(&team)
            } else {
                code(&identifier, &team)
            }
        })
    }

    proptest! {
        /// No change means that everything of before is still there, and that nobody new has signed.
        #[test]
        fn silence_means_that_nobody_new_signed_and_nothing_is_missing(
            before in prop::collection::vec(any_identity(), 1..4),
            now in prop::collection::vec(any_identity(), 0..5),
        ) {
            let changes = identity_changes(&before, &now);
            let mut rest = now.clone();
            let all_there = before.iter().all(|one| {
                let place = rest.iter().position(|other| other == one);
                place.map(|place| rest.remove(place)).is_some()
            });
            let all_known = rest
                .iter()
                .all(|one| before.iter().any(|other| other.team_id == one.team_id));
            prop_assert_eq!(changes.is_empty(), all_there && all_known);
        }
    }
}
