use super::*;
use crate::expression::Expression;
use crate::template::Template;

#[test]
fn stars_stand_for_any_text() {
    for (pattern, text, fits) in [
        ("*", "", true),
        ("*.example.com", "a.b.example.com", true),
        ("*.example.com", "example.com", false),
        ("a*b*c", "abc", true),
        ("a*b*c", "a-b-b-c", true),
        ("a*b*c", "acb", false),
        ("aa*aa", "aaa", false),
        ("Pod", "Pods", false),
    ] {
        assert_eq!(matches(pattern, text), fits, "{pattern} {text}");
    }
}

#[test]
fn every_built_in_rule_compiles() {
    let entries = EXACT.iter().chain(WILD).map(|entry| (format!("{}.{}", entry.kind, entry.group), entry.rules));
    let all = [("deleting".to_owned(), deleting()), ("generic".to_owned(), generic())];
    for (kind, rules) in all.into_iter().chain(entries) {
        assert!(!rules.is_empty(), "{kind} has no rules");
        for rule in rules {
            if let Some(Err((at, problem))) = rule.when.map(Expression::compile) {
                panic!("{kind}: {:?}: {at:?} {problem}", rule.when);
            }
            if let Err((at, problem)) = Template::compile(rule.message) {
                panic!("{kind}: {:?}: {at:?} {problem}", rule.message);
            }
        }
    }
}

#[test]
fn kinds_are_found_by_name_and_by_wildcard() {
    assert!(kinds().count() > 250, "only {} kinds", kinds().count());
    for name in kinds() {
        let (kind, group) = name.split_once('.').unwrap_or((&name, ""));
        let (kind, group) = (kind.replace('*', "Any"), group.replace('*', "any"));
        assert!(!find(&kind, &group).is_empty(), "{name}");
    }
    assert!(find("Widget", "example.com").is_empty());
}
