use serde_json::json;

use super::*;

fn parse(text: &str) -> Document {
    Document::parse("t.yaml", text).unwrap()
}

fn issues(text: &str) -> Vec<(u32, u32, String)> {
    let error = Document::parse("t.yaml", text).unwrap_err();
    error.issues.into_iter().map(|issue| (issue.line, issue.column, issue.message)).collect()
}

#[test]
fn every_form_of_yaml_is_read() {
    let document = parse(
        "a: 1\nb: [x, 'y', \"\\u007a\"]\nc:\n  - {d: true}\n  - |\n    two\n    lines\ne: ~\nf: !!str 5\ng: ! 6\nh:\n",
    );
    let expected = json!({
        "a": 1, "b": ["x", "y", "z"], "c": [{ "d": true }, "two\nlines\n"], "e": null, "f": "5", "g": "6", "h": null,
    });
    assert_eq!(document.to_json(), expected);
    assert_eq!(document.to_json().to_string(), expected.to_string(), "the order is kept");
}

#[test]
fn a_pointer_finds_its_place() {
    let document = parse("a:\n  b: [x, yy]\n  c/d:\n    - e: 1\n    -\n      f: ü\n  g:\nh: \"é\"\n");
    for (pointer, place) in [
        ("/a", (1, 1)),
        ("/a/b", (2, 3)),
        ("/a/b/1", (2, 10)),
        ("/a/c~1d/0", (4, 7)),
        ("/a/c~1d/0/e", (4, 10)),
        ("/a/c~1d/1/f", (6, 10)),
        ("/a/g", (7, 3)),
        ("/h", (8, 4)),
        ("/h/nothing/there", (8, 4)),
        ("/a/missing", (1, 1)),
        ("", (1, 1)),
    ] {
        assert_eq!(locate(&document, pointer), place, "{pointer}");
    }
    assert_eq!(document.span_at("/a/b/1").length, 2);
    assert_eq!(document.key_span_at("/h").column, 1);
}

#[test]
fn aliases_stand_for_what_they_name() {
    let document = parse("a: &x {b: 1}\nc: *x\nd: [*x, *x]\n");
    assert_eq!(document.to_json(), json!({ "a": { "b": 1 }, "c": { "b": 1 }, "d": [{ "b": 1 }, { "b": 1 }] }));
    assert_eq!(locate(&document, "/d/1/b"), (1, 11), "where it is written");
    assert_eq!(locate(&document, "/c"), (2, 1));
}

#[test]
fn aliases_do_not_make_much_of_little() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..20 {
        let below = format!("*a{}, ", level - 1).repeat(10);
        text += &format!("a{level}: &a{level} [{below}]\n");
    }
    assert!(issues(&text)[0].2.contains("more than 500000 values"));
    assert_eq!(issues("a: &a [*a]\n")[0].2, "this alias stands inside of what it names");
}

#[test]
fn depth_and_size_have_an_end() {
    assert!(Document::parse("t.yaml", &"[".repeat(60)).is_err());
    assert!(issues(&"[".repeat(100))[0].2.contains("more than 64 levels deep"));
    assert!(issues(&"[".repeat(100_000))[0].2.contains("recursion limit"));
    assert!(issues(&"- ".repeat(100_000))[0].2.contains("more than 64 levels deep"));
    assert!(issues(&"a".repeat(5 << 20))[0].2.contains("are read at most"));
    let deep = format!("a: &a {}{}\nb: {}*a{}\n", "[".repeat(40), "]".repeat(40), "[".repeat(40), "]".repeat(40));
    assert!(issues(&deep)[0].2.contains("aliases written out"));
}

#[test]
fn all_doubles_are_told() {
    assert_eq!(
        issues("a: 1\nb:\n  c: 1\n  c: 2\na: {d: 1}\n"),
        [
            (4, 3, "the key `c` is here twice: first on line 3".to_owned()),
            (5, 1, "the key `a` is here twice: first on line 1".to_owned()),
        ]
    );
}

#[test]
fn what_is_easily_misread_is_refused() {
    for (text, message) in [
        ("<<: {a: 1}\n", "merge keys (`<<`) are not supported"),
        ("1: a\n", "the key `1` is not text"),
        ("true: a\n", "the key `true` is not text"),
        ("a: 0644\n", "`0644` could be text or a number"),
        ("a: {{ x }}\n", "a list, a mapping or an alias can't be a key"),
        ("? [a]\n: b\n", "a list, a mapping or an alias can't be a key"),
        (": b\n", "a key is missing"),
        ("a: !Ref b\n", "the tag `!Ref` is not supported here"),
        ("a: !!int x\n", "the tag `!!int` is not supported here"),
        ("a: 1\n---\nb: 2\n", "a second document begins here, and the file may hold one"),
        ("a: *b\n", "not valid YAML: while parsing node, found unknown anchor"),
    ] {
        assert_eq!(issues(text)[0].2, message, "{text:?}");
    }
    assert_eq!(parse("\"<<\": 1\n\"1\": 2\n").to_json(), json!({ "<<": 1, "1": 2 }));
}

#[test]
fn no_text_makes_it_panic() {
    // Every prefix, and every text with one character dropped, of something that has it all.
    let text =
        "%YAML 1.2\n---\n&a a: [1, {b: *a}, 'c', \"d\\n\"]\n? e\n: !!str |2-\n   f\n<<: >\n g\n\th: -\n...\n---\n";
    for (at, c) in text.char_indices() {
        let _ = Document::parse("t.yaml", &text[..at]).map(|document| document.to_json());
        let _ = Document::parse("t.yaml", &format!("{}{}", &text[..at], &text[at + c.len_utf8()..]))
            .map_err(|e| e.to_string());
    }
}

#[test]
fn a_plugins_violations_get_their_lines() {
    let document = parse("steps:\n  - with: { a: 1 }\n");
    let violation = |pointer: Option<&str>| Violation {
        message: "no".into(),
        file: Some("x.md".into()),
        line: Some(3),
        pointer: pointer.map(Into::into),
    };
    let error = document.violations("/steps/0/with", "step-site", &[violation(Some("/a")), violation(None)]);
    let told: Vec<_> = error.issues.iter().map(|issue| (issue.column, issue.message.as_str())).collect();
    assert_eq!(told, [(5, "plugin `step-site`: x.md:3: no"), (16, "plugin `step-site`: no")]);
}

#[test]
fn one_that_is_folded_tells_the_same_places() {
    let text = "a: [1, { b: c }]\nd: e\n";
    let (document, folded) = (parse(text), parse(text).folded());
    for pointer in ["", "/a/1/b", "/d", "/nothing"] {
        assert_eq!(folded.span_at(pointer), document.span_at(pointer), "{pointer}");
    }
    assert_eq!(folded.to_json(), document.to_json());
}
