use super::*;

const NEW: &str = "sha256:0011";

#[track_caller]
fn edited(text: &str, pointer: &str) -> String {
    let after = set_value("f.yaml", text, pointer, NEW).unwrap();
    assert_eq!(value_at("f.yaml", &after, pointer).unwrap(), NEW);
    assert_eq!(set_value("f.yaml", &after, pointer, NEW).unwrap(), after, "again it changes nothing");
    after
}

/// Every form that a value can have, with what it becomes.
const FORMS: [(&str, &str); 25] = [
    ("a: old\n", "a: sha256:0011\n"),
    ("a: old", "a: sha256:0011"),
    ("a:   old   # why\nb: 1\n", "a:   sha256:0011   # why\nb: 1\n"),
    ("a: 'old' # it's\n", "a: 'sha256:0011' # it's\n"),
    ("a: \"old\"\n", "a: \"sha256:0011\"\n"),
    ("a: 12\n", "a: sha256:0011\n"),
    ("a: ~\n", "a: sha256:0011\n"),
    ("a: null # none yet\n", "a: sha256:0011 # none yet\n"),
    ("a:\nb: 1\n", "a: sha256:0011\nb: 1\n"),
    ("a:", "a: sha256:0011"),
    ("a:   # soon\nb: 1\n", "a: sha256:0011   # soon\nb: 1\n"),
    ("{a: old, b: 1}\n", "{a: sha256:0011, b: 1}\n"),
    ("{ \"a\": \"old\", b: [1, 2] }\n", "{ \"a\": \"sha256:0011\", b: [1, 2] }\n"),
    ("a: |\n  old\n  lines\nb: 1\n", "a: sha256:0011\nb: 1\n"),
    ("a: >-  # folded\n  old\n\n  lines\n\n\n# after\nb: 1\n", "a: sha256:0011  # folded\n\n\n# after\nb: 1\n"),
    ("a: old\r\nb: 1\r\n", "a: sha256:0011\r\nb: 1\r\n"),
    ("a: two\n  lines\nb: 1\n", "a: sha256:0011\nb: 1\n"),
    ("x: &x old\na: *x\nb: *x\n", "x: &x old\na: sha256:0011\nb: *x\n"),
    ("base: &base { k: 1 }\na: old\nc:\n  <<: *base\n", "base: &base { k: 1 }\na: sha256:0011\nc:\n  <<: *base\n"),
    ("a: !!str old\n", "a: !!str sha256:0011\n"),
    ("a: &x !!str 'old' # why\n", "a: &x !!str 'sha256:0011' # why\n"),
    ("a: >- # a > b | c\n  old\nb: 1\n", "a: sha256:0011 # a > b | c\nb: 1\n"),
    ("a: \"o\\\"ld\" # \"why\"\n", "a: \"sha256:0011\" # \"why\"\n"),
    ("\u{feff}a: old\n", "\u{feff}a: sha256:0011\n"),
    ("ü: \"ö\" # 日本\na: old\n", "ü: \"ö\" # 日本\na: sha256:0011\n"),
];

#[test]
fn a_value_is_set_whatever_form_it_has() {
    for (before, after) in FORMS {
        assert_eq!(edited(before, "/a"), after, "{before:?}");
    }
}

#[test]
fn places_are_found_at_any_depth() {
    let text = "# top\nimages:\n- name: web   # first\n  digest: old\n- name: db\n  digest: 'old' # second\n  more: {x: [1, {y: old}]}\n";
    let second = edited(text, "/images/1/digest");
    assert_eq!(second, text.replace("'old'", "'sha256:0011'"));
    let deep = edited(text, "/images/1/more/x/1/y");
    assert_eq!(deep, text.replace("y: old", "y: sha256:0011"));
    let escaped = edited("a/b:\n  c~d: old\n", "/a~1b/c~0d");
    assert_eq!(escaped, "a/b:\n  c~d: sha256:0011\n");
}

#[test]
fn values_that_would_be_misread_are_quoted() {
    for value in ["12345", "1e5", "true", "no", "null", "0x12", "a b", "a: b", "# x", "", "-", "12:30:45", "é", "it's"]
    {
        for text in ["a: old\nb: 1\n", "a: 'old'\nb: 1\n", "a: |\n  old\nb: 1\n", "a:\nb: 1\n", "{a: old, b: 1}"] {
            let after = set_value("f.yml", text, "/a", value).unwrap();
            assert_eq!(value_at("f.yml", &after, "/a").unwrap(), value, "{after:?}");
            assert_eq!(value_at("f.yml", &after, "/b").unwrap(), "1", "{after:?}");
        }
    }
}

#[test]
fn several_documents_are_looked_through() {
    let text = "---\nkind: A\n---\nkind: B\ndata:\n  v: old\n...\n";
    assert_eq!(edited(text, "/data/v"), text.replace("old", NEW));
    let error = set_value("f.yaml", text, "/kind", NEW).unwrap_err();
    assert!(error.to_string().contains("more than one document"), "{error}");
}

#[test]
fn what_is_not_there_is_told_with_what_is_near() {
    let text = "site:\n  digest: x\n  name: y\nlist: [1, 2]\n";
    let cases = [
        (
            "/site/digst",
            "`f.yaml` has nothing at `/site/digst`: `/site` has `digest`, `name`, the nearest key is `digest`",
        ),
        ("/stie", "its top has `site`, `list`"),
        ("/list/2", "`/list` is a list of 2, counted from 0"),
        ("/list/01", "`/list` is a list of 2"),
        ("/site/name/x", "`/site/name` is a single value"),
        ("site", "a pointer starts with `/`"),
    ];
    for (pointer, words) in cases {
        let error = set_value("f.yaml", text, pointer, NEW).unwrap_err();
        assert!(matches!(error, EditError::Missing { .. }) && error.to_string().contains(words), "{pointer}: {error}");
    }
    assert!(matches!(set_value("f.yaml", "", "/a", NEW), Err(EditError::Missing { .. })));
    assert!(matches!(set_value("f.yaml", "# only a comment\n", "/a", NEW), Err(EditError::Missing { .. })));
}

#[test]
fn what_is_no_single_value_of_its_own_stays() {
    let cases = [
        ("a: [1]\n", "is not a single value"),
        ("a: {b: 1}\n", "is not a single value"),
        ("a: &x old\nb: *x\n", "that other places refer to"),
        ("a: 1\na: 2\n", "is named twice"),
        ("a: !!int 1\n", "is not for text"),
    ];
    for (text, words) in cases {
        let error = set_value("f.yaml", text, "/a", NEW).unwrap_err();
        assert!(error.to_string().contains(words), "{text}: {error}");
    }
    for text in ["a: [", "a: 'x", "\ta: 1\n- b\n", "a: *nobody\n"] {
        assert!(matches!(set_value("f.yaml", text, "/a", NEW), Err(EditError::Unreadable { .. })), "{text}");
    }
}

#[test]
fn what_others_refer_to_as_a_part_of_something_stays() {
    for (text, pointer, is_set) in [
        ("base: &base {digest: old}\nprod: *base\n", "/base/digest", false),
        ("base: &base\n  digest: old\nprod:\n  <<: *base\n  more: 1\n", "/base/digest", false),
        ("base: &base\n  deep: [1, {digest: old}]\nprod:\n  <<: [*base]\n", "/base/deep/1/digest", false),
        ("list: &list [{digest: old}]\nprod: *list\n", "/list/0/digest", false),
        // What is beside it, or refers to others itself, is its own.
        ("base: &base {digest: x}\nprod:\n  <<: *base\n  digest: old\n", "/prod/digest", true),
        ("base: &base {digest: old}\n", "/base/digest", true),
        ("a: {digest: old, b: &b 1}\nc: *b\n", "/a/digest", true),
    ] {
        assert!(value_at("f.yaml", text, pointer).is_ok(), "it can be read: {text}");
        match set_value("f.yaml", text, pointer, NEW) {
            Ok(after) => assert!(is_set && after == text.replace("old", NEW), "{after}"),
            Err(error) => assert!(!is_set && error.to_string().contains("other places refer to"), "{text}: {error}"),
        }
    }
}

#[test]
fn json_keeps_its_shape() {
    let text = "{\r\n\t\"b\" : [ 1, {\"c\\u0041\": \"old \\\"x\\\"\"} ],\r\n\t\"n\": null\r\n}\r\n";
    let after = set_value("f.json", text, "/b/1/cA", NEW).unwrap();
    assert_eq!(after, text.replace("\"old \\\"x\\\"\"", "\"sha256:0011\""));
    assert_eq!(set_value("f.json", text, "/n", "q\"").unwrap(), text.replace("null", "\"q\\\"\""));
    assert_eq!(value_at("f.json", &after, "/b/1/cA").unwrap(), NEW);
    for (pointer, words) in
        [("/b/2", "a list of 2"), ("/x", "the nearest key"), ("/b", "not a single value"), ("/n/x", "single value")]
    {
        let error = set_value("f.json", text, pointer, NEW).unwrap_err().to_string();
        assert!(error.contains(words) || pointer == "/x", "{error}");
    }
    assert!(set_value("f.json", "{\"a\":1,\"a\":2}", "/a", NEW).unwrap_err().to_string().contains("twice"));
    assert!(matches!(set_value("f.json", "{\"a\":", "/a", NEW), Err(EditError::Unreadable { .. })));
}

/// Documents put together at random: every scalar of every one is set, and nothing else moves.
#[test]
fn nothing_but_the_value_moves() {
    let seed = std::env::var("SPRINGLINE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0x5eed_1e55_u64);
    println!("SPRINGLINE_SEED={seed}");
    let mut random = Random(seed);
    for _ in 0..60 {
        let mut pointers = Vec::new();
        let end = ["\n", "\r\n"][random.below(2)];
        let text = random.mapping(0, "", &mut pointers, end);
        for pointer in &pointers {
            let before: Vec<_> = pointers.iter().map(|p| value_at("f.yaml", &text, p).unwrap()).collect();
            let after = set_value("f.yaml", &text, pointer, NEW).unwrap_or_else(|error| panic!("{error}\n{text}"));
            for (other, before) in pointers.iter().zip(before) {
                let now = value_at("f.yaml", &after, other).unwrap();
                assert_eq!(now, if other == pointer { NEW.to_owned() } else { before }, "{other} in\n{after}");
            }
            let start = text.bytes().zip(after.bytes()).take_while(|(a, b)| a == b).count();
            let rest = text.bytes().rev().zip(after.bytes().rev()).take_while(|(a, b)| a == b).count();
            assert!(after.len() <= start + rest + NEW.len() + 3, "more than the value is new in\n{after}");
            assert_eq!(text.matches('#').count(), after.matches('#').count(), "{after}");
        }
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }

    fn mapping(&mut self, depth: usize, at: &str, pointers: &mut Vec<String>, end: &str) -> String {
        let indent = "  ".repeat(depth);
        let mut text = String::new();
        for key in 0..1 + self.below(4) {
            let pointer = format!("{at}/k{key}");
            if self.below(4) == 0 {
                text.push_str(&format!("{indent}# about k{key}{end}"));
            }
            if depth < 3 && self.below(3) == 0 {
                text.push_str(&format!("{indent}k{key}:{end}{}", self.mapping(depth + 1, &pointer, pointers, end)));
                continue;
            }
            let value = match self.below(9) {
                0 => "plain text".to_owned(),
                1 => "'single ''quoted'''".to_owned(),
                2 => "\"double \\\"quoted\\\"\"  # why".to_owned(),
                3 => "12".to_owned(),
                4 => String::new(),
                5 => format!("|{end}{indent}  block{end}{indent}  lines"),
                6 => format!("{{ x: a, 'y': [ b, \"c\" ] }} # flow {key}"),
                7 => "sha256:ffee   # digest".to_owned(),
                _ => format!(">-{end}{indent}  folded{end}{end}{indent}  lines"),
            };
            if value.starts_with('{') {
                pointers.extend(["x", "y/0", "y/1"].map(|below| format!("{pointer}/{below}")));
            } else {
                pointers.push(pointer);
            }
            let blank = if value.is_empty() { "" } else { " " };
            text.push_str(&format!("{indent}k{key}:{blank}{value}{end}"));
        }
        text
    }
}
