//! Label selectors, for objects that are in memory.

use std::collections::BTreeMap;

/// One condition.
#[derive(Debug, PartialEq, Eq)]
enum Condition {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Has(String),
    Lacks(String),
}

/// What labels an object must have.
#[derive(Debug, PartialEq, Eq)]
pub struct Selector(Vec<Condition>);

impl Selector {
    /// Reads `a=b,c!=d,e in (f,g),h notin (i),j,!k`. None for anything else: the API server then says
    /// what is wrong with it.
    pub fn read(text: &str) -> Option<Self> {
        if text.trim().is_empty() {
            return Some(Self(Vec::new()));
        }
        let (mut depth, mut start) = (0_usize, 0);
        let mut conditions = Vec::new();
        for (at, letter) in text.char_indices() {
            match letter {
                '(' => depth += 1,
                ')' => depth = depth.checked_sub(1)?,
                ',' if depth == 0 => {
                    conditions.push(condition(text.get(start..at)?)?);
                    start = at + 1;
                }
                _ => {}
            }
        }
        conditions.push(condition(text.get(start..)?)?);
        (depth == 0).then_some(Self(conditions))
    }

    /// A label that all carry which are selected; none if there need be none.
    pub fn label(&self) -> Option<&str> {
        self.0.iter().find_map(|condition| match condition {
            Condition::In(name, _) | Condition::Has(name) => Some(name.as_str()),
            Condition::NotIn(..) | Condition::Lacks(_) => None,
        })
    }

    /// Whether labels are as they must be.
    pub fn matches(&self, labels: Option<&BTreeMap<String, String>>) -> bool {
        let value = |name: &str| labels.and_then(|labels| labels.get(name));
        self.0.iter().all(|condition| match condition {
            Condition::In(name, values) => value(name).is_some_and(|value| values.contains(value)),
            Condition::NotIn(name, values) => value(name).is_none_or(|value| !values.contains(value)),
            Condition::Has(name) => value(name).is_some(),
            Condition::Lacks(name) => value(name).is_none(),
        })
    }
}

fn condition(text: &str) -> Option<Condition> {
    let text = text.trim();
    if let Some((name, values)) = text.split_once('(') {
        let values = values.trim_end().strip_suffix(')')?;
        let values = values.split(',').map(value).collect::<Option<Vec<_>>>()?;
        let (name, word) = name.trim().rsplit_once(char::is_whitespace)?;
        let name = label(name)?;
        return match word {
            "in" => Some(Condition::In(name, values)),
            "notin" => Some(Condition::NotIn(name, values)),
            _ => None,
        };
    }
    if let Some((name, of)) = text.split_once("!=") {
        return Some(Condition::NotIn(label(name)?, vec![value(of)?]));
    }
    if let Some((name, of)) = text.split_once("==").or_else(|| text.split_once('=')) {
        return Some(Condition::In(label(name)?, vec![value(of)?]));
    }
    match text.strip_prefix('!') {
        Some(name) => Some(Condition::Lacks(label(name)?)),
        None => Some(Condition::Has(label(text)?)),
    }
}

fn label(text: &str) -> Option<String> {
    value(text).filter(|name| !name.is_empty())
}

/// A value, which may be empty.
fn value(text: &str) -> Option<String> {
    let text = text.trim();
    let plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.' | '/');
    text.chars().all(plain).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_choose_as_an_api_server_does() {
        let labels = BTreeMap::from([("app".to_owned(), "web".to_owned()), ("springline.dev/x".into(), String::new())]);
        for (selector, chosen) in [
            ("", true),
            ("app=web", true),
            ("app==web,springline.dev/x", true),
            ("app = web , springline.dev/x=", true),
            ("app!=web", false),
            ("tier!=web", true),
            ("app in (a, web)", true),
            ("app in (a),app", false),
            ("app notin (a,b)", true),
            ("tier notin (a)", true),
            ("tier in (a)", false),
            ("!tier", true),
            ("!app", false),
            ("tier", false),
        ] {
            assert_eq!(Selector::read(selector).unwrap().matches(Some(&labels)), chosen, "{selector}");
        }
        assert!(!Selector::read("app=web").unwrap().matches(None));
        assert!(Selector::read("!app").unwrap().matches(None));
    }

    #[test]
    fn others_are_left_to_the_server() {
        for bad in
            ["a=b=c", "a in b", "a within (b)", "a in (b", "a)", "=b", "a>1", "a,", "a b", "(a)", "!", "a in (b)c"]
        {
            assert_eq!(Selector::read(bad), None, "{bad}");
        }
    }
}
