//! Who could have fetched what.

use model::Timestamp;
use store::{RingStay, Tenant, TenantRing};

/// That a tenant could have fetched a version, and when.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Exposure {
    /// The tenant's customer ID.
    pub customer: String,
    /// The catalog by which.
    pub catalog: String,
    /// From when.
    pub from: Timestamp,
    /// Until when; as long as it still can, nothing.
    pub until: Option<Timestamp>,
}

/// Which tenants could have fetched what was in catalogs during `offers`: they read one of these catalogs at the same time,
/// and are entitled to the item. By customer, then time.
pub fn could_have_fetched(
    offers: &[RingStay],
    tenants: &[Tenant],
    rings: &[TenantRing],
) -> Vec<Exposure> {
    let mut exposures = Vec::new();
    for tenant in tenants {
        let own = rings.iter().filter(|stay| stay.tenant == tenant.id);
        for stay in own {
            let same = offers.iter().filter(|offer| {
                let entitled = tenant.entitled.as_ref();
                offer.catalog == stay.catalog
                    && entitled.is_none_or(|names| names.contains(&offer.name))
            });
            exposures.extend(same.filter_map(|offer| {
                let left = offer.left.as_ref().map(|left| left.at);
                let (from, until) = both((offer.entered.at, left), (stay.from, stay.until))?;
                Some(Exposure {
                    customer: tenant.customer.clone(),
                    catalog: stay.catalog.clone(),
                    from,
                    until,
                })
            }));
        }
    }
    exposures.sort_by(|left, right| {
        let by_customer = left.customer.cmp(&right.customer);
        by_customer.then_with(|| left.from.cmp(&right.from))
    });
    exposures
}

type Window = (Timestamp, Option<Timestamp>);

/// The time that is in both; nothing if none is.
fn both(one: Window, other: Window) -> Option<Window> {
    let from = one.0.max(other.0);
    let until = match (one.1, other.1) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    };
    until
        .is_none_or(|until| from < until)
        .then_some((from, until))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: i64) -> Timestamp {
        Timestamp::from_secs(seconds)
    }

    #[test]
    fn only_time_in_common_counts() {
        let open = None;
        for (one, other, expected) in [
            ((1, Some(5)), (2, Some(3)), Some((2, Some(3)))),
            ((1, Some(3)), (2, open), Some((2, Some(3)))),
            ((1, open), (2, open), Some((2, open))),
            ((1, Some(2)), (2, open), None),
            ((5, open), (1, Some(4)), None),
        ] {
            let window = |(from, until): (i64, Option<i64>)| (at(from), until.map(at));
            assert_eq!(both(window(one), window(other)), expected.map(window));
            assert_eq!(both(window(other), window(one)), expected.map(window));
        }
    }
}
