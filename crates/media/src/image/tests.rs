//! Encrypted images, made by an encryptor of our own and by macOS.

use std::sync::Arc;

use aes::{Aes128, Aes256};
use cbc::cipher::{
    BlockEncryptMut as _, KeyIvInit as _,
    block_padding::{NoPadding, Pkcs7},
};
use des::TdesEde3;
use hmac_rustcrypto_012::{Hmac, Mac as _};
use proptest::prelude::*;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use wire::{ReadAt, read_vec};

use super::*;
use crate::{
    MediaError, OpenOptions, Tree,
    conformance::{corpus, listing},
    image_with, open, open_with, walk,
};

/// What `source` answers to one question for everything.
fn at_once(source: &dyn ReadAt) -> Vec<u8> {
    let mut bytes = vec![0xee; usize::try_from(source.len()).unwrap() + 7];
    let read = source.read_at(0, &mut bytes).unwrap();
    bytes.truncate(read);
    bytes
}

/// Where the sample's data begin; its one key lies at byte 96.
const DATA: usize = 1024;

/// An encrypted image of `contents` whose password is `password`, with a key of that many bytes.
pub(crate) fn encrypt(contents: &[u8], password: &[u8], key_len: usize) -> Vec<u8> {
    let keys: Vec<u8> = (1..).take(key_len + 20).collect();
    let mut image = b"encrcdsa".to_vec();
    let bits = u32::try_from(key_len * 8).unwrap();
    for number in [2, 16, 5, 0x8000_0001, bits, 91, 160, 1, 2, 3, 4, 512] {
        image.extend(u32::to_be_bytes(number));
    }
    image.extend((contents.len() as u64).to_be_bytes());
    image.extend((DATA as u64).to_be_bytes());
    for number in [1, 1, 0, 96, 0, 616] {
        image.extend(u32::to_be_bytes(number));
    }
    image.resize(96, 0);
    for number in [103, 0, 10, 20] {
        image.extend(u32::to_be_bytes(number));
    }
    image.extend([7; 20]);
    image.resize(144, 0);
    image.extend(u32::to_be_bytes(8));
    image.extend([9; 8]);
    image.resize(180, 0);
    let mut derived = [0; 24];
    pbkdf2::pbkdf2_hmac::<Sha1>(password, &[7; 20], 10, &mut derived);
    let plain = [keys.as_slice(), b"CKIE\0"].concat();
    let wrapped = cbc::Encryptor::<TdesEde3>::new(&derived.into(), &[9; 8].into())
        .encrypt_padded_vec_mut::<Pkcs7>(&plain);
    for number in [192, 17, 7, 6, u32::try_from(wrapped.len()).unwrap()] {
        image.extend(u32::to_be_bytes(number));
    }
    image.extend(wrapped);
    image.resize(DATA, 0);
    for (number, chunk) in (0_u32..).zip(contents.chunks(512)) {
        let mut chunk = chunk.to_vec();
        chunk.resize(512, 0);
        let mut vector = Hmac::<Sha1>::new_from_slice(&keys[key_len..]).unwrap();
        vector.update(&number.to_be_bytes());
        let vector = &vector.finalize().into_bytes()[..16];
        let key = &keys[..key_len];
        image.extend(if key_len == 16 {
            let cipher = cbc::Encryptor::<Aes128>::new_from_slices(key, vector).unwrap();
            cipher.encrypt_padded_vec_mut::<NoPadding>(&chunk)
        } else {
            let cipher = cbc::Encryptor::<Aes256>::new_from_slices(key, vector).unwrap();
            cipher.encrypt_padded_vec_mut::<NoPadding>(&chunk)
        });
    }
    image
}

fn decrypt(image: Vec<u8>, password: &str) -> Result<EncryptedImage, MediaError> {
    let password = Password::new(password.into());
    EncryptedImage::open(Arc::new(image), "x.dmg", Some(&password))
}

#[test]
fn what_was_encrypted_is_read_anywhere() {
    let contents: Vec<u8> = (0..=250).cycle().take(300_001).collect();
    for key_len in [16, 32] {
        let image = decrypt(encrypt(&contents, b"secret", key_len), "secret").unwrap();
        assert!(at_once(&image) == contents);
        for (offset, len) in [(0, 1), (511, 2), (512, 512), (299_999, 2), (1000, 280_000)] {
            let found = read_vec(&image, offset as u64, len as u64).unwrap();
            assert!(found == contents[offset..offset + len], "{offset}");
        }
        assert_eq!(image.read_at(300_001, &mut [0; 4]).unwrap(), 0);
    }
}

#[test]
fn a_wrong_password_and_none_are_errors_of_their_own() {
    let image = encrypt(b"contents", b"secret", 32);
    for wrong in ["Secret", "secret ", ""] {
        let error = decrypt(image.clone(), wrong).unwrap_err();
        assert!(matches!(error, MediaError::WrongPassword { .. }), "{error}");
    }
    let error = EncryptedImage::open(Arc::new(image), "x.dmg", None).unwrap_err();
    assert!(matches!(error, MediaError::Encrypted { .. }), "{error}");
}

#[test]
fn a_password_is_one_line_and_shown_nowhere() {
    for stored in ["secret", "secret\n", "secret\r\nmore"] {
        let password = Password::from_line(stored.into());
        assert_eq!(password.bytes(), b"secret");
        assert_eq!(format!("{password:?}"), "Password(..)");
    }
    let image = decrypt(encrypt(b"contents", b"secret", 16), "secret").unwrap();
    assert!(!format!("{image:?}").contains("vectors"));
}

#[test]
fn hostile_headers_are_refused() {
    let image = encrypt(&[1; 2000], b"secret", 32);
    // Number of chunk bytes, of data bytes, offset of the data, keys, rounds, salt, vector, wrapped bytes.
    for at in [52, 56, 64, 72, 104, 108, 144, 196] {
        let mut hostile = image.clone();
        hostile[at..at + 4].fill(0xff);
        assert!(decrypt(hostile, "secret").is_err(), "{at}");
    }
    for (at, value) in [(52, 0), (52, 100), (8 + 3, 1), (8 + 12 + 3, 3)] {
        let mut hostile = image.clone();
        hostile[at..at + 4].copy_from_slice(&u32::to_be_bytes(value));
        assert!(decrypt(hostile, "secret").is_err(), "{at}");
    }
    for len in 0..image.len() {
        assert!(decrypt(image[..len].to_vec(), "secret").is_err(), "{len}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_stretch_of_any_contents_is_found(
        contents in prop::collection::vec(any::<u8>(), 1..3000),
        start: prop::sample::Index,
        long in any::<bool>(),
    ) {
        let key_len = if long { 32 } else { 16 };
        let image = decrypt(encrypt(&contents, b"p", key_len), "p").unwrap();
        let start = start.index(contents.len());
        let found = read_vec(&image, start as u64, (contents.len() - start) as u64).unwrap();
        prop_assert_eq!(&found, &contents[start..]);
    }

    #[test]
    fn changed_bytes_of_a_header_do_not_panic(
        changes in prop::collection::vec((0..320_usize, any::<u8>()), 1..4),
    ) {
        let mut image = encrypt(&[1; 700], b"p", 16);
        for (at, value) in changes {
            // More rounds only take longer.
            if !(104..107).contains(&at) {
                image[at] = value;
            }
        }
        if let Ok(image) = decrypt(image, "p") {
            read_vec(&image, 0, image.len().min(1 << 20)).map(drop).unwrap_or_default();
        }
    }
}

#[test]
fn images_that_macos_encrypted_are_read() {
    let Some(corpus) = corpus() else { return };
    // The passwords are those of the public test suites that the images are from.
    let plain = open(&corpus.join("dmg/SparkleTestCodeSignApp.dmg")).unwrap();
    // The images differ in what the Finder shows, and what the system left behind; all that is hidden.
    let shown = |tree: &dyn Tree| -> Vec<String> {
        let listing = listing(tree);
        let lines = listing.lines().filter(|line| !line.starts_with('.'));
        lines.map(str::to_owned).collect()
    };
    let expected = shown(&*plain);
    assert!(expected.len() > 200);
    for name in [
        "SparkleTestCodeSignApp.enc.dmg",
        "SparkleTestCodeSignApp.enc.nolicense.dmg",
    ] {
        let options = OpenOptions {
            password: Some(Password::new(b"testpass".to_vec())),
        };
        let tree = open_with(&corpus.join("dmg").join(name), &options)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(shown(&*tree), expected, "{name}");
    }
    let options = OpenOptions {
        password: Some(Password::new(b"test123".to_vec())),
    };
    let image = image_with(&corpus.join("dmg/dmgwiz_aes256.dmg"), &options).unwrap();
    let bytes = read_vec(&*image, 0, image.len()).unwrap();
    let list = fs_err::read_to_string(corpus.join("expected/decoded-images.tsv")).unwrap();
    // The other images of its family hold the same disk.
    let same = list
        .lines()
        .find(|line| line.starts_with("dmg/dmgwiz_zlib.dmg"));
    let hash = hex::encode(Sha256::digest(&bytes));
    assert!(same.unwrap().ends_with(&hash), "{hash}");
}

/// A zlib image of some files, as one file.
fn dmg() -> Vec<u8> {
    let archive =
        crate::samples::zip(&[("read.me", crate::samples::Sample::File(0o644, b"hello"))]);
    let tree = crate::open_source(
        Arc::new(archive),
        &wire::Budget::new("test", 1 << 20, 10, 3),
    )
    .unwrap();
    let house = tempfile::TempDir::new().unwrap();
    let out = house.path().join("x.dmg");
    crate::write::dmg_of(&*tree, "Sample", crate::write::Compression::default(), &out).unwrap();
    fs_err::read(out).unwrap()
}

fn read_me(path: &std::path::Path, options: &OpenOptions) -> Result<Vec<u8>, MediaError> {
    let place = crate::locate_with(&path.join("read.me"), options)?;
    let source = place.tree.source(&place.inner)?;
    Ok(read_vec(&*source, 0, source.len()).unwrap())
}

#[test]
fn a_path_goes_through_every_wrapping_of_a_disk() {
    let house = tempfile::TempDir::new().unwrap();
    let at = |name: &str| house.path().join(name);
    let none = OpenOptions::default();
    let secret = OpenOptions {
        password: Some(Password::new(b"secret".to_vec())),
    };
    fs_err::write(at("plain.dmg"), dmg()).unwrap();
    let disk = crate::image(&at("plain.dmg")).unwrap();
    let disk = read_vec(&*disk, 0, disk.len()).unwrap();
    let sparse = sparse::sample(&disk, 64);
    fs_err::write(at("x.sparseimage"), &sparse).unwrap();
    fs_err::write(at("enc.dmg"), encrypt(&dmg(), b"secret", 32)).unwrap();
    fs_err::write(at("raw.dmg"), encrypt(&disk, b"secret", 16)).unwrap();
    fs_err::write(at("enc.sparseimage"), encrypt(&sparse, b"secret", 16)).unwrap();
    for name in ["plain.dmg", "x.sparseimage"] {
        assert_eq!(read_me(&at(name), &none).unwrap(), b"hello", "{name}");
    }
    for name in ["enc.dmg", "raw.dmg", "enc.sparseimage"] {
        assert_eq!(read_me(&at(name), &secret).unwrap(), b"hello", "{name}");
        let error = read_me(&at(name), &none).unwrap_err();
        assert!(matches!(error, MediaError::Encrypted { .. }), "{error}");
        let image = image_with(&at(name), &secret).unwrap();
        assert!(read_vec(&*image, 0, image.len()).unwrap() == disk, "{name}");
    }
}

/// Whoever verifies by a path must see what others find there: an archive could be a disk with the genuine program, and
/// have another one beside its bands.
#[test]
fn what_lies_in_the_folder_itself_comes_before_the_disk_of_its_bands() {
    let house = tempfile::TempDir::new().unwrap();
    fs_err::write(house.path().join("plain.dmg"), dmg()).unwrap();
    let disk = crate::image(&house.path().join("plain.dmg")).unwrap();
    let disk = read_vec(&*disk, 0, disk.len()).unwrap();
    let list = list(disk.len() as u64);
    let mut members: Vec<(String, &[u8])> = vec![
        ("x/Info.plist".to_owned(), list.as_bytes()),
        ("x/read.me".to_owned(), b"another"),
    ];
    members.extend(
        disk.chunks(4096)
            .enumerate()
            .map(|(number, band)| (format!("x/bands/{number:x}"), band)),
    );
    let files: Vec<_> = members
        .iter()
        .map(|(path, bytes)| (path.as_str(), crate::samples::Sample::File(0o644, bytes)))
        .collect();
    let zip = house.path().join("x.zip");
    fs_err::write(&zip, crate::samples::zip(&files)).unwrap();
    crate::extract(&*open(&zip).unwrap(), "", house.path()).unwrap();
    let none = OpenOptions::default();
    let bundle = house.path().join("x");
    for bundle in [&bundle, &zip.join("x")] {
        assert_eq!(read_me(bundle, &none).unwrap(), b"another");
    }
    fs_err::remove_file(bundle.join("read.me")).unwrap();
    assert_eq!(read_me(&bundle, &none).unwrap(), b"hello");
}

/// The property list of a bundle in bands of 4096 bytes.
fn list(size: u64) -> String {
    format!(
        "<plist><dict><key>diskimage-bundle-type</key>\
         <string>com.apple.diskimage.sparsebundle</string>\
         <key>band-size</key><integer>4096</integer>\
         <key>size</key><integer>{size}</integer></dict></plist>"
    )
}

#[test]
fn a_sparse_bundle_is_a_disk_on_the_host_and_in_an_archive() {
    let house = tempfile::TempDir::new().unwrap();
    fs_err::write(house.path().join("plain.dmg"), dmg()).unwrap();
    let disk = crate::image(&house.path().join("plain.dmg")).unwrap();
    let disk = read_vec(&*disk, 0, disk.len()).unwrap();
    let bundle = house.path().join("x.sparsebundle");
    fs_err::create_dir_all(bundle.join("bands")).unwrap();
    fs_err::write(bundle.join("Info.plist"), list(disk.len() as u64)).unwrap();
    for (number, band) in disk.chunks(4096).enumerate() {
        // A band ends with its last byte that is not zero; one of zeros is not there.
        let len = band.iter().rposition(|byte| *byte != 0);
        if let Some(len) = len {
            fs_err::write(bundle.join(format!("bands/{number:x}")), &band[..=len]).unwrap();
        }
    }
    let none = OpenOptions::default();
    assert_eq!(read_me(&bundle, &none).unwrap(), b"hello");
    assert!(at_once(&*image_with(&bundle, &none).unwrap()) == disk);
    assert_eq!(walk(&*open(&bundle).unwrap(), "").unwrap().len(), 1);
    let inner = crate::look_into(&bundle).unwrap();
    assert_eq!(walk(&*inner.tree, "").unwrap().len(), 1);
    let found = crate::image(&bundle).unwrap();
    assert!(read_vec(&*found, 0, found.len()).unwrap() == disk);

    let mut members = Vec::new();
    let tree = crate::HostTree::new(house.path()).unwrap();
    let files: Vec<_> = walk(&tree, "x.sparsebundle").unwrap();
    for entry in files.iter().filter(|entry| entry.is_file()) {
        let path = format!(
            "x.sparsebundle/{}",
            entry.path.trim_start_matches("x.sparsebundle/")
        );
        let source = tree.source(&path).unwrap();
        members.push((path, read_vec(&*source, 0, source.len()).unwrap()));
    }
    let members: Vec<_> = members
        .iter()
        .map(|(path, bytes)| (path.as_str(), crate::samples::Sample::File(0o644, bytes)))
        .collect();
    let zip = house.path().join("x.zip");
    fs_err::write(&zip, crate::samples::zip(&members)).unwrap();
    assert_eq!(
        read_me(&zip.join("x.sparsebundle"), &none).unwrap(),
        b"hello"
    );

    fs_err::write(bundle.join("token"), b"encrcdsa\0\0\0\x02").unwrap();
    let error = open(&bundle).unwrap_err();
    assert!(error.to_string().contains("encrypted"), "{error}");
    fs_err::remove_file(bundle.join("token")).unwrap();
    for size in [0, 1 << 62] {
        fs_err::write(bundle.join("Info.plist"), list(size)).unwrap();
        assert!(open(&bundle).is_err(), "{size}");
    }
    fs_err::write(bundle.join("Info.plist"), "no list").unwrap();
    assert!(!walk(&*open(&bundle).unwrap(), "bands").unwrap().is_empty());
}

/// `image` split into `count` files.
pub(crate) fn split(image: &[u8], count: u32) -> Vec<Vec<u8>> {
    let trailer = crate::udif::Trailer::parse(&image[image.len() - 512..]).unwrap();
    let (start, len) = (
        usize::try_from(trailer.data_offset).unwrap(),
        usize::try_from(trailer.data_len).unwrap(),
    );
    let data = &image[start..start + len];
    let plist = usize::try_from(trailer.plist_offset).unwrap();
    let plist = &image[plist..plist + usize::try_from(trailer.plist_len).unwrap()];
    let parts = data.chunks(len.div_ceil(count as usize));
    let parts = (1_u32..).zip(parts).map(|(number, data)| {
        let mut trailer = image[image.len() - 512..].to_vec();
        trailer[24..32].fill(0);
        trailer[32..40].copy_from_slice(&(data.len() as u64).to_be_bytes());
        trailer[56..60].copy_from_slice(&number.to_be_bytes());
        trailer[60..64].copy_from_slice(&count.to_be_bytes());
        trailer[64..80].fill(5);
        let plist = if number == 1 { plist } else { b"" };
        trailer[216..224].copy_from_slice(&(data.len() as u64).to_be_bytes());
        trailer[224..232].copy_from_slice(&(plist.len() as u64).to_be_bytes());
        [data, plist, &trailer].concat()
    });
    parts.collect()
}

#[test]
fn an_image_in_several_files_is_put_together_or_the_missing_one_named() {
    let house = tempfile::TempDir::new().unwrap();
    let at = |name: &str| house.path().join(name);
    let none = OpenOptions::default();
    let parts = split(&dmg(), 3);
    assert_eq!(parts.len(), 3);
    fs_err::write(at("x.dmg"), &parts[0]).unwrap();
    fs_err::write(at("x.002.dmgpart"), &parts[1]).unwrap();
    let error = read_me(&at("x.dmg"), &none).unwrap_err();
    assert!(error.to_string().contains("x.003.dmgpart"), "{error}");
    fs_err::write(at("x.003.dmgpart"), &parts[2]).unwrap();
    assert_eq!(read_me(&at("x.dmg"), &none).unwrap(), b"hello");
    for (name, bytes) in [("x.003.dmgpart", &parts[1]), ("x.dmg", &parts[1])] {
        let kept = fs_err::read(at(name)).unwrap();
        fs_err::write(at(name), bytes).unwrap();
        assert!(read_me(&at("x.dmg"), &none).is_err(), "{name}");
        fs_err::write(at(name), kept).unwrap();
    }
    let mut other = parts[2].clone();
    let id = other.len() - 512 + 64;
    other[id] ^= 1;
    fs_err::write(at("x.003.dmgpart"), other).unwrap();
    assert!(read_me(&at("x.dmg"), &none).is_err());
}

/// An image's trailer says what is data and what is list; of a split one each file says so.
#[test]
fn checksums_are_compared_whatever_an_image_is_wrapped_in() {
    let house = tempfile::TempDir::new().unwrap();
    let at = |name: &str| house.path().join(name);
    let none = OpenOptions::default();
    let secret = OpenOptions {
        password: Some(Password::new(b"secret".to_vec())),
    };
    let formats = |name: &str, options: &OpenOptions| {
        let described = crate::describe(&at(name), options).unwrap();
        let layers = described.layers.iter().map(|layer| layer.format);
        layers.collect::<Vec<_>>()
    };
    let parts = split(&dmg(), 2);
    fs_err::write(at("x.dmg"), &parts[0]).unwrap();
    fs_err::write(at("x.002.dmgpart"), &parts[1]).unwrap();
    fs_err::write(at("enc.dmg"), encrypt(&dmg(), b"secret", 32)).unwrap();
    assert_eq!(formats("x.dmg", &none), ["UDIF disk image", "HFS+ volume"]);
    let whole = ["encrypted disk image", "UDIF disk image", "HFS+ volume"];
    assert_eq!(formats("enc.dmg", &secret), whole);
    assert_eq!(formats("enc.dmg", &none), whole[..1]);
    assert_eq!(crate::verify(&at("x.dmg"), &none).unwrap(), 5);
    assert_eq!(crate::verify(&at("enc.dmg"), &secret).unwrap(), 5);
    let error = crate::verify(&at("enc.dmg"), &none).unwrap_err();
    assert!(matches!(error, MediaError::Encrypted { .. }), "{error}");
    // Only the checksum of the partitions is wrong.
    let mut wrong = dmg();
    let checksum = wrong.len() - 512 + 360;
    wrong[checksum] ^= 1;
    for (number, part) in split(&wrong, 2).iter().enumerate() {
        let name = ["x.dmg", "x.002.dmgpart"][number];
        fs_err::write(at(name), part).unwrap();
    }
    fs_err::write(at("enc.dmg"), encrypt(&wrong, b"secret", 16)).unwrap();
    for (name, options) in [("x.dmg", &none), ("enc.dmg", &secret)] {
        assert_eq!(read_me(&at(name), options).unwrap(), b"hello");
        let error = crate::verify(&at(name), options).unwrap_err();
        assert!(error.to_string().contains("CRC-32"), "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn an_image_is_the_same_in_any_number_of_files(count in 1..7_u32) {
        let parts = split(&dmg(), count);
        let first: Arc<dyn ReadAt> = Arc::new(parts[0].clone());
        let beside = |name: &str| -> Result<Arc<dyn ReadAt>, MediaError> {
            let number: usize = name.split('.').nth(1).unwrap().parse().unwrap();
            Ok(Arc::new(parts[number - 1].clone()))
        };
        let whole = crate::udif::join(first, "x.dmg", &beside).unwrap();
        prop_assert!(at_once(&*whole).len() as u64 == whole.len());
        let image = crate::udif::Image::open(whole).unwrap();
        image.verify().unwrap();
    }

    #[test]
    fn changed_bytes_of_split_images_do_not_panic(
        part in 0..3_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        near_the_end in any::<bool>(),
    ) {
        let mut parts = split(&dmg(), 3);
        let changed = &mut parts[part];
        for (at, value) in changes {
            let at = if near_the_end {
                changed.len() - 512 + at.index(512)
            } else {
                at.index(changed.len())
            };
            changed[at] = value;
        }
        let first: Arc<dyn ReadAt> = Arc::new(parts[0].clone());
        let beside = |name: &str| -> Result<Arc<dyn ReadAt>, MediaError> {
            let number = name.split('.').nth(1).and_then(|number| number.parse::<usize>().ok());
            let part = number.and_then(|number| parts.get(number.checked_sub(1)?));
            part.map(|part| Arc::new(part.clone()) as _)
                .ok_or_else(|| MediaError::NotFound { path: name.to_owned() })
        };
        if let Ok(whole) = crate::udif::join(first, "x.dmg", &beside)
            && let Ok(image) = crate::udif::Image::open(whole)
            && image.len() < 64 << 20
        {
            drop(image.verify());
        }
    }

    #[test]
    fn bands_of_any_length_make_up_the_disk(
        band in prop::sample::select(vec![512_u64, 1000, 4096, 1 << 20]),
        contents in prop::collection::vec(any::<u8>(), 1..9000),
        size in any::<i64>(),
    ) {
        let list = |size: i64| format!(
            "<plist><dict><key>diskimage-bundle-type</key>\
             <string>com.apple.diskimage.sparsebundle</string>\
             <key>band-size</key><integer>{band}</integer>\
             <key>size</key><integer>{size}</integer></dict></plist>"
        );
        let house = tempfile::TempDir::new().unwrap();
        fs_err::create_dir(house.path().join("bands")).unwrap();
        for (number, part) in contents.chunks(usize::try_from(band).unwrap()).enumerate() {
            fs_err::write(house.path().join(format!("bands/{number:x}")), part).unwrap();
        }
        let len = i64::try_from(contents.len()).unwrap();
        fs_err::write(house.path().join("Info.plist"), list(len)).unwrap();
        let tree: Arc<dyn Tree> = Arc::new(crate::HostTree::new(house.path()).unwrap());
        let disk = SparseBundle::open(&tree, "").unwrap().unwrap();
        prop_assert!(at_once(&disk) == contents);
        fs_err::write(house.path().join("Info.plist"), list(size)).unwrap();
        if let Ok(Some(disk)) = SparseBundle::open(&tree, "") {
            drop(read_vec(&disk, disk.len().saturating_sub(9000), 9000));
        }
    }
}
