use proptest::{collection::vec, prelude::*};

use super::{bundle, key};
use crate::{Envelope, fuzzing, verify_bundle};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn strangers_bytes_are_no_evidence(bytes in vec(any::<u8>(), 0..400)) {
        fuzzing::envelope(&bytes);
        fuzzing::bundle(&bytes);
        fuzzing::log(&bytes);
        fuzzing::key(&bytes);
    }

    #[test]
    fn what_is_signed_is_read_back(kind in "[ -~]{0,40}", payload in vec(any::<u8>(), 0..300)) {
        let envelope = Envelope::sign(&kind, payload.clone(), &key());
        let read = Envelope::parse(envelope.to_line().as_bytes()).unwrap();
        let verified = read.verify(&[key().public().clone()]).unwrap();
        prop_assert_eq!((verified.payload_type, verified.payload), (kind, payload));
    }

    /// One changed byte is seen, or changes nothing that was said.
    #[test]
    fn a_changed_byte_never_changes_what_counts(place in any::<prop::sample::Index>(), bit in 0..8_u32) {
        let whole = bundle(&key());
        let keys = [key().public().clone()];
        let item = model::Sha256::of(b"foo");
        let mut changed = whole.clone();
        let place = place.index(changed.len());
        changed[place] ^= 1 << bit;
        let before = verify_bundle(&whole, &keys, item, None);
        let after = verify_bundle(&changed, &keys, item, None);
        if after.is_valid() {
            prop_assert_eq!(after, before);
        }
    }

    #[test]
    fn a_bundle_that_was_cut_off_is_not_valid(cut in any::<prop::sample::Index>()) {
        let whole = bundle(&key());
        // Without the last end of line it is still whole.
        let cut = cut.index(whole.len().saturating_sub(1));
        let verdict = verify_bundle(&whole[..cut], &[key().public().clone()], model::Sha256::of(b"foo"), None);
        prop_assert!(!verdict.is_valid());
    }
}
