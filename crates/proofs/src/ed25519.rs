//! Ed25519, over a file that is read once.

use std::io::{self, Read};

use ed25519_dalek::{Signature, VerifyingKey};

use crate::ProofError;

/// How much of a file is read at a time.
const PIECE: usize = 128 << 10;

/// Whether `signature` is the key's over all that `file` still holds.
///
/// # Errors
/// If it is not, if the key is one of the few that everything verifies with, or if reading fails.
///
/// # Source
/// RFC 8032 §5.1.7.
pub(crate) fn verify(
    key: &[u8; 32],
    signature: &[u8; 64],
    file: &mut dyn Read,
) -> Result<(), ProofError> {
    let key = public_key(key)?;
    let signature = Signature::from_bytes(signature);
    let mut verifier = key
        .verify_stream(&signature)
        .map_err(|_out_of_range| ProofError::DoesNotHold)?;
    each_piece(file, |piece| verifier.update(piece))?;
    verifier
        .finalize_and_verify()
        .map_err(|_differs| ProofError::DoesNotHold)
}

/// The key of these bytes.
///
/// # Errors
/// If it is no point of the curve, or one of small order: with such a key a signature can be found for any file.
pub(crate) fn public_key(key: &[u8; 32]) -> Result<VerifyingKey, ProofError> {
    let refused = |why| ProofError::malformed("Ed25519 key", why);
    let key = VerifyingKey::from_bytes(key).map_err(|_no_point| refused("it is no public key"))?;
    if key.is_weak() {
        return Err(refused("it is a weak key, with which anything verifies"));
    }
    Ok(key)
}

/// Hands on all that `file` still holds, a piece at a time.
///
/// # Errors
/// If reading fails.
pub(crate) fn each_piece(file: &mut dyn Read, mut take: impl FnMut(&[u8])) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    loop {
        match file.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(len) => take(piece.get(..len).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signer as _, SigningKey};

    use super::*;

    #[test]
    fn the_standards_own_example_verifies() {
        // RFC 8032 §7.1, test 2.
        let key = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
        let signature = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
                         085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";
        let key = hex::decode(key).unwrap().try_into().unwrap();
        let signature = hex::decode(signature).unwrap().try_into().unwrap();
        verify(&key, &signature, &mut &[0x72][..]).unwrap();
        let other = verify(&key, &signature, &mut &[0x73][..]).unwrap_err();
        assert!(matches!(other, ProofError::DoesNotHold));
    }

    #[test]
    fn files_longer_than_a_piece_are_read_whole() {
        let signing = SigningKey::from_bytes(&[7; 32]);
        let mut file = vec![1; PIECE * 2 + 5];
        let signature = signing.sign(&file).to_bytes();
        let key = signing.verifying_key().to_bytes();
        verify(&key, &signature, &mut &*file).unwrap();
        for at in [0, PIECE, PIECE * 2 + 4] {
            file[at] ^= 1;
            assert!(verify(&key, &signature, &mut &*file).is_err(), "{at}");
            file[at] ^= 1;
        }
        file.pop();
        assert!(verify(&key, &signature, &mut &*file).is_err());
    }

    /// With the neutral element for a key, zero and the key itself are a signature of anything.
    #[test]
    fn keys_of_small_order_are_refused() {
        let mut neutral = [0; 32];
        neutral[0] = 1;
        let mut signature = [0; 64];
        signature[0] = 1;
        let error = verify(&neutral, &signature, &mut &b"anything"[..]).unwrap_err();
        assert!(matches!(error, ProofError::Malformed { .. }));
    }

    /// The same signature with the order of the group added to its second half is another text for one file.
    #[test]
    fn a_signature_is_taken_in_its_one_form_only() {
        let signing = SigningKey::from_bytes(&[7; 32]);
        let mut signature = signing.sign(b"file").to_bytes();
        let order = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";
        let mut carry = 0;
        for (byte, add) in signature[32..].iter_mut().zip(hex::decode(order).unwrap()) {
            let sum = u16::from(*byte) + u16::from(add) + carry;
            *byte = u8::try_from(sum & 0xff).unwrap();
            carry = sum >> 8;
        }
        let key = signing.verifying_key().to_bytes();
        assert!(verify(&key, &signature, &mut &b"file"[..]).is_err());
    }
}
