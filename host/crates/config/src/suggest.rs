//! What was meant, when something else was written.

/// The candidate that a misspelt word most likely stands for, if one is near enough.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = simplify(word);
    // A third of the letters may be wrong: enough for slips, too little for another word.
    let allowed = (plain.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&plain, &simplify(candidate)), candidate))
        .filter(|&(distance, candidate)| distance <= allowed && candidate != word)
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, candidate)| candidate)
}

/// The question that goes with it.
pub(crate) fn did_you_mean(word: &str) -> String {
    format!("did you mean `{word}`?")
}

/// Case and the kind of dash are the commonest slips; they count as none. A word longer than any
/// key is cut, as the distance takes time in the product of the lengths.
fn simplify(word: &str) -> String {
    word.chars().take(64).map(|c| if c == '_' { '-' } else { c.to_ascii_lowercase() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_seen_through() {
        let keys = ["application", "artifacts", "environments", "plugin", "health-seconds"];
        for (word, meant) in [
            ("plguin", "plugin"),
            ("Plugin", "plugin"),
            ("artefacts", "artifacts"),
            ("health_seconds", "health-seconds"),
        ] {
            assert_eq!(nearest(word, keys), Some(meant));
        }
        for word in ["x", "volumes", "steps"] {
            assert_eq!(nearest(word, keys), None);
        }
    }
}
