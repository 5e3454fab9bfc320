//! Archives with something wrong in the table of contents, and what signature checks are given of real ones.

use std::{io::Read as _, sync::Arc};

use wire::{Budget, FileSource, ReadAt as _};

use super::{Archive, DigestKind, MemberKind, SignatureStyle};
use crate::{MediaError, Tree as _, conformance::corpus, samples, xar::XarTree};

fn open(bytes: Vec<u8>) -> Result<Archive, MediaError> {
    Archive::open(Arc::new(bytes), &Budget::for_medium("sample"))
}

fn with(change: impl Fn(String) -> String) -> Result<Archive, MediaError> {
    open(samples::xar(&[("a", b"first"), ("b", b"second")], change))
}

fn replaced(from: &'static str, to: &'static str) -> impl Fn(String) -> String {
    move |toc| toc.replacen(from, to, 1)
}

#[test]
fn members_come_with_their_digests() {
    let archive = with(|toc| toc).unwrap();
    assert!(archive.toc_digest().unwrap().is_right());
    assert_eq!(archive.trailer().len(), 0);
    assert!(archive.signatures().is_empty());
    let [first, second] = archive.members() else {
        panic!("{:?}", archive.members());
    };
    assert_eq!((first.path.as_str(), &first.kind), ("a", &MemberKind::File));
    let data = second.data.as_ref().unwrap();
    let expected = DigestKind::Sha1.of(b"second");
    assert_eq!(data.extracted.as_ref().unwrap().value, expected);
    let mut text = String::new();
    archive
        .reader(data)
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    assert_eq!(text, "second");
}

#[test]
fn what_was_appended_is_the_trailer() {
    let mut bytes = samples::xar(&[("a", b"first")], |toc| toc);
    bytes.extend(b"ticket");
    let trailer = open(bytes).unwrap().trailer();
    assert_eq!(wire::read_vec(&trailer, 0, 6).unwrap(), b"ticket");
    assert_eq!(trailer.len(), 6);
}

#[test]
fn a_changed_table_of_contents_is_told_and_not_read() {
    let mut bytes = samples::xar(&[("a", b"first")], |toc| toc);
    let stored = open(bytes.clone()).unwrap();
    let digest = &stored.toc_digest().unwrap().stored;
    let at = bytes
        .windows(20)
        .position(|window| window == digest.as_slice())
        .unwrap();
    bytes[at] ^= 1;
    assert!(
        !open(bytes.clone())
            .unwrap()
            .toc_digest()
            .unwrap()
            .is_right()
    );
    let source = Arc::new(bytes);
    assert!(XarTree::open(source, &Budget::for_medium("sample")).is_err());
}

#[test]
fn names_that_mean_two_things_are_refused() {
    let name = "<name>a</name>";
    assert!(with(replaced(name, "<name>a</name><name>a</name>")).is_ok());
    assert!(with(replaced(name, "<name>a</name><name>b</name>")).is_err());
    assert!(with(replaced(name, "<name>b</name>")).is_err());
    assert!(with(replaced(name, "")).is_err());
    for name in ["..", "/etc", "../x", "x/y", "", "."] {
        let found = with(|toc| toc.replacen("<name>a<", &format!("<name>{name}<"), 1));
        assert!(found.is_err(), "{name}");
    }
    let base64 = with(replaced(name, "<name enctype=\"base64\">w6Q=</name>")).unwrap();
    assert_eq!(base64.members()[0].path, "\u{e4}");
}

#[test]
fn a_hard_link_leads_to_a_file_that_is_there() {
    let file = |id: u8, name: &str, link: &str| {
        format!("<file id=\"{id}\"><name>{name}</name><type link=\"{link}\">hardlink</type></file>")
    };
    let open = |files: &str| with(|toc| toc.replacen("</toc>", &format!("{files}</toc>"), 1));
    let archive = open(&file(9, "c", "0")).unwrap();
    let [original, _, link] = archive.members() else {
        panic!("{:?}", archive.members());
    };
    assert!(link.data.is_some());
    assert_eq!(link.data, original.data);
    let empty = [file(8, "d", "original"), file(9, "c", "8")].concat();
    assert!(
        open(&empty)
            .unwrap()
            .members()
            .iter()
            .any(|it| it.path == "c")
    );
    let circle = [file(8, "d", "9"), file(9, "c", "8")].concat();
    for files in [file(9, "c", "7"), file(9, "c", "9"), circle] {
        let error = open(&files).unwrap_err().to_string();
        assert!(error.contains("hard link to nothing"), "{error}");
    }
}

#[test]
fn elements_nobody_knows_are_passed_over() {
    let known = with(replaced(
        "<type>file</type>",
        "<type>file</type><contents><type>script</type></contents><contents/><ea/><x y=\"z\"/>",
    ));
    assert_eq!(known.unwrap().members().len(), 2);
}

#[test]
fn contents_other_than_declared_are_errors() {
    let right = hex::encode(DigestKind::Sha1.of(b"first"));
    let wrong = hex::encode(DigestKind::Sha1.of(b"other"));
    let read = |archive: &Archive| {
        let data = archive.members()[0].data.as_ref().unwrap();
        archive
            .reader(data)?
            .read_to_end(&mut Vec::new())
            .map_err(MediaError::content("a"))
    };
    assert_eq!(read(&with(|toc| toc).unwrap()).unwrap(), 5);
    let digest = with(|toc| toc.replace(&right, &wrong)).unwrap();
    assert!(read(&digest).is_err());
    for len in ["4", "6"] {
        let to = format!("<size>{len}</size><encoding");
        let archive = with(|toc| toc.replacen("<size>5</size><encoding", &to, 1)).unwrap();
        assert!(read(&archive).is_err(), "{len}");
    }
    let far = with(replaced("<offset>20<", "<offset>99999999<")).unwrap();
    assert!(read(&far).is_err());
    let unknown = with(replaced("x-gzip", "x-magic")).unwrap();
    assert!(read(&unknown).is_err());
}

#[test]
fn a_digest_that_proves_nothing_is_refused() {
    assert!(with(replaced("style=\"sha1\"", "style=\"md5\"")).is_err());
    assert!(with(replaced("style=\"sha1\"", "style=\"sha256\"")).is_err());
    assert!(with(replaced("<size>20<", "<size>19<")).is_err());
}

#[test]
fn deep_nesting_comes_to_an_end() {
    let open = "<file id=\"9\"><name>x</name><type>directory</type>".repeat(100_000);
    let close = "</file>".repeat(100_000);
    let found = with(|toc| toc.replacen("</toc>", &format!("{open}{close}</toc>"), 1));
    assert!(found.is_err());
}

#[test]
fn a_table_that_is_large_when_parsed_is_refused_before() {
    let many = |text: fn(usize) -> String| (0..1000).map(text).collect::<Vec<_>>().concat();
    let spaces = many(|number| format!("<f xmlns:a{number}=\"u{number}\">"));
    let attributes = many(|number| format!(" a{number}=\"\""));
    for (hostile, expected) in [
        (spaces + &"</f>".repeat(1000), "namespaces"),
        (format!("<f{attributes}/>"), "attributes"),
        ("<a/>".repeat(1_000_001), "nodes limit"),
    ] {
        let found = with(|toc| toc.replacen("</toc>", &format!("{hostile}</toc>"), 1));
        let error = found.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn real_packages_give_what_their_signatures_need() {
    let Some(corpus) = corpus() else { return };
    for (name, signatures) in [
        (
            "CH34xVCPDriver.pkg",
            vec![
                (SignatureStyle::Rsa, 256, 3),
                (SignatureStyle::Cms, 9216, 3),
            ],
        ),
        (
            "CH34x_Install_V1.3.pkg",
            vec![(SignatureStyle::Rsa, 256, 1)],
        ),
        ("brew_container.pkg", vec![]),
    ] {
        let source = FileSource::open(&corpus.join("pkg").join(name)).unwrap();
        let archive = Archive::open(Arc::new(source), &Budget::for_medium("package")).unwrap();
        let found: Vec<_> = archive
            .signatures()
            .iter()
            .map(|it| (it.style.clone(), it.bytes.len(), it.certificates.len()))
            .collect();
        assert_eq!(found, signatures, "{name}");
        let digest = archive.toc_digest().unwrap();
        assert_eq!((digest.kind, digest.is_right()), (DigestKind::Sha1, true));
    }
}

#[test]
fn the_ticket_of_a_notarized_package_is_its_trailer() {
    let Some(corpus) = corpus() else { return };
    let source = FileSource::open(&corpus.join("pkg/CH34xVCPDriver.pkg")).unwrap();
    let archive = Archive::open(Arc::new(source), &Budget::for_medium("package")).unwrap();
    let trailer = archive.trailer();
    let end = wire::read_vec(&trailer, trailer.len() - 16, 4).unwrap();
    assert_eq!(end, b"t8lr");
}

#[test]
fn a_stored_member_is_read_in_place_once_its_digest_is_proven() {
    let Some(corpus) = corpus() else { return };
    let path = corpus.join("pkg/CH34xVCPDriver.pkg");
    let mut bytes = fs_err::read(path).unwrap();
    let payload = "CH34xVCPDriver.pkg/Payload";
    let open = |bytes: &[u8]| {
        XarTree::open(Arc::new(bytes.to_vec()), &Budget::for_medium("package")).unwrap()
    };
    assert_eq!(open(&bytes).source(payload).unwrap().len(), 1_934_297);
    bytes[1_000_000] ^= 1;
    let tree = open(&bytes);
    assert!(tree.source(payload).is_err());
    assert!(
        tree.open(payload)
            .unwrap()
            .read_to_end(&mut Vec::new())
            .is_err()
    );
}
