use serde_json::json;

use super::*;
use crate::functions;
use crate::object::Variables;

fn render(text: &str) -> String {
    let object = json!({ "status": { "n": 3, "list": ["a", 1], "half": 0.5 }, "spec": { "s": "a}b" } });
    let variables = Variables::new(&object);
    let context = functions::context(&object, &variables);
    Template::compile(text).unwrap().render(&context).unwrap()
}

#[test]
fn expressions_become_text_and_what_is_missing_nothing() {
    assert_eq!(render("${status.n} of ${status.list}, ${status.half}"), "3 of a, 1, 0.5");
    assert_eq!(render("  <${status.none.at.all}> "), "<>");
    assert_eq!(render("a $${b} $c ${ {'a': '}'}.a + spec.s }"), "a ${b} $c }a}b");
}

#[test]
fn what_is_wrong_is_placed_in_the_whole_text() {
    let wrong = |text: &str| Template::compile(text).unwrap_err();
    assert_eq!(wrong("a ${status.n"), (Some(Position { line: 1, column: 3 }), Problem::Unclosed));
    let (at, problem) = wrong("a\nb ${nobody}");
    assert_eq!((at, problem), (Some(Position { line: 2, column: 5 }), Problem::Variable("nobody".to_owned())));
    assert!(matches!(wrong(&"${1}".repeat(40)), (None, Problem::TooLarge(_))));
}

#[test]
fn a_message_has_an_end() {
    assert!(
        render(&"${spec.s + 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'}".repeat(30))
            .len()
            < 4_200
    );
}
