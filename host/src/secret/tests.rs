use super::*;

#[test]
fn values_of_secrets_are_hidden_and_their_changes_are_seen() {
    let secret = |key: &str, other: &str| {
        format!(
            "# token\napiVersion: v1\nkind: Secret\nmetadata: {{ name: a }}\nstringData: {{ key: {key}, other: {other} }}\n"
        )
    };
    let mut mask = Mask::default();
    let (one, other) = (mask.hide(&secret("hunter2", "same")), mask.hide(&secret("hunter3", "same")));
    for text in [&one, &other] {
        assert!(!text.contains("hunter") && !text.contains("same") && text.contains("name: a"), "{text}");
    }
    assert!(one.contains("<hidden, value 1>") && other.contains("<hidden, value 3>"));
    assert!(one.contains("<hidden, value 2>") && other.contains("<hidden, value 2>"));
}

#[test]
fn they_are_found_wherever_they_are() {
    let list = r#"{"kind":"List","items":[{"kind":"ConfigMap","data":{"a":"shown"}},{"kind":"Secret","data":{"a":"aHVudGVyMg=="}}]}"#;
    let several = "kind: ConfigMap\ndata: { a: shown }\n---\nkind: \"\\x53ecret\"\ndata:\n  a: aHVudGVyMg==\n";
    let odd = "kind: Secret\nmetadata: { annotations: { kubectl.kubernetes.io/last-applied-configuration: 'aHVudGVyMg==' } }\ndata: aHVudGVyMg==\nx: shown\n";
    for text in [list, several, odd] {
        let hidden = Mask::default().hide(text);
        assert!(!hidden.contains("aHVudGVyMg") && hidden.contains("shown"), "{hidden}");
    }
    // Targets read these, and the reader of YAML does not.
    let pair = r#"{"kind":"Secret","metadata":{"name":"shown","annotations":{"note":"\ud83d\ude00"}},"data":{"k":"aHVudGVyMg=="}}"#;
    let lines = "{\"kind\":\"ConfigMap\",\"data\":{\"a\":\"shown\"}}\n{\"kind\":\"Secret\",\"data\":{\"k\":\"aHVudGVyMg==\"}}\n";
    let great = r#"{"kind":"Secret","x":"shown","y":123456789012345678901234567890,"data":{"k":"aHVudGVyMg=="}}"#;
    for text in [pair, lines, great] {
        let hidden = Mask::default().hide(text);
        assert!(
            !hidden.contains("aHVudGVyMg") && hidden.contains("shown") && hidden.contains("<hidden, value"),
            "{hidden}"
        );
    }
    for text in [
        r#"{"kind":"Secret","kind":"ConfigMap","data":{"k":"aHVudGVyMg=="}}"#,
        r#"{"kind":"ConfigMap","data":{"k":"aHVudGVyMg=="},"kind":"Secret"}"#,
        "- a: [\n- {apiVersion: v1, kind: Secret, data: {k: aHVudGVyMg==}}\n",
        "{apiVersion: v1, kind: Secret, data: {k: aHVudGVyMg==}",
        "apiVersion: v1\n\"\\x6bind\": \"\\x53ecret\"\n\"\\x64ata\": [",
        "{\"kind\":\"Secret\",\"data\":{\"k\":\"aHVudGVyMg==\"}} and more",
    ] {
        assert_eq!(Mask::default().hide(text), HIDDEN, "{text}");
    }
    let broken = "kind: Secret\ndata: { a: aHVudGVyMg==\n";
    assert_eq!(Mask::default().hide(broken), HIDDEN);
}

#[test]
fn what_a_target_has_hidden_stays_told_apart_and_tells_nothing_else() {
    let text = "kind: Secret\ndata:\n  a: <hidden, 7 bytes, 3f9a1c2b>\n  b: <hidden, 8 bytes, 3f9a1c2c>\n";
    let hidden = Mask::default().hide(text);
    assert!(hidden.contains("<hidden, value 1>") && hidden.contains("<hidden, value 2>"), "{hidden}");
    assert!(!hidden.contains("bytes") && !hidden.contains("3f9a"), "{hidden}");
}

#[test]
fn other_texts_stay_as_they_are() {
    for text in [
        "",
        "kind:   ConfigMap # Secret\ndata: {a:  1}\n",
        "<p>kind of a Secret: data</p>\n",
        "var a = /\\b/; // a \\n of no kind: [",
    ] {
        assert_eq!(Mask::default().hide(text), text);
    }
}

/// What is pushed to git would be shown as it is, and the other way around.
fn is_one(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let hides = Mask::default().hide(&text) != text;
    assert_eq!(is_in(bytes), hides, "{text}");
    hides
}

#[test]
fn a_secret_is_found_in_every_form() {
    for text in [
        "apiVersion: v1\nkind: Secret\nstringData:\n  password: x\n",
        "kind: Secret\ndata: {a: Yg==}\n",
        "apiVersion: example.org/v9\nkind: Secret\ndata: {a: Yg==}\n",
        "apiVersion: v1\nkind: \"Secret\" # yes\ndata: {a: Yg==}\n",
        "apiVersion: v1\nkind: !!str Secret\ndata: {a: Yg==}\n",
        "apiVersion: v1\nkind: !!binary U2VjcmV0\ndata: {a: Yg==}\n",
        "apiVersion: v1\nkind: &k Secret\ndata: {a: Yg==}\n",
        "apiVersion: v1\nkind: >-\n  Secret\ndata: {a: Yg==}\n",
        "apiVersion: v1\nkind: |\n  Secret\ndata: {a: Yg==}\n",
        "apiVersion: v1\nkind: # what\n  Secret\ndata: {a: Yg==}\n",
        "apiVersion: v1\n? kind\n: Secret\n? data\n: {a: Yg==}\n",
        "apiVersion: v1\nkind: \"S\\u0065cret\"\ndata: {a: Yg==}\n",
        "apiVersion: v1\nkind: \"S\\U00000065cret\"\ndata: {a: Yg==}\n",
        "apiVersion: v1\nkind: \"Sec\\\n  ret\"\ndata: {a: Yg==}\n",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: 1\n",
        "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: \"a\"\n",
        // Several documents, and ends of lines.
        "apiVersion: v1\nkind: ConfigMap\n---\n'kind' : 'Secret'\napiVersion: v1\n\"stringData\": { a: b }\n",
        "apiVersion: v1\r\nkind: Secret\r\nstringData:\r\n  password: x\r\n",
        "apiVersion: v1\rkind: Secret\rstringData:\r  password: x\r",
        "apiVersion: v1\u{85}kind: Secret\u{2028}stringData: {a: b}\u{2029}",
        "\u{feff}kind: Secret\ndata: {a: Yg==}\n",
        "kind: ConfigMap\n---\n\u{feff}kind: Secret\ndata: {a: Yg==}\n",
        "kind: ConfigMap\n...\nkind: Secret\ndata: {a: Yg==}\n",
        // Lists.
        "apiVersion: v1\nkind: List\nitems:\n- kind: Secret\n  data:\n    a: Yg==\n",
        "apiVersion: v1\nkind: SecretList\nitems:\n- metadata: {name: a}\n  data:\n    a: Yg==\n",
        "{\"kind\":\"SecretList\",\"items\":[{\"metadata\":{},\"stringData\":{\"a\":\"b\"}}]}",
        "{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[{\"kind\":\"Secret\",\"stringData\":{\"a\":\"b\"}}]}",
        "- kind: Secret\n  data: {a: Yg==}\n",
        // JSON, also more than one, also in YAML, also in texts.
        "{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"data\":{\"a\":\"Yg==\"}}",
        "{\"a\":1}{\"kind\":\"Secret\",\"data\":{\"a\":\"Yg==\"}}",
        "\u{feff}{\"kind\"\r\n:\t\"Secret\",\"data\":{\"a\":\"Yg==\"}}",
        "# a\n{\"kind\":\"Secret\",\"data\":{\"a\":\"Yg==\"}}\n---\n{}\n",
        "kind: ConfigMap\ndata:\n  a.json: '{\"kind\":\"Secret\",\"data\":{\"a\":\"Yg==\"}}'\n",
        "kind: ConfigMap\ndata:\n  a.yaml: |\n    kind: Secret\n    stringData:\n      a: b\n",
        "{\"kind\":\"ConfigMap\",\"data\":{\"a\":\"{\\\"k\\\\u0069nd\\\":\\\"Secret\\\",\\\"data\\\":{\\\"a\\\":\\\"Yg==\\\"}}\"}}",
        // Anchors, aliases and merge keys.
        "a: &k Secret\nb: {kind: *k, data: {a: Yg==}}\n",
        "a: &d {a: Yg==}\nb: {kind: Secret, data: *d}\n",
        "a: &s {kind: Secret}\nb: {<<: *s, stringData: {a: b}}\n",
        "a: &s {kind: Secret}\nb: {<<: [*s, {stringData: {a: b}}]}\n",
        // A key twice, whichever of them a reader takes.
        "{\"kind\":\"Secret\",\"kind\":\"ConfigMap\",\"data\":{\"a\":\"Yg==\"}}",
        "{\"kind\":\"ConfigMap\",\"data\":{\"a\":\"Yg==\"},\"kind\":\"Secret\"}",
        "{\"kind\":\"Secret\",\"data\":{},\"data\":{\"a\":\"Yg==\"}}",
        "kind: ConfigMap\ndata: {a: Yg==}\nkind: Secret\n",
        "kind: Secret\ndata: {a: Yg==}\n\"k\\x69nd\": ConfigMap\n",
        // What nothing reads.
        "kind: Secret\ndata:\n  password: {{ .Values.password | b64enc }}\n",
        "kind: &k\n  Secret\ndata: [",
        "kind: *k\nother: Secret\ndata: {a: Yg==}\n",
        "var a = {kind: 'Secret', data: {a: 'Yg=='}};",
        "post(\"{\\\"kind\\\":\\\"Secret\\\",\\\"data\\\":{\\\"a\\\":\\\"Yg==\\\"}}\");",
        "<pre>\nkind: Secret\ndata:\n  a: Yg==\n</pre>\n<script>{",
        "a page about kind: Secret and data: more\n",
        "a:\n\tkind: Secret\n\tdata: {a: Yg==}\n",
        "kind: Secret\ndata: {a: !vault Yg==}\n",
    ] {
        assert!(is_one(text.as_bytes()), "{text}");
    }
}

#[test]
fn a_secret_is_found_in_every_encoding() {
    let text = "kind: Secret\ndata: {a: Yg==, ü: €}\n";
    let wide = |bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect::<Vec<u8>>();
    let wider = |bytes: fn(u32) -> [u8; 4]| text.chars().flat_map(|c| bytes(c.into())).collect::<Vec<u8>>();
    let latin = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect::<Vec<u8>>();
    let all = [
        wide(u16::to_le_bytes),
        wide(u16::to_be_bytes),
        [&b"\xff\xfe"[..], &wide(u16::to_le_bytes)].concat(),
        [&b"\xfe\xff"[..], &wide(u16::to_be_bytes)].concat(),
        wider(u32::to_le_bytes),
        [&b"\0\0\xfe\xff"[..], &wider(u32::to_be_bytes)].concat(),
        [&b"\xff\xfe\0\0"[..], &wider(u32::to_le_bytes)].concat(),
        latin,
        [&b"\xef\xbb\xbf"[..], text.as_bytes()].concat(),
    ];
    for (at, bytes) in all.iter().enumerate() {
        assert!(is_one(bytes), "{at}");
    }
}

#[test]
fn what_only_speaks_of_secrets_is_left_alone() {
    for text in [
        "apiVersion: v1\nkind: ConfigMap\ndata:\n  a: b\n",
        "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nspec: {data: [{secretKey: a}]}\n",
        "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nspec: {encryptedData: {a: b}}\n",
        "apiVersion: v1\nkind: Secret\ntype: Opaque\n",
        "apiVersion: v1\nkind: Secret\ndata: {}\n",
        "apiVersion: v1\nkind: Secret\ndata:\nstringData: ~\n",
        "{\"apiVersion\":\"v1\",\"kind\":\"SecretStore\",\"data\":{\"a\":1}}",
        "kind: HelmRelease\nspec: {valuesFrom: [{kind: Secret, name: a}]}\ndata: {a: b}\n",
        "kind: ConfigMap\ndata: {a: b}\n---\nkind: Secret\ntype: Opaque\n",
        "kind: ConfigMap\ndata: {a: 'which kind of Secret: data?'}\n",
        "A Secret of which kind?\nIts data say.\n",
        "var a = '\\u00a0', kind = 'x', data = 'Secret'; {",
        "<html><p>Secret</p><p>kind: of</p><p>data: [</p>\n",
        "{\"kind\":\"SecretList\",\"items\":[{\"metadata\":{}}]}",
    ] {
        assert!(!is_one(text.as_bytes()), "{text}");
    }
}

#[test]
fn texts_in_texts_are_looked_at_as_deep_as_one_wants() {
    let mut text = "kind: Secret\ndata: {a: Yg==}\n".to_owned();
    for depth in 0..40 {
        assert!(is_one(text.as_bytes()), "{depth}");
        text = format!("a: |\n{}", text.lines().map(|line| format!(" {line}\n")).collect::<String>());
    }
    let mut text = "a Secret of no kind, without data".to_owned();
    for depth in 0..DEPTH {
        assert!(!is_one(text.as_bytes()), "{depth}");
        text = format!("a: |\n{}", text.lines().map(|line| format!(" {line}\n")).collect::<String>());
    }
    for open in ["[", "{\"kind\":", "{kind: [", "- ", "'", "\"\\"] {
        let deep = format!("{}Secret data", open.repeat(20_000));
        is_one(deep.as_bytes());
    }
}
