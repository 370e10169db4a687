use serde_json::json;

use super::*;

fn own(rules: Json) -> Result<Rules, Vec<RuleError>> {
    let rules: Vec<KindRules> = serde_json::from_value(rules).unwrap();
    Rules::with(&rules)
}

fn judge(rules: &Rules, object: Json) -> (Status, String) {
    let verdict = rules.judge(&object);
    (verdict.status, verdict.message)
}

#[test]
fn a_users_rules_go_before_the_built_in_ones_and_names_before_wildcards() {
    let rules = own(json!([
        { "kinds": ["*.example.com"], "rules": [{ "status": "Suspended", "message": "by wildcard" }] },
        { "kinds": ["Widget.example.com", "ConfigMap"], "rules": [
            { "when": "status.phase == 'Done'", "status": "Healthy" },
            { "when": "status.phase == 'Lost'", "status": "Degraded", "message": "${metadata.name} is lost" },
        ] },
    ]))
    .unwrap();
    let widget = |phase: &str| {
        json!({ "apiVersion": "example.com/v1", "kind": "Widget", "metadata": { "name": "w" },
                "status": { "phase": phase, "conditions": [{ "type": "Ready", "status": "False", "reason": "Soon" }] } })
    };
    assert_eq!(judge(&rules, widget("Done")), (Status::Healthy, String::new()));
    assert_eq!(judge(&rules, widget("Lost")), (Status::Degraded, "w is lost".to_owned()));
    assert_eq!(judge(&rules, widget("Other")), (Status::Progressing, "Soon".to_owned()), "the generic rules follow");
    let other = json!({ "apiVersion": "example.com/v1", "kind": "Other" });
    assert_eq!(judge(&rules, other), (Status::Suspended, "by wildcard".to_owned()));
}

#[test]
fn of_a_users_rules_only_those_for_the_object_s_kind_are_looked_at() {
    let rules: Vec<KindRules> = serde_json::from_value(json!([
        { "kinds": ["*.example.com"], "rules": [{ "status": "Suspended", "message": "by wildcard" }] },
        { "kinds": ["Broken.example.com"], "rules": [{ "when": "1 +", "status": "Healthy" }] },
        { "kinds": ["Widget.example.com"], "rules": [{ "status": "Degraded", "message": "by name" }] },
    ]))
    .unwrap();
    let judge = |kind: &str, version: &str| {
        let object = json!({ "apiVersion": version, "kind": kind });
        Rules::of(&rules, &object).map(|rules| rules.judge(&object).message)
    };
    assert_eq!(judge("Widget", "example.com/v1").unwrap(), "by name");
    assert_eq!(judge("Other", "example.com/v1").unwrap(), "by wildcard");
    assert_eq!(judge("Widget", "v1").unwrap(), "");
    assert_eq!(judge("Broken", "example.com/v1").unwrap_err()[0].pointer, "/1/rules/0/when");
}

#[test]
fn mistakes_in_a_users_rules_are_all_told_with_pointers() {
    let errors = own(json!([
        { "kinds": ["Widget.example.com", "a/b", ""], "rules": [
            { "when": "status.phase = 'x'", "status": "Healthy" },
            { "when": "true", "status": "Healthy", "message": "${oops}" },
        ] },
    ]))
    .unwrap_err();
    let pointers: Vec<_> = errors.iter().map(|error| error.pointer.as_str()).collect();
    assert_eq!(pointers, ["/0/kinds/1", "/0/kinds/2", "/0/rules/0/when", "/0/rules/1/message"]);
    assert!(errors[3].to_string().starts_with("/0/rules/1/message: line 1, column 3: nothing is called `oops`"));
    assert!(
        serde_json::from_value::<Vec<KindRules>>(json!([{ "kinds": [], "rules": [{ "status": "Fine" }] }])).is_err()
    );
}

#[test]
fn a_rule_that_fails_says_so_instead_of_guessing() {
    let rules =
        own(json!([{ "kinds": ["Widget"], "rules": [{ "when": "spec.a < 3", "status": "Healthy" }] }])).unwrap();
    let (status, message) = judge(&rules, json!({ "apiVersion": "v1", "kind": "Widget", "spec": { "a": "text" } }));
    assert_eq!(status, Status::Unknown);
    assert_eq!(message, "rule 1 for Widget cannot judge this object: `<` does not take string and int");
}

#[test]
fn kstatus_rules_judge_what_has_none_of_its_own() {
    let rules = Rules::builtin();
    let object = |metadata: Json, status: Json| json!({ "apiVersion": "example.com/v1", "kind": "Widget", "metadata": metadata, "status": status });
    let condition =
        |name: &str, status: &str| json!({ "conditions": [{ "type": name, "status": status, "message": "m" }] });
    for (metadata, status, expected) in [
        (json!({}), json!({}), Status::Healthy),
        (json!({ "generation": 2 }), json!({ "observedGeneration": 1 }), Status::Progressing),
        (json!({ "generation": 2 }), json!({ "observedGeneration": 2 }), Status::Healthy),
        (json!({}), condition("Stalled", "True"), Status::Degraded),
        (json!({}), condition("Reconciling", "True"), Status::Progressing),
        (json!({}), condition("Ready", "False"), Status::Progressing),
        (json!({}), condition("Ready", "True"), Status::Healthy),
        (json!({ "deletionTimestamp": "2026-01-01T00:00:00Z" }), condition("Ready", "True"), Status::Progressing),
    ] {
        assert_eq!(judge(&rules, object(metadata.clone(), status.clone())).0, expected, "{metadata} {status}");
    }
    for odd in [json!(null), json!([]), json!("x"), json!({ "kind": 3 }), json!({ "status": [], "metadata": "x" })] {
        assert_eq!(judge(&rules, odd.clone()).0, Status::Healthy, "{odd}");
    }
}
