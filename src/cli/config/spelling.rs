//! Suggests a key for a mistyped one.

/// Returns the known key that is most similar to `key`: few letters differ, or one key is a prefix of the other.
pub(super) fn nearest<'k>(key: &str, known: &[&'k str]) -> Option<&'k str> {
    let normal = |key: &str| key.to_lowercase().replace(['_', ' '], "-");
    // Keys are truncated, because the time to compute a distance grows with both lengths.
    let key = normal(&key.chars().take(MAX_KEY).collect::<String>());
    let close = |name: &str| {
        let distance = distance(&key, name);
        let begins = key.len() > 2 && (name.starts_with(&key) || key.starts_with(name));
        (distance <= key.chars().count() / 3 || begins).then_some(distance)
    };
    known.iter().filter_map(|name| Some((close(name)?, *name))).min().map(|(_, name)| name)
}

/// Returns the edit distance of two words: the minimum number of letters to insert, remove, replace or swap with the next letter.
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut rows = vec![(0..=other.len()).collect::<Vec<_>>()];
    for (i, a) in one.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in other.iter().enumerate() {
            let mut least = (rows[i][j] + usize::from(a != b)).min(row[j] + 1).min(rows[i][j + 1] + 1);
            if i > 0 && j > 0 && *a == other[j - 1] && one[i - 1] == *b {
                least = least.min(rows[i - 1][j - 1] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[one.len()][other.len()]
}

/// Maximum length that is compared, in characters. All known keys are shorter.
const MAX_KEY: usize = 32;
