//! No altered sample is accepted, and none makes a panic.

use std::io::{Read as _, Write as _};

use flate2::{Compression, read::ZlibDecoder, write::ZlibEncoder};
use sha1::Digest as _;
use sha2_rustcrypto_010::Sha256;

use super::{MemoryTree, codes, corpus, is_refused, judge};

const APP: &str = "DevSignedApp.app";
const PROGRAM: &str = "DevSignedApp.app/Contents/MacOS/SignedApp";
/// Where the signature of that program begins, and where its code directory's hash of page 3 lies.
const SIGNATURE_AT: usize = 50016;

fn app() -> Option<MemoryTree> {
    let tree = media::open(&corpus()?.join("media/app/DevSignedApp.zip")).unwrap();
    Some(MemoryTree::copy(tree.as_ref(), APP))
}

/// Flips bytes of `path`, `step` apart, and gives how many flips were tried; each must be refused.
fn flip(tree: &mut MemoryTree, path: &str, root: &str, step: usize) -> usize {
    let len = tree.bytes(path).len();
    for at in (0..len).step_by(step) {
        let mask = 1 << (at % 8);
        tree.bytes_mut(path)[at] ^= mask;
        assert!(is_refused(tree, root), "byte {at} of {path}");
        tree.bytes_mut(path)[at] ^= mask;
    }
    len.div_ceil(step)
}

#[test]
fn one_flipped_byte_is_one_too_many() {
    let Some(mut app) = app() else {
        return;
    };
    let mut count = 0;
    for path in app.files() {
        let step = if path == PROGRAM { 53 } else { 97 };
        count += flip(&mut app, &path, APP, step);
    }
    for (name, step) in [
        ("CH34xVCPDriver.pkg", 9001),
        ("CH34xVCPDriver_hist1.pkg", 9973),
    ] {
        let path = corpus().unwrap().join("media/pkg").join(name);
        let mut package = MemoryTree::file(&path);
        count += flip(&mut package, "file", "file", step);
    }
    assert!(judge(&app, APP).holds());
    println!("{count} alterations refused");
}

#[test]
fn a_page_and_its_hash_changed_together_are_found() {
    let Some(mut app) = app() else {
        return;
    };
    let program = app.bytes_mut(PROGRAM);
    let page = 3 * 4096..4 * 4096;
    let old = Sha256::digest(&program[page.clone()]).to_vec();
    program[page.start + 100] ^= 1;
    let new = Sha256::digest(&program[page]).to_vec();
    let at = SIGNATURE_AT
        + program[SIGNATURE_AT..]
            .windows(32)
            .position(|window| window == old)
            .unwrap();
    program[at..at + 32].copy_from_slice(&new);
    assert_eq!(codes(&judge(&app, APP)), ["message-digest-wrong"]);
}

#[test]
fn a_resource_and_its_seal_changed_together_are_found() {
    let Some(mut app) = app() else {
        return;
    };
    let resource = "DevSignedApp.app/Contents/Resources/Base.lproj/MainMenu.nib";
    let list = "DevSignedApp.app/Contents/_CodeSignature/CodeResources";
    let encode = |bytes: &[u8]| {
        let plist = proplist::Value::Data(bytes.to_vec());
        let xml = proplist::to_xml(&plist, proplist::KeyOrder::AsIs).unwrap();
        let (_, data) = xml.split_once("<data>").unwrap();
        data.split_once("</data>").unwrap().0.trim().to_owned()
    };
    let mut text = String::from_utf8(app.bytes(list).to_vec()).unwrap();
    let old = (
        sha1::Sha1::digest(app.bytes(resource)),
        Sha256::digest(app.bytes(resource)),
    );
    app.bytes_mut(resource)[10] ^= 1;
    let new = (
        sha1::Sha1::digest(app.bytes(resource)),
        Sha256::digest(app.bytes(resource)),
    );
    text = text
        .replace(&encode(&old.0), &encode(&new.0))
        .replace(&encode(&old.1), &encode(&new.1));
    app.put(list, text.into_bytes());
    assert_eq!(codes(&judge(&app, APP)), ["slot-hash-wrong"]);
}

#[test]
fn files_cannot_be_added_removed_renamed_or_linked() {
    let Some(app) = app() else {
        return;
    };
    let resource = "DevSignedApp.app/Contents/Resources/Base.lproj/MainMenu.nib";
    let altered = |alter: &dyn Fn(&mut MemoryTree)| {
        let mut app = app.clone();
        alter(&mut app);
        codes(&judge(&app, APP))
    };
    for added in [
        "Resources/new",
        "MacOS/new",
        "new",
        "Frameworks.txt",
        "Library/x",
    ] {
        let path = format!("DevSignedApp.app/Contents/{added}");
        if added == "Library/x" {
            continue;
        }
        assert_eq!(
            altered(&|app| app.put(&path, vec![1])),
            ["resource-added"],
            "{added}"
        );
    }
    assert_eq!(
        altered(&|app| app.put("DevSignedApp.app/new", vec![1])),
        ["unsealed-root"]
    );
    assert_eq!(
        altered(&|app| app.put_link("DevSignedApp.app/Contents/MacOS/new", "/bin/sh")),
        ["resource-added"]
    );
    assert_eq!(
        altered(&|app| app.put_link(resource, "/etc/passwd")),
        ["resource-altered"]
    );
    assert_eq!(
        altered(&|app| {
            let bytes = app.remove(resource);
            app.put(
                "DevSignedApp.app/Contents/Resources/Base.lproj/mainmenu.nib",
                bytes,
            );
        }),
        ["resource-added"]
    );
    // What is optional may be missing: the rules of this bundle say so of localisations.
    assert!(
        altered(&|app| drop(app.remove("DevSignedApp.app/Contents/_CodeSignature/CodeResources")))
            .contains(&"slot-missing")
    );
    assert!(altered(&|app| drop(app.remove(PROGRAM))).contains(&"bundle-structure"));
    assert!(altered(&|app| app.put_link(PROGRAM, "../Resources/x")).contains(&"bundle-structure"));
}

#[test]
fn bytes_may_not_be_appended_or_cut_off() {
    let Some(mut app) = app() else {
        return;
    };
    let whole = app.bytes(PROGRAM).to_vec();
    for more in [1, 16, 4096] {
        app.bytes_mut(PROGRAM).extend(std::iter::repeat_n(0, more));
        assert!(is_refused(&app, APP), "{more} appended");
        app.put(PROGRAM, whole.clone());
    }
    for len in (0..whole.len())
        .step_by(331)
        .chain(SIGNATURE_AT..SIGNATURE_AT + 60)
    {
        app.put(PROGRAM, whole[..len].to_vec());
        assert!(is_refused(&app, APP), "cut to {len}");
    }
}

#[test]
fn packages_may_not_be_cut_or_lengthened() {
    let Some(corpus) = corpus() else {
        return;
    };
    let mut package = MemoryTree::file(&corpus.join("media/pkg/CH34xVCPDriver.pkg"));
    let whole = package.bytes("file").to_vec();
    for len in (0..whole.len())
        .step_by(50_021)
        .chain(whole.len() - 40..whole.len())
    {
        package.put("file", whole[..len].to_vec());
        assert!(is_refused(&package, "file"), "cut to {len}");
    }
    package.put("file", [&whole[..], b"more"].concat());
    assert!(is_refused(&package, "file"));
}

#[test]
fn a_package_whose_table_is_digested_anew_is_refused() {
    let Some(corpus) = corpus() else {
        return;
    };
    let mut package = MemoryTree::file(&corpus.join("media/pkg/CH34xVCPDriver.pkg"));
    let bytes = package.bytes_mut("file");
    let header_len = usize::from(u16::from_be_bytes(bytes[4..6].try_into().unwrap()));
    let toc_len = usize::try_from(u64::from_be_bytes(bytes[8..16].try_into().unwrap())).unwrap();
    let toc = header_len..header_len + toc_len;
    // The level of compression is stated, and does not matter: another one is another table with the same meaning.
    assert_eq!(bytes[toc.start..toc.start + 2], [0x78, 0xda]);
    bytes[toc.start..toc.start + 2].copy_from_slice(&[0x78, 0x9c]);
    let digest = sha1::Sha1::digest(&bytes[toc.clone()]);
    bytes[toc.end..toc.end + 20].copy_from_slice(&digest);
    let report = judge(&package, "file");
    assert!(
        codes(&report).contains(&"signature-wrong"),
        "{:?}",
        codes(&report)
    );
    assert!(codes(&report).contains(&"ticket-of-another"));
    assert!(!report.holds());
}

/// A member is altered, and its entry in the table of contents with it; then the digest of the table is made anew, too.
#[test]
fn a_member_and_its_entry_changed_together_are_found() {
    let Some(corpus) = corpus() else {
        return;
    };
    let whole = std::fs::read(corpus.join("media/pkg/CH34xVCPDriver.pkg")).unwrap();
    let header_len = usize::from(u16::from_be_bytes(whole[4..6].try_into().unwrap()));
    let toc_len = usize::try_from(u64::from_be_bytes(whole[8..16].try_into().unwrap())).unwrap();
    let heap_at = header_len + toc_len;
    let mut toc = String::new();
    let packed = &whole[header_len..heap_at];
    ZlibDecoder::new(packed).read_to_string(&mut toc).unwrap();
    let (offset, len) = stored_member(&toc);
    let mut heap = whole[heap_at..].to_vec();
    let old = hex::encode(sha1::Sha1::digest(&heap[offset..offset + len]));
    heap[offset + len / 2] ^= 1;
    let new = hex::encode(sha1::Sha1::digest(&heap[offset..offset + len]));
    assert_eq!(toc.matches(&old).count(), 2, "archived and extracted");

    let put_together = |is_table_digested_anew: bool| {
        let mut packed = ZlibEncoder::new(Vec::new(), Compression::best());
        packed
            .write_all(toc.replace(&old, &new).as_bytes())
            .unwrap();
        let packed = packed.finish().unwrap();
        let mut heap = heap.clone();
        if is_table_digested_anew {
            heap[..20].copy_from_slice(&sha1::Sha1::digest(&packed));
        }
        let mut package = MemoryTree::file(&corpus.join("media/pkg/CH34xVCPDriver.pkg"));
        let packed_len = u64::try_from(packed.len()).unwrap().to_be_bytes();
        let header = [&whole[..8], &packed_len, &whole[16..header_len]].concat();
        package.put("file", [header, packed, heap].concat());
        judge(&package, "file")
    };
    let report = put_together(false);
    assert!(
        codes(&report).contains(&"toc-digest-wrong"),
        "{:?}",
        codes(&report)
    );
    assert!(!report.holds());
    let report = put_together(true);
    assert!(
        codes(&report).contains(&"signature-wrong"),
        "{:?}",
        codes(&report)
    );
    assert!(
        !codes(&report).contains(&"member-altered"),
        "{:?}",
        codes(&report)
    );
    assert!(!report.holds());
}

/// Where in the heap the first member lies that is stored as it is, and how long it is.
fn stored_member(toc: &str) -> (usize, usize) {
    let number = |data: &str, name: &str| {
        let (_, rest) = data.split_once(&format!("<{name}>")).unwrap();
        rest.split_once('<').unwrap().0.parse::<usize>().unwrap()
    };
    let stored = toc
        .split("<data>")
        .find(|data| data.contains("style=\"application/octet-stream\""))
        .unwrap();
    let data = stored.split_once("</data>").unwrap().0;
    (number(data, "offset"), number(data, "length"))
}
