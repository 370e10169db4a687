use serde_json::{Value as Json, json};

use super::*;
use crate::object::Variables;

fn holds(object: &Json, text: &str) -> Result<bool, String> {
    let variables = Variables::new(object);
    let context = functions::context(object, &variables);
    Expression::compile(text).map_err(|(at, problem)| format!("{at:?} {problem}"))?.holds(&context)
}

#[test]
fn what_reads_a_missing_field_does_not_hold() {
    let object = json!({ "spec": { "replicas": 2, "gone": null }, "status": "nonsense" });
    for (text, expected) in [
        ("spec.replicas == 2", true),
        ("status.replicas == 2", false),
        ("status.replicas != 2", false),
        ("!(status.replicas == 2)", false),
        ("status.replicas == 2 || spec.replicas == 2", true),
        ("status.?replicas.orValue(0) < spec.replicas", true),
        ("has(spec.gone)", false),
        ("conditions[0].status == 'True'", false),
        ("conditions.size() == 0", true),
        ("optional.of(1).hasValue()", true),
    ] {
        assert_eq!(holds(&object, text), Ok(expected), "{text}");
    }
}

#[test]
fn helpers_know_conditions_and_generations() {
    let object = json!({
        "metadata": { "generation": 3 },
        "status": { "observedGeneration": "2", "conditions": [
            { "type": "Ready", "status": "False", "reason": "Why", "message": " " },
            { "type": "Synced", "status": "True", "message": "all of it" }, "nonsense", null, { "status": "True" },
        ] },
    });
    for text in [
        "isFalse('Ready') && isTrue('Synced') && !isUnknown('Ready') && !isTrue('None')",
        "why('Ready') == 'Why' && why('Synced') == 'all of it' && why('None') == ''",
        "condition('Ready').reason == 'Why' && condition('None').status == ''",
        "conditionOf(status.conditions, 'Synced').message == 'all of it'",
        "!observed() && number(status.observedGeneration) == 2 && number(3) == 3",
        "join(['a', 'b'], '-') == 'a-b' && lower('ABC') == 'abc'",
        "conditions.filter(c, c.?status.orValue('') == 'True').size() == 2",
    ] {
        assert_eq!(holds(&object, text), Ok(true), "{text}");
    }
    assert!(holds(&object, "status.observedGeneration < 3").unwrap_err().contains("string and int"));
    assert_eq!(holds(&object, "1").unwrap_err(), "it is neither true nor false");
}

#[test]
fn mistakes_are_told_with_their_place() {
    let wrong = |text: &str| Expression::compile(text).unwrap_err();
    let at = |line, column| Some(Position { line, column });
    assert_eq!(wrong("status.a ==\n  spce.a"), (at(2, 3), Problem::Variable("spce".to_owned())));
    assert_eq!(wrong("status.size() + status.length()"), (at(1, 24), Problem::Function("length".to_owned())));
    assert_eq!(wrong("[1].all(x, y)"), (at(1, 12), Problem::Variable("y".to_owned())));
    assert!(Expression::compile("@pay([1])").is_err());
    for text in ["", "status.", "'open", "a b", "Pod{name: 'x'}", "1 @ 2", "1 +", "99999999999999999999"] {
        assert!(matches!(wrong(text).1, Problem::Syntax(_)), "{text}: {:?}", wrong(text));
    }
}

#[test]
fn large_expressions_are_refused_and_nothing_panics() {
    for part in
        ["(", "[", "!", "-", "status.", "status[", "1+", "true&&", "true?1:", "size(", "'", "{1:", "[1].all(x,", "é"]
    {
        for times in [1, 20, 200, 1_000, 5_000] {
            for text in [part.repeat(times), format!("{}1", part.repeat(times))] {
                if let Ok(expression) = Expression::compile(&text) {
                    let _ = holds(&json!({}), &text);
                    drop(expression);
                }
            }
        }
    }
    let long = format!("{}1", "1+".repeat(150));
    assert!(matches!(Expression::compile(&long).unwrap_err().1, Problem::TooLarge(_)), "too deep");
}

#[test]
fn loops_pay_for_what_they_go_over() {
    let object = json!({ "spec": { "many": vec![0; 2_000] } });
    assert_eq!(holds(&object, "spec.many.all(x, x == 0)"), Ok(true));
    let nested = "spec.many.all(x, spec.many.all(y, spec.many.all(z, x + y + z == 0)))";
    assert!(holds(&object, nested).unwrap_err().contains("too large"));
}

#[test]
fn random_text_and_objects_never_panic() {
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{RngCore, SeedableRng};
    let seed = 20_261_125;
    println!("seed {seed}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let parts = [
        "status",
        "spec",
        ".",
        "?",
        "[",
        "]",
        "(",
        ")",
        "{",
        "}",
        "'x'",
        "1",
        "-",
        "+",
        "*",
        "/",
        "%",
        "==",
        "<",
        "in ",
        "&&",
        "||",
        "!",
        ",",
        ":",
        "conditions",
        ".all(x,",
        ".map(x,",
        "x",
        "isTrue(",
        "why(",
        "number(",
        "join(",
        "2.5",
        "9223372036854775807",
        "null",
        "true",
        "size(",
        "has(",
        "string(",
        "int(",
        "\\",
        "\"",
        "\n",
        "é",
        "optional.of(",
    ];
    let values = [json!(null), json!([]), json!({}), json!("a"), json!(-1), json!(1.5), json!([[1], { "type": 3 }])];
    let mut evaluated = 0;
    for _ in 0..20_000 {
        let length = random.next_u32() as usize % 8 + 1;
        let text: String = (0..length).map(|_| parts[random.next_u32() as usize % parts.len()]).collect();
        let mut any = || values[random.next_u32() as usize % values.len()].clone();
        let object = json!({ "spec": any(), "metadata": any(), "status": { "conditions": any(), "x": any() } });
        evaluated += u32::from(holds(&object, &text).is_ok());
    }
    assert!(evaluated > 20, "only {evaluated} expressions had a value");
}
