//! Objects that are run within a sync and not kept: Argo CD's hooks, and Helm's.

use springline_sdk::prelude::*;
use springline_sdk::{Cleanup, Phase};

use crate::options::{HELM_WEIGHT, SYNC_WAVE, annotation, number};
use crate::order::spread;
use crate::scope::defines;

const ARGO: &str = "argocd.argoproj.io/hook";
const ARGO_POLICY: &str = "argocd.argoproj.io/hook-delete-policy";
const HELM: &str = "helm.sh/hook";
const HELM_POLICY: &str = "helm.sh/hook-delete-policy";

/// What is done with a desired object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// It is applied and kept.
    Kept,
    /// It is not applied at all.
    Skipped,
    /// It is run within a sync.
    Run(Runs),
}

/// When a hook is run, and when what it made is removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runs {
    /// The phases that it is run in, each once.
    pub phases: Vec<Phase>,
    /// When within a phase.
    pub wave: i32,
    /// When it is removed.
    pub cleanup: Cleanup,
    /// Whether it is run once only: Helm's hooks of an install that are none of an upgrade.
    pub once: bool,
}

/// What an object's annotations make of it. Helm's count where there are none of Argo CD's.
///
/// # Errors
/// A word that stands for no phase and no policy.
pub fn role(object: &Value) -> Result<Role, String> {
    let (phases, argo) = if let Some(words) = annotation(object, ARGO) {
        (read(ARGO, words, argo_phase, "PreSync, Sync, PostSync, SyncFail, Skip")?, true)
    } else if let Some(words) = annotation(object, HELM) {
        if words.split(',').any(|word| word.trim() == "crd-install") {
            return Ok(Role::Kept);
        }
        let known = "pre-install, pre-upgrade, post-install, post-upgrade";
        (read(HELM, words, helm_phase, known)?, false)
    } else {
        return Ok(Role::Kept);
    };
    let mut phases: Vec<Phase> = phases.into_iter().flatten().collect();
    phases.sort_unstable();
    phases.dedup();
    if phases.is_empty() {
        return Ok(Role::Skipped);
    }
    let weight = if argo { None } else { number(object, HELM_WEIGHT) };
    let wave = number(object, SYNC_WAVE).or(weight).unwrap_or(0);
    let mut cleanup = cleanup(object)?;
    let mut once = !argo && annotation(object, HELM).is_some_and(|words| !words.contains("-upgrade"));
    if once {
        // That it is there says that it was run.
        cleanup = Cleanup { failure: cleanup.failure, ..Cleanup::default() };
    }
    if defines(object).is_some() {
        // With a definition go all objects of its kind: it is made and changed, and never removed.
        (cleanup, once) = (Cleanup::default(), false);
    }
    Ok(Role::Run(Runs { phases, wave: spread(wave, 1), cleanup, once }))
}

/// What the words of an annotation stand for.
fn read<T>(key: &str, words: &str, known: impl Fn(&str) -> Option<T>, all: &str) -> Result<Vec<T>, String> {
    let words = words.split(',').map(str::trim).filter(|word| !word.is_empty());
    words.map(|word| known(word).ok_or_else(|| format!("`{word}` is none of {key}'s words: {all}"))).collect()
}

/// The phase that a word stands for; none of ours for a word that is known.
fn argo_phase(word: &str) -> Option<Option<Phase>> {
    Some(match word {
        "PreSync" => Some(Phase::Before),
        "Sync" => Some(Phase::During),
        "PostSync" => Some(Phase::After),
        "SyncFail" => Some(Phase::Failure),
        // Those of an application's end are no part of a sync.
        "Skip" | "PreDelete" | "PostDelete" => None,
        _ => return None,
    })
}

fn helm_phase(word: &str) -> Option<Option<Phase>> {
    Some(match word {
        "pre-install" | "pre-upgrade" => Some(Phase::Before),
        "post-install" | "post-upgrade" => Some(Phase::After),
        "pre-delete" | "post-delete" | "pre-rollback" | "post-rollback" | "test" | "test-success" | "test-failure" => {
            None
        }
        _ => return None,
    })
}

fn cleanup(object: &Value) -> Result<Cleanup, String> {
    #[derive(PartialEq)]
    enum Policy {
        Before,
        Success,
        Failure,
    }
    let argo = |word: &str| match word {
        "BeforeHookCreation" => Some(Policy::Before),
        "HookSucceeded" => Some(Policy::Success),
        "HookFailed" => Some(Policy::Failure),
        _ => None,
    };
    let helm = |word: &str| match word {
        "before-hook-creation" => Some(Policy::Before),
        "hook-succeeded" => Some(Policy::Success),
        "hook-failed" => Some(Policy::Failure),
        _ => None,
    };
    let mut policies = match (annotation(object, ARGO_POLICY), annotation(object, HELM_POLICY)) {
        (Some(words), _) => read(ARGO_POLICY, words, argo, "BeforeHookCreation, HookSucceeded, HookFailed")?,
        (None, Some(words)) => read(HELM_POLICY, words, helm, "before-hook-creation, hook-succeeded, hook-failed")?,
        (None, None) => Vec::new(),
    };
    if policies.is_empty() {
        policies.push(Policy::Before);
    }
    Ok(Cleanup {
        before_creation: policies.contains(&Policy::Before),
        success: policies.contains(&Policy::Success),
        failure: policies.contains(&Policy::Failure),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role_of(annotations: Value) -> Result<Role, String> {
        role(&json!({ "metadata": { "annotations": annotations } }))
    }

    fn runs(annotations: Value) -> Runs {
        match role_of(annotations) {
            Ok(Role::Run(runs)) => runs,
            other => panic!("{other:?}"),
        }
    }

    const BEFORE: Cleanup = Cleanup { before_creation: true, success: false, failure: false };

    #[test]
    fn argo_cd_s_hooks() {
        assert_eq!(role(&json!({})), Ok(Role::Kept));
        for (word, phase) in [
            ("PreSync", Phase::Before),
            ("Sync", Phase::During),
            ("PostSync", Phase::After),
            ("SyncFail", Phase::Failure),
        ] {
            let expected = Runs { phases: vec![phase], wave: 1, cleanup: BEFORE, once: false };
            assert_eq!(runs(json!({ ARGO: word })), expected);
        }
        let many = runs(json!({ ARGO: "PostSync, PreSync", SYNC_WAVE: "2", ARGO_POLICY: "HookSucceeded,HookFailed" }));
        assert_eq!(many.phases, [Phase::Before, Phase::After]);
        assert_eq!(many.wave, 9);
        assert_eq!(many.cleanup, Cleanup { before_creation: false, success: true, failure: true });
        assert_eq!(role_of(json!({ ARGO: "Skip" })), Ok(Role::Skipped));
        assert_eq!(role_of(json!({ ARGO: "PostDelete" })), Ok(Role::Skipped));
    }

    #[test]
    fn helm_s_hooks() {
        let hook = runs(json!({ HELM: "pre-install,pre-upgrade", HELM_WEIGHT: "-5", HELM_POLICY: "hook-succeeded" }));
        assert_eq!((hook.phases, hook.wave), (vec![Phase::Before], -19));
        assert_eq!(hook.cleanup, Cleanup { before_creation: false, success: true, failure: false });
        let policies = "before-hook-creation,hook-succeeded,hook-failed";
        let first = runs(json!({ HELM: "post-install, test", HELM_POLICY: policies }));
        assert_eq!((first.phases, first.once), (vec![Phase::After], true));
        assert_eq!(first.cleanup, Cleanup { before_creation: false, success: false, failure: true });
        assert!(!runs(json!({ HELM: "pre-install,pre-upgrade" })).once && !runs(json!({ HELM: "post-upgrade" })).once);
        assert_eq!(role_of(json!({ HELM: "test" })), Ok(Role::Skipped));
        assert_eq!(role_of(json!({ HELM: "crd-install" })), Ok(Role::Kept));
        // Argo CD's go first.
        let both = runs(json!({ HELM: "pre-install", ARGO: "PostSync", HELM_WEIGHT: "3" }));
        assert_eq!((both.wave, both.once, both.cleanup), (1, false, BEFORE));
    }

    #[test]
    fn with_a_definition_nothing_else_goes() {
        for words in ["pre-install,pre-upgrade", "pre-install"] {
            let definition = json!({
                "apiVersion": "apiextensions.k8s.io/v1",
                "kind": "CustomResourceDefinition",
                "metadata": { "annotations": { HELM: words, HELM_POLICY: "hook-succeeded,hook-failed" } },
                "spec": { "group": "example.org", "names": { "kind": "Ticket" } },
            });
            let Ok(Role::Run(hook)) = role(&definition) else { panic!("{definition}") };
            assert_eq!((hook.cleanup, hook.once), (Cleanup::default(), false));
        }
    }

    #[test]
    fn unknown_words_are_told() {
        let told = role_of(json!({ ARGO: "Presync" })).unwrap_err();
        assert!(told.starts_with("`Presync` is none of argocd.argoproj.io/hook's words: PreSync,"), "{told}");
        assert!(role_of(json!({ HELM: "post-install", HELM_POLICY: "never" })).unwrap_err().contains("hook-succeeded"));
        assert!(role_of(json!({ HELM: "before" })).is_err());
    }
}
