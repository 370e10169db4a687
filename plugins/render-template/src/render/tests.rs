//! Whole renders against the fake host.

use std::path::{Path, PathBuf};

use springline_sdk::fake::Host;
use springline_sdk::prelude::{Body, Value, json};

use super::*;
use crate::Plugin;

fn told(host: &Host, config: Value) -> Vec<String> {
    let Err(Error::Invalid(violations)) = host.render::<Plugin>(config) else { panic!("it rendered") };
    violations.iter().map(ToString::to_string).collect()
}

fn rendered(host: &Host, config: Value) -> Vec<(String, String)> {
    let objects = host.render::<Plugin>(config).unwrap();
    let text = |body| match body {
        Body::Inline(bytes) => String::from_utf8(bytes).unwrap(),
        Body::Blob(digest) | Body::Tree(digest) => digest,
    };
    objects.into_iter().map(|object| (object.id, text(object.body))).collect()
}

/// What one template, named `t`, renders to.
fn one(host: &Host, template: &str) -> String {
    host.add_input("t", template);
    rendered(host, json!({})).remove(0).1
}

#[test]
fn values_come_from_files_then_the_environment_then_the_config() {
    let host = Host::new();
    host.add_input("base.yaml", "image: {name: web, tag: one}\nreplicas: 1\nport: 80\n")
        .add_input("more.json", r#"{"image": {"tag": "two"}}"#)
        .add_input(
            "app.yaml.j2",
            "image: {{ image.name }}:{{ image.tag }}\nreplicas: {{ replicas }}\nport: {{ port }}\n",
        )
        .set_values(json!({ "replicas": 3, "image": { "tag": "three" }, "port": 81 }));
    let config = json!({ "values": ["base.yaml", "more.json"], "set": { "port": 82 } });
    assert_eq!(rendered(&host, config), [("app.yaml".into(), "image: web:three\nreplicas: 3\nport: 82\n".into())]);
}

#[test]
fn the_host_is_asked_only_for_what_is_used() {
    let host = Host::new();
    // The values of this environment are no mapping: whoever names a value learns of it.
    host.set_values(json!("none")).set_commit_time(12).set_revision("abc");
    assert_eq!(
        one(&host, "{{ application }} {{ environment }} {{ revision }} {{ commit_time }}"),
        "example test abc 12"
    );
    host.add_input("t", "{% set x = 1 %}{{ x }}{{ y }}");
    assert!(told(&host, json!({}))[0].starts_with("t:1: invalid operation: the values: "));
}

#[test]
fn artifacts_are_named_and_placed() {
    let host = Host::new();
    let digest = host.add_artifact("site", &[("index.html", "hi")]);
    let short = &digest["sha256:".len()..][..12];
    host.add_input(
        "t",
        "{{ artifacts.site.digest }} {{ artifacts['site'].short }}{% for name in artifacts %} {{ name }}{% endfor %}",
    );
    assert_eq!(
        rendered(&host, json!({ "place": { "www/site": "site" } })),
        [("www/site".into(), digest.clone()), ("t".into(), format!("{digest} {short} site"))]
    );
    assert_eq!(
        told(&host, json!({ "place": { "www/a": "siet", "../x": "site", "t": "site" } })),
        [
            "/place/..~1x: `../x` can't be an object's id: its parts may not be empty, `.` or `..`",
            "/place/t: t becomes the object `t` as well; rename one, or exclude the file",
            "/place/www~1a: the application declares no artifact `siet`; did you mean `site`?",
        ]
    );
}

#[test]
fn every_undefined_name_is_told_with_file_and_line() {
    let host = Host::new();
    host.add_artifact("site", &[("index.html", "hi")]);
    host.add_input("a.yaml", "x: 1\ny: {{ replcias }}\n")
        .add_input("b.yaml", "{% include '_part.j2' %}")
        .add_input("_part.j2", "\n\n{{ image.tga }}\n")
        .add_input("c.txt", "{{ artifacts.siet.digest }}")
        .add_input("d.txt", "{{ whatever }}")
        .add_input("e.txt", "{% for item in list %}{{ item.x }}{% endfor %}{{ values['repl'] }}")
        .set_values(json!({ "replicas": 1, "image": { "tag": "x" }, "list": [{}] }));
    assert_eq!(
        told(&host, json!({})),
        [
            "a.yaml:2: `replcias` is not defined; did you mean `replicas`?",
            "_part.j2:3: `image.tga` is not defined; did you mean `tag`?",
            "c.txt:1: `artifacts.siet` is not defined; did you mean `site`?",
            "d.txt:1: `whatever` is not defined",
            "e.txt:1: `item.x` is not defined",
        ]
    );
}

#[test]
fn a_default_is_no_undefined_name() {
    let host = Host::new();
    assert_eq!(one(&host, "{{ x | default('none') }}{% if y is defined %}!{% endif %}"), "none");
}

#[test]
fn whole_lines_of_tags_leave_nothing() {
    let host = Host::new();
    assert_eq!(one(&host, "a:\n  {% for n in range(2) %}\n  - {{ n }}\n  {% endfor %}\n"), "a:\n  - 0\n  - 1\n");
}

#[test]
fn filters_write_what_manifests_need() {
    let host = Host::new();
    host.set_values(json!({ "labels": { "b": "yes", "a": [1, { "c": null }] }, "text": "<&\"é" }));
    assert_eq!(one(&host, "x:\n  {{ labels | toyaml | indent(2) }}\n"), "x:\n  b: \"yes\"\n  a:\n  - 1\n  - c: null\n");
    assert_eq!(one(&host, "{{ text }} {{ 'abc' | b64encode }} {{ 'abc' | sha256 | length }}"), "<&\"é YWJj 64");
    assert_eq!(one(&host, "{{ labels | tojson }}"), r#"{"b": "yes", "a": [1, {"c": null}]}"#);
}

#[test]
fn templates_are_included_imported_and_extended() {
    let host = Host::new();
    host.add_input("_lib/macros.j2", "{% macro label(x) %}app: {{ x }}{% endmacro %}")
        .add_input("_lib/base.j2", "top\n{% block body %}{% endblock %}!\n")
        .add_input("sub/t.txt", "{% extends '../_lib/base.j2' %}{% block body %}{% from '_lib/macros.j2' import label %}{{ label('x') }}{% endblock %}");
    assert_eq!(rendered(&host, json!({})), [("sub/t.txt".into(), "top\napp: x!\n".into())]);
    host.add_input("sub/t.txt", "one\n{% include '_lib/macrso.j2' %}");
    assert_eq!(
        told(&host, json!({})),
        ["sub/t.txt:2: there is no template `_lib/macrso.j2` in the input directory; did you mean `_lib/macros.j2`?"]
    );
}

#[test]
fn what_does_not_end_is_ended() {
    let host = Host::new();
    host.add_input("a", "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}")
        .add_input("b", "{% include 'b' %}")
        .add_input("c", "{{ 'x' * 99999999999 }}")
        .add_input("d", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}");
    let told = told(&host, json!({}));
    assert_eq!(told.len(), 4, "{told:?}");
    assert!(told[0].contains("too much") && told[2].contains("too much"), "{told:?}");
    assert!(told[1].contains("recursion") && told[3].contains("recursion"), "{told:?}");
}

#[test]
fn output_must_be_what_its_name_says() {
    let host = Host::new();
    host.add_input("a.yaml.j2", "{% for x in range(2) %}\na: [{{ x }}\n{% endfor %}\n")
        .add_input("b.yml", "ok: 1\nx: y: z\n")
        .add_input("c.json", "{\"a\": {{ values | tojson }},}\n")
        .add_input("d.txt", "a: [")
        .add_input("e.yaml", "x: !Ref y\n---\n");
    let told = told(&host, json!({}));
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(
        told[0].starts_with("a.yaml.j2: what this renders to is no YAML: ") && told[0].contains("of the output: `"),
        "{told:?}"
    );
    assert!(told[1].starts_with("b.yml:2: this is no YAML: "), "{told:?}");
    assert!(
        told[2].contains("is no JSON: ") && told[2].ends_with("(line 1 of the output: `{\"a\": {},}`)"),
        "{told:?}"
    );
}

#[test]
fn what_is_wrong_with_values_is_told_with_its_place() {
    let host = Host::new();
    host.add_input("prod.yaml", "revision: 1\n").add_input("bad.yaml", "a: [\n");
    assert_eq!(
        told(&host, json!({ "values": ["prd.yaml", "deploy/prod.yaml", "prod.yaml"], "set": { "values": 1 } })),
        [
            "/values/0: there is no file `prd.yaml` in the input directory; did you mean `prod.yaml`?",
            "/values/1: there is no file `deploy/prod.yaml` in the input directory; paths start at the input directory, so it is `prod.yaml`",
            "prod.yaml:1: `revision` is what Springline itself tells templates; call the value something else",
            "/set/values: `values` is what Springline itself tells templates; call the value something else",
        ]
    );
    assert!(told(&host, json!({ "values": "bad.yaml" }))[0].starts_with("bad.yaml:"));
    assert!(told(&host, json!({ "values": "none" }))[0].starts_with("/values: "));
}

#[test]
fn other_files_pass_or_stay_out() {
    let host = Host::new();
    host.add_input("logo.png", b"\x89PNG\xff{{ x }}").add_input("notes/x.md", "{{ x }}").add_input("_x/y", "{{ x }}");
    let objects = host.render::<Plugin>(json!({ "exclude": ["notes/**"] })).unwrap();
    assert_eq!(objects.len(), 1);
    let Body::Blob(digest) = &objects[0].body else { panic!("{objects:?}") };
    assert_eq!(host.blob(digest).unwrap(), b"\x89PNG\xff{{ x }}");
    assert!(rendered(&host, json!({ "include": ["*.yaml"] })).is_empty());
    host.add_input("big", "x".repeat((1 << 20) + 1));
    let objects = host.render::<Plugin>(json!({ "include": ["big"] })).unwrap();
    assert!(matches!(objects[0].body, Body::Blob(_)));
}

#[test]
fn two_templates_of_one_object_are_refused() {
    let host = Host::new();
    host.add_input("a.yaml", "").add_input("a.yaml.j2", "");
    assert_eq!(
        told(&host, json!({})),
        ["a.yaml.j2: this and a.yaml would both become the object `a.yaml`; rename or exclude one"]
    );
}

/// The fixtures, or none where they are absent; on CI they must be there.
fn fixtures() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures");
    let path = std::env::var_os("SPRINGLINE_FIXTURES").map_or_else(beside, PathBuf::from);
    if path.is_dir() {
        return Some(path);
    }
    assert!(std::env::var_os("CI").is_none(), "the fixtures are absent: {}", path.display());
    println!("skipped: the fixtures are absent: {}", path.display());
    None
}

fn copy_into(host: &Host, directory: &Path) {
    for entry in files::walk(directory).unwrap() {
        host.add_input(&entry.path, files::read(directory, &entry.path).unwrap());
    }
}

#[test]
fn manifests_that_others_wrote_stay_as_they_are() {
    let Some(fixtures) = fixtures() else { return };
    let directory = fixtures.join("podinfo/kustomize");
    let host = Host::new();
    copy_into(&host, &directory);
    let objects = rendered(&host, json!({ "exclude": ["kustomization.yaml"] }));
    assert!(!objects.is_empty());
    for (id, text) in objects {
        assert_eq!(text, files::read_text(&directory, &id).unwrap());
    }
}

#[test]
fn a_chart_of_another_tool_is_refused_by_file() {
    let Some(fixtures) = fixtures() else { return };
    let host = Host::new();
    copy_into(&host, &fixtures.join("podinfo/charts"));
    let told = told(&host, json!({}));
    assert!(told.iter().all(|line| line.contains("/templates/")), "{told:#?}");
    assert!(told.len() > 5, "{told:#?}");
}
