use super::*;

fn lock() -> Lock {
    let mut lock = Lock::default();
    let digest = Digest::of("x");
    for (name, source, version) in [
        ("step-site", PluginSource::Builtin, Some("1.0")),
        ("./plugins/my plugin: #1.wasm", PluginSource::Path, None),
        (digest.to_string().as_str(), PluginSource::Digest, Some("0.1.0")),
    ] {
        lock.set(name, LockedPlugin { source, digest, version: version.map(Into::into), manifest: None, tag: None });
    }
    let manifest = Some(Digest::of("m"));
    let tag = Some("1.2.9".to_owned());
    let plugin = LockedPlugin { source: PluginSource::Registry, digest, version: None, manifest, tag };
    lock.set("oci://localhost:5000/team/step:>=1.2, <2", plugin);
    lock
}

#[test]
fn it_survives_being_written_and_read() {
    let text = lock().to_text();
    let read = Lock::parse("springline.lock", &text).unwrap();
    assert_eq!(read, lock());
    assert_eq!(read.to_text(), text);
    assert_eq!(read.get("step-site").unwrap().version.as_deref(), Some("1.0"), "quoted, as it looks like a number");
    assert_eq!(Lock::parse("springline.lock", &Lock::default().to_text()).unwrap(), Lock::default());
}

#[test]
fn the_order_of_setting_does_not_show() {
    let mut other = Lock::default();
    lock().iter().collect::<Vec<_>>().into_iter().rev().for_each(|(name, plugin)| {
        other.set(name, plugin.clone());
    });
    assert_eq!(other.to_text(), lock().to_text());
}

#[test]
fn a_plugin_is_one_block() {
    let mut one = lock();
    one.retain(|name| name == "step-site");
    let digest = Digest::of("x");
    let block = format!("plugins:\n  step-site:\n    source: builtin\n    digest: {digest}\n    version: \"1.0\"\n");
    assert!(one.to_text().ends_with(&block), "{}", one.to_text());
}

#[test]
fn a_name_and_its_pin_must_agree() {
    let (x, y) = (Digest::of("x"), Digest::of("y"));
    let text = format!(
        "version: 1\nplugins:\n  a: {{ source: path, digest: {x} }}\n  {y}: {{ source: digest, digest: {x} }}\n"
    );
    let error = Lock::parse("springline.lock", &text).unwrap_err();
    assert_eq!(error.issues.iter().map(|issue| issue.line).collect::<Vec<_>>(), [3, 4]);
}

#[test]
fn a_plugin_of_a_registry_is_pinned_by_its_manifest_too() {
    let (x, y) = (Digest::of("x"), Digest::of("y"));
    let text = format!(
        "version: 1\nplugins:\n  oci://r.io/a:1: {{ source: registry, digest: {x} }}\n  \"oci://r.io/a@{x}\": {{ source: registry, digest: {x}, manifest: {y} }}\n"
    );
    let error = Lock::parse("springline.lock", &text).unwrap_err();
    assert_eq!(error.issues.iter().map(|issue| issue.line).collect::<Vec<_>>(), [3, 4]);
}
