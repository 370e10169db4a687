//! What someone may have meant.

/// `; did you mean …?` with the most similar of these names, or nothing if none is similar.
pub fn did_you_mean<'n>(name: &str, names: impl IntoIterator<Item = &'n str>) -> String {
    closest(name, names).map(|close| format!("; did you mean `{close}`?")).unwrap_or_default()
}

fn closest<'n>(name: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let mut best = None;
    for candidate in names {
        let score = strsim::normalized_damerau_levenshtein(&name.to_lowercase(), &candidate.to_lowercase());
        if score >= 0.55 && best.is_none_or(|(highest, _)| score > highest) {
            best = Some((score, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_similar_is_suggested() {
        assert_eq!(did_you_mean("replcias", ["replicas", "image"]), "; did you mean `replicas`?");
        assert_eq!(did_you_mean("Image", ["replicas", "image"]), "; did you mean `image`?");
        assert_eq!(did_you_mean("port", ["replicas", "image"]), "");
    }
}
