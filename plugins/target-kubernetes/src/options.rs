//! What an object's annotations ask for: Argo CD's, Helm's, and our own.

use springline_sdk::prelude::*;

/// Argo CD's list of wishes, separated by commas.
const SYNC_OPTIONS: &str = "argocd.argoproj.io/sync-options";
/// Argo CD's wave, a number.
pub const SYNC_WAVE: &str = "argocd.argoproj.io/sync-wave";
/// Helm's wave of a hook, a number.
pub const HELM_WEIGHT: &str = "helm.sh/hook-weight";
/// Whether Argo CD leaves the object out of the application's health.
const IGNORE_HEALTH: &str = "argocd.argoproj.io/ignore-healthcheck";
/// What Helm does with an object when its release goes.
const RESOURCE_POLICY: &str = "helm.sh/resource-policy";
/// Ours, for what the others have no word for.
const REPLACE: &str = "springline.dev/replace";
const PRUNE: &str = "springline.dev/prune";

/// What an object's annotations ask for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Why it is not removed when it is no longer desired: the annotation that says so.
    pub kept: Option<String>,
    /// Why it is not removed when nothing is desired any more.
    pub kept_at_end: Option<String>,
    /// Whether it is removed after everything else.
    pub prune_last: bool,
    /// Whether it is deleted and made anew where it can't be changed in place.
    pub replace: bool,
    /// Whether fields of other managers are taken over.
    pub force: bool,
    /// Whether its kind may be missing when it is planned.
    pub kind_may_be_missing: bool,
    /// Whether its health counts.
    pub ignore_health: bool,
}

impl Options {
    /// Reads an object's annotations.
    pub fn of(object: &Value) -> Self {
        let mut options = Self::default();
        let text = |key: &str| annotation(object, key);
        for option in text(SYNC_OPTIONS).unwrap_or_default().split(',').map(str::trim) {
            options.add(option);
        }
        if text(RESOURCE_POLICY).is_some_and(is_keep) {
            options.kept = Some(format!("{RESOURCE_POLICY}: keep"));
        }
        if text(PRUNE) == Some("false") {
            options.kept = Some(format!("{PRUNE}: \"false\""));
        }
        options.replace |= text(REPLACE) == Some("true");
        options.ignore_health = text(IGNORE_HEALTH) == Some("true");
        options
    }

    fn add(&mut self, option: &str) {
        let because = || Some(format!("{SYNC_OPTIONS}: {option}"));
        match option {
            "Prune=false" | "Prune=confirm" => self.kept = because(),
            "Delete=false" | "Delete=confirm" => self.kept_at_end = because(),
            "PruneLast=true" => self.prune_last = true,
            "Force=true" => self.replace = true,
            "Replace=true" => self.force = true,
            "SkipDryRunOnMissingResource=true" => self.kind_may_be_missing = true,
            _ => {}
        }
    }
}

/// What stands in an object's annotations and says nothing to anybody: a misspelt option would be left
/// out without a word, and an object removed that was to be kept.
pub fn unknown(object: &Value) -> Vec<String> {
    let mut unknown = Vec::new();
    let words = annotation(object, SYNC_OPTIONS).unwrap_or_default().split(',').map(str::trim);
    for option in words.filter(|option| !option.is_empty() && !is_known(option)) {
        unknown.push(format!("`{option}` is none of the options that {SYNC_OPTIONS} can have, and changes nothing"));
    }
    for key in [SYNC_WAVE, HELM_WEIGHT] {
        if let Some(text) = annotation(object, key).filter(|_| number(object, key).is_none()) {
            unknown.push(format!("`{text}` is no number, so that {key} changes nothing"));
        }
    }
    for key in [PRUNE, REPLACE, IGNORE_HEALTH] {
        if let Some(text) = annotation(object, key).filter(|text| !matches!(*text, "true" | "false")) {
            unknown.push(format!("`{text}` is neither true nor false, so that {key} changes nothing"));
        }
    }
    if let Some(text) = annotation(object, RESOURCE_POLICY).filter(|text| !is_keep(text)) {
        unknown.push(format!("`{text}` is not keep, so that {RESOURCE_POLICY} changes nothing"));
    }
    unknown
}

/// Whether Helm takes it for its word: it minds neither case nor spaces.
fn is_keep(text: &str) -> bool {
    text.trim().eq_ignore_ascii_case("keep")
}

/// Whether Argo CD has such an option, or would have it for a whole application.
fn is_known(option: &str) -> bool {
    let Some((key, value)) = option.split_once('=') else { return false };
    match key {
        "Prune" | "Delete" => matches!(value, "true" | "false" | "confirm"),
        "PrunePropagationPolicy" => matches!(value, "foreground" | "background" | "orphan"),
        "ApplyOutOfSyncOnly"
        | "ClientSideApplyMigration"
        | "CreateNamespace"
        | "FailOnSharedResource"
        | "Force"
        | "PruneLast"
        | "Replace"
        | "RespectIgnoreDifferences"
        | "ServerSideApply"
        | "SkipDryRunOnMissingResource"
        | "Validate" => matches!(value, "true" | "false"),
        _ => false,
    }
}

/// An annotation of an object.
pub fn annotation<'o>(object: &'o Value, key: &str) -> Option<&'o str> {
    object.get("metadata")?.get("annotations")?.get(key)?.as_str()
}

/// The number that an annotation holds, if it holds one.
pub fn number(object: &Value, key: &str) -> Option<i32> {
    annotation(object, key)?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(annotations: Value) -> Options {
        Options::of(&json!({ "metadata": { "annotations": annotations } }))
    }

    #[test]
    fn every_tool_s_annotations_are_heeded() {
        assert_eq!(Options::of(&json!({ "metadata": {} })), Options::default());
        let argo =
            options(json!({ SYNC_OPTIONS: "Prune=false, Force=true,Replace=true,SkipDryRunOnMissingResource=true" }));
        assert_eq!(argo.kept.as_deref(), Some("argocd.argoproj.io/sync-options: Prune=false"));
        assert!(argo.replace && argo.force && argo.kind_may_be_missing && !argo.prune_last);
        assert!(options(json!({ SYNC_OPTIONS: "PruneLast=true" })).prune_last);
        let at_end = options(json!({ SYNC_OPTIONS: "Delete=false" }));
        assert!(at_end.kept.is_none() && at_end.kept_at_end.is_some());
        for keep in ["keep", " Keep "] {
            let kept = options(json!({ RESOURCE_POLICY: keep })).kept;
            assert_eq!(kept.as_deref(), Some("helm.sh/resource-policy: keep"));
        }
        assert!(options(json!({ PRUNE: "false" })).kept.is_some());
        assert!(options(json!({ REPLACE: "true" })).replace);
        assert!(options(json!({ IGNORE_HEALTH: "true" })).ignore_health);
        assert_eq!(options(json!({ SYNC_OPTIONS: "Prune=true,Unknown=1", PRUNE: "true" })), Options::default());
    }

    #[test]
    fn what_is_misspelt_is_told() {
        let told = |annotations: Value| unknown(&json!({ "metadata": { "annotations": annotations } }));
        assert!(unknown(&json!({ "metadata": {} })).is_empty());
        let known = "Prune=confirm, Delete=false,PruneLast=true,ServerSideApply=false,PrunePropagationPolicy=orphan,";
        assert!(told(json!({ SYNC_OPTIONS: known, SYNC_WAVE: " -3 " })).is_empty());
        assert!(
            told(json!({ RESOURCE_POLICY: " Keep", PRUNE: "false", REPLACE: "true", HELM_WEIGHT: "5" })).is_empty()
        );
        let wrong = told(json!({ SYNC_OPTIONS: "Prune=False,Prun=false, Validate", SYNC_WAVE: "soon",
            HELM_WEIGHT: "1.5", PRUNE: "False", RESOURCE_POLICY: "kept" }));
        let words = [
            "`Prune=False` is none",
            "`Prun=false` is none",
            "`Validate` is none",
            "`soon` is no number",
            "`1.5` is no number",
            "`False` is neither",
            "`kept` is not keep",
        ];
        assert_eq!(wrong.len(), words.len(), "{wrong:#?}");
        assert!(wrong.iter().zip(words).all(|(line, word)| line.starts_with(word)), "{wrong:#?}");
    }

    #[test]
    fn a_wave_is_a_number() {
        let wave = |text: &str| number(&json!({ "metadata": { "annotations": { SYNC_WAVE: text } } }), SYNC_WAVE);
        assert_eq!((wave("-5"), wave(" 7 "), wave("x")), (Some(-5), Some(7), None));
    }
}
