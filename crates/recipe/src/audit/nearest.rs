//! What somebody may have meant to write.

/// The one of `known` that `name` was most probably meant to be; nothing if none is near, or `name` is one of them.
pub(super) fn nearest<'k>(
    name: &str,
    known: impl IntoIterator<Item = &'k str> + Clone,
) -> Option<&'k str> {
    if known.clone().into_iter().any(|candidate| candidate == name) {
        return None;
    }
    let sought = plain(name);
    let most = match sought.chars().count() {
        0..=3 => 0,
        4..=6 => 1,
        7..=12 => 2,
        _ => 3,
    };
    let mut best: Option<(usize, &str)> = None;
    for candidate in known {
        let candidate_plain = plain(candidate);
        if sought.len().abs_diff(candidate_plain.len()) > most {
            continue;
        }
        let distance = distance(&sought, &candidate_plain);
        if distance <= most && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Case, and what stands between words, are what people get wrong most.
fn plain(name: &str) -> String {
    let letters = name
        .chars()
        .filter(|letter| !matches!(letter, '_' | '-' | ' '));
    // No name of anything is longer.
    letters.take(80).flat_map(char::to_lowercase).collect()
}

/// How many letters must be put in, left out, replaced or swapped with their neighbours.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=right.len()).collect();
    let mut previous = None;
    for (row, letter) in left.chars().enumerate() {
        let mut line = vec![row.saturating_add(1)];
        let at = |line: &[usize], index: usize| line.get(index).copied().unwrap_or(usize::MAX);
        for (column, other) in right.iter().enumerate() {
            let next = column.saturating_add(1);
            let swapped = previous == Some(*other)
                && column.checked_sub(1).and_then(|before| right.get(before)) == Some(&letter);
            let candidates = [
                at(&last, next).saturating_add(1),
                at(&line, column).saturating_add(1),
                at(&last, column).saturating_add(usize::from(letter != *other)),
                match column.checked_sub(1) {
                    Some(before) if swapped => at(&before_last, before).saturating_add(1),
                    _ => usize::MAX,
                },
            ];
            line.push(candidates.into_iter().min().unwrap_or(usize::MAX));
        }
        before_last = std::mem::replace(&mut last, line);
        previous = Some(letter);
    }
    last.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_must_be_changed() {
        for (left, right, count) in [
            ("", "", 0),
            ("abc", "", 3),
            ("", "ab", 2),
            ("arugments", "arguments", 1),
            ("kitten", "sitting", 3),
            ("ca", "abc", 3),
        ] {
            assert_eq!(distance(left, right), count, "{left} {right}");
        }
    }

    #[test]
    fn only_what_is_near_is_suggested() {
        let known = ["pattern", "re_pattern", "result_output_var_name", "url"];
        assert_eq!(nearest("re_patern", known), Some("re_pattern"));
        assert_eq!(nearest("Re-Pattern", known), Some("re_pattern"));
        assert_eq!(
            nearest("result_output_var_nmae", known),
            Some("result_output_var_name")
        );
        assert_eq!(nearest("url", known), None);
        assert_eq!(nearest("uri", known), None);
        assert_eq!(nearest("version", known), None);
    }
}
