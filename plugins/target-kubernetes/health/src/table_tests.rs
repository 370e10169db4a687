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
    for name in kinds() {
        let (kind, group) = name.split_once('.').unwrap_or((&name, ""));
        let (kind, group) = (kind.replace('*', "Any"), group.replace('*', "any"));
        assert!(!find(&kind, &group).is_empty(), "{name}");
    }
    assert!(find("Widget", "example.com").is_empty());
}

#[test]
fn the_documentation_counts_the_kinds_and_names_every_function() {
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/reference/health-rules.md");
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains(&format!("\n{} kinds and families of kinds", kinds().count())), "{} kinds", kinds().count());
    for function in crate::functions::FUNCTIONS.iter().chain(&crate::functions::VARIABLES) {
        let called = page.contains(&format!("`{function}(")) || page.contains(&format!("`{function}`"));
        assert!(
            called || page.contains(&format!(".{function}(")) || ["or", "value", "hasValue", "dyn"].contains(function),
            "{function}"
        );
    }
}
