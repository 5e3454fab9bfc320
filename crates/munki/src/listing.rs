//! The order in which a repository is listed.

use std::cmp::Ordering;

/// Orders two paths as a repository lists them: in each folder first its files, then its folders, both by bytes.
///
/// Munki lists in the file system's own order, which is none; catalogs keep the order of the list, so a fixed one
/// keeps their bytes.
pub fn listing_order(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left, right);
    loop {
        match (left.split_once('/'), right.split_once('/')) {
            (None, None) => return left.cmp(right),
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some((first, left_rest)), Some((second, right_rest))) => {
                if first != second {
                    return first.cmp(second);
                }
                (left, right) = (left_rest, right_rest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_come_before_folders() {
        let mut paths = ["b/a", "c", "a/z/y", "a/b", "B", "a/a/x", "a.b"];
        paths.sort_by(|left, right| listing_order(left, right));
        assert_eq!(paths, ["B", "a.b", "c", "a/b", "a/a/x", "a/z/y", "b/a"]);
    }
}
