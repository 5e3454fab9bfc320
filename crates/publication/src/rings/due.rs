//! What comes into which ring by itself.

use model::Timestamp;

use super::{Bench, Move, Rings, Rule, RuleKind, Why, hand::pin, rule::keeping_out};
use crate::{Shelf, ShelfItem};

/// What comes into which ring now: by age, because it is urgent, or because a version is pinned.
///
/// `entered` tells since when an item is in the ring of a catalog, where that is known; nothing moves by an age that is
/// not known. An item comes by itself only into a ring where it is the newest of its kin, and by age into one further
/// ring at a time.
pub fn due(
    shelf: &Shelf,
    rings: &Rings,
    rules: &[Rule],
    entered: &dyn Fn(&ShelfItem, &str) -> Option<Timestamp>,
    now: Timestamp,
) -> Vec<Move> {
    let mut bench = Bench::new(shelf, rings);
    for rule in rules.iter().filter(|rule| rule.kind == RuleKind::Pin) {
        pin(&mut bench, rules, rule);
    }
    // Newest first, as the shelf is: where two versions are due the older one stays where it is.
    for (index, item) in shelf.items.iter().enumerate() {
        let is_urgent = rules
            .iter()
            .any(|rule| rule.kind == RuleKind::Urgent && rule.is_about(item));
        let outermost = rings
            .ring
            .iter()
            .rposition(|ring| item.is_in(&ring.catalog));
        let Some(mut at) = outermost else { continue };
        while let Some((inner, next)) = rings.ring.get(at).zip(rings.ring.get(at.saturating_add(1)))
        {
            if keeping_out(rules, item, &next.catalog).is_some()
                || !bench.would_be_newest(item, &next.catalog)
            {
                break;
            }
            if is_urgent {
                bench.put(index, &next.catalog, Why::Urgent);
                at = at.saturating_add(1);
                continue;
            }
            let is_old_enough = rings
                .stay_before(next, &item.name)
                .zip(entered(item, &inner.catalog))
                .is_some_and(|(stay, since)| since.plus(stay) <= now);
            if is_old_enough {
                bench.put(index, &next.catalog, Why::Age);
            }
            break;
        }
    }
    bench.moves()
}
