//! What a cluster refused, as an error that names the object, the field and the way out.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use springline_sdk::kubernetes::{Cause, KubernetesError, Refusal};
use springline_sdk::prelude::*;

use crate::document::line_of;
use crate::reference::Ref;

/// How long it takes at least until a namespace is gone.
const TERMINATING: Duration = Duration::from_secs(2);
/// How an object whose fields have no such name or type is refused, with a code that stands for a
/// failure of the API server.
const UNTYPED: &str = "failed to create typed patch object";
/// How an object is refused whose values are not those of its fields, with a code as above.
const UNREADABLE: &str = "unable to convert unstructured object";

/// The object that was sent.
#[derive(Clone, Copy)]
pub struct Sent<'a> {
    /// The id of the desired object.
    pub id: &'a str,
    /// The live object that it becomes.
    pub live: &'a Ref,
    /// Reads its body, for the lines of fields.
    pub text: &'a dyn Fn() -> Option<String>,
}

impl Sent<'_> {
    /// A violation of this object.
    pub fn violation(&self, message: impl Into<String>) -> Violation {
        Violation::new(message).file(self.id)
    }

    /// A violation of one of its fields.
    pub fn field(&self, path: &str, message: impl Into<String>) -> Violation {
        let violation = self.violation(message);
        match (self.text)().and_then(|text| line_of(&text, path)) {
            Some(line) => violation.line(line),
            None => violation,
        }
    }

    /// What became of sending it.
    pub fn error(&self, error: KubernetesError) -> Error {
        match error {
            KubernetesError::Refused(refusal) => self.refused(&refusal),
            KubernetesError::Unavailable { message, .. } if message.contains(UNTYPED) => {
                Error::Invalid(self.untyped(&message))
            }
            KubernetesError::UnknownType(message) => self.violation(message).into(),
            KubernetesError::Failed(message) => Error::failed(format!("`{}`: {message}", self.id)),
            other => other.into(),
        }
    }

    fn refused(&self, refusal: &Refusal) -> Error {
        let Refusal { code, message, .. } = refusal;
        if refusal.is_about_managers() {
            return Error::Invalid(self.managed(&foreign(refusal, &[])));
        }
        if is_terminating(refusal) {
            let message = format!("{}: {message}", self.live);
            return Error::Transient { message, retry_after: Some(TERMINATING) };
        }
        if *code == 401 || (*code == 403 && is_of_rbac(message)) {
            return Error::Denied(explain_denial(message));
        }
        if *code == 409 || refusal.causes.iter().any(|cause| cause.field == "metadata.uid") {
            return Error::conflict(format!("{}: {message}", self.live));
        }
        if lacks_namespace(refusal) {
            let namespace = &self.live.namespace;
            return self
                .violation(format!(
                    "there is no namespace `{namespace}` in cluster `{}`: add it to the manifests, or set \
                     `create-namespace: true` in the target's config",
                    self.live.cluster
                ))
                .into();
        }
        if message.contains(UNTYPED) {
            return Error::Invalid(self.untyped(message));
        }
        match code {
            500 if message.contains(UNREADABLE) => self.violation(message).into(),
            429 | 500.. => Error::Transient { message: format!("{}: {message}", self.live), retry_after: None },
            _ => Error::Invalid(self.violations(refusal)),
        }
    }

    /// One violation for each cause, or the whole message where there is none.
    fn violations(&self, refusal: &Refusal) -> Vec<Violation> {
        let mut told = BTreeSet::new();
        let causes = refusal.causes.iter().filter(|cause| !cause.message.is_empty());
        let causes: Vec<_> = causes.filter(|cause| told.insert((&cause.field, &cause.message))).collect();
        if causes.is_empty() || !refusal.message.contains(" is invalid: ") {
            // Of an admission webhook or a policy: its own words.
            return vec![self.violation(&refusal.message)];
        }
        causes.into_iter().map(|cause| self.cause(cause)).collect()
    }

    fn cause(&self, cause: &Cause) -> Violation {
        let Cause { field, message, .. } = cause;
        let message = brief(message);
        // How an API server writes the object as a whole.
        if matches!(field.as_str(), "" | "<nil>" | "[]") {
            return self.violation(message);
        }
        self.field(field, format!("`{field}`: {message}"))
    }

    /// The violations of an object whose fields are not those of its kind: `…: .spec.x: field not
    /// declared in schema`, or several of them below `errors:`.
    fn untyped(&self, message: &str) -> Vec<Violation> {
        let from = message.find(UNTYPED).unwrap_or(0);
        let said = message[from..].split_once("): ").map_or(message, |(_, said)| said);
        let lines = said.lines().map(str::trim).filter(|line| !line.is_empty() && *line != "errors:");
        lines
            .map(|line| match line.split_once(": ") {
                Some((path, problem)) if path.starts_with('.') => {
                    let path = path.trim_start_matches('.');
                    self.field(path, format!("`{path}`: {problem}"))
                }
                _ => self.violation(line),
            })
            .collect()
    }

    /// The violations of an object that sets fields of other managers.
    pub fn managed(&self, foreign: &BTreeMap<String, Vec<String>>) -> Vec<Violation> {
        let violation = |(manager, fields): (&String, &Vec<String>)| {
            let named: Vec<_> = fields.iter().map(|field| format!("`{field}`")).collect();
            let (named, belong) = (named.join(", "), if fields.len() == 1 { "belongs" } else { "belong" });
            let kind = &self.live.kind;
            self.field(
                &fields[0],
                format!(
                    "{named} {belong} to the field manager `{manager}`, which has set another value: leave it out of the \
                     manifest; or leave it to `{manager}` by `target-with: {{ ignore: [{{ kind: {kind}, managers: [{manager}] }}] }}` \
                     in springline.yaml; or take it over by `take-over: [{manager}]` or `force: true` in the target's config"
                ),
            )
        };
        foreign.iter().map(violation).collect()
    }
}

/// The fields that a refusal says other managers own, by manager; those of managers that give way
/// are left out: kubectl's, and those named.
pub fn foreign(refusal: &Refusal, give_way: &[String]) -> BTreeMap<String, Vec<String>> {
    let mut foreign: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for cause in refusal.causes.iter().filter(|cause| cause.reason == "FieldManagerConflict") {
        // `conflict with "kubectl" with subresource "scale" using apps/v1`
        let manager = cause.message.split('"').nth(1).unwrap_or(&cause.message);
        if !gives_way(manager, give_way) {
            let field = cause.field.trim_start_matches('.').to_owned();
            foreign.entry(manager.to_owned()).or_default().push(field);
        }
    }
    foreign
}

/// Whether what a manager set is put right without a word: it is a person's tool, or what was there
/// before there were managers.
fn gives_way(manager: &str, give_way: &[String]) -> bool {
    manager == "kubectl"
        || manager.starts_with("kubectl-")
        || manager == "before-first-apply"
        || give_way.iter().any(|known| known == manager)
}

/// Whether the namespace is missing.
pub fn lacks_namespace(refusal: &Refusal) -> bool {
    refusal.code == 404 && refusal.message.contains("namespaces ")
}

/// Whether the namespace is on its way out.
fn is_terminating(refusal: &Refusal) -> bool {
    refusal.causes.iter().any(|cause| cause.reason == "NamespaceTerminating")
        || refusal.message.contains("because it is being terminated")
}

/// Why an object can't be changed in place; none if the refusal is about something else.
pub fn immutable(refusal: &Refusal) -> Option<String> {
    let says = |text: &str| {
        ["immutable", "may not change", "cannot change", "can not be changed", "updates to ", "may not be changed"]
            .iter()
            .any(|words| text.contains(words))
    };
    if refusal.code != 422 {
        return None;
    }
    let mut fields: Vec<&str> = Vec::new();
    for cause in refusal.causes.iter().filter(|cause| says(&cause.message) && cause.field != "metadata.uid") {
        if !fields.contains(&cause.field.as_str()) {
            fields.push(&cause.field);
        }
    }
    // Another mistake is not mended by making it anew.
    let others = refusal.causes.iter().any(|cause| !says(&cause.message));
    (!fields.is_empty() && !others).then(|| fields.join(", "))
}

/// Whether the API server says that credentials are too weak, as in `User "ada" cannot patch resource
/// "deployments"`; admission refuses with the same code and in other words.
fn is_of_rbac(message: &str) -> bool {
    message.contains(" cannot ") && message.contains(" resource \"")
}

/// What it says, and what it does not: that an apply which makes an object takes two verbs. The host
/// has named the rule.
fn explain_denial(message: &str) -> String {
    if message.contains(" cannot patch resource ") {
        format!("{message}; to make objects takes the verb \"create\" as well")
    } else {
        message.to_owned()
    }
}

/// A message without the middle of what is long in it: a refused value may be a whole Pod.
pub fn brief(message: &str) -> String {
    const LONGEST: usize = 400;
    const END: usize = 160;
    if message.len() <= LONGEST {
        return message.to_owned();
    }
    let start = (0..=LONGEST - END).rev().find(|at| message.is_char_boundary(*at)).unwrap_or(0);
    let end = (message.len() - END..message.len()).find(|at| message.is_char_boundary(*at)).unwrap_or(message.len());
    format!("{} … {}", &message[..start], &message[end..])
}

/// Reads go wrong without an object that was sent.
pub fn reading(error: KubernetesError) -> Error {
    match error {
        KubernetesError::Refused(refusal) if refusal.code == 401 || is_of_rbac(&refusal.message) => {
            Error::Denied(explain_denial(&refusal.message))
        }
        KubernetesError::Refused(refusal) if refusal.code == 429 || refusal.code >= 500 => {
            Error::transient(refusal.message)
        }
        other => other.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "apiVersion: apps/v1\nkind: Deployment\nspec:\n  replicas: 1\n  template:\n    image: x\n";

    fn error(refusal: Refusal) -> Error {
        let live = Ref::parse("prod/Deployment.apps/shop/web").unwrap();
        Sent { id: "shop/web.yaml", live: &live, text: &|| Some(TEXT.to_owned()) }
            .error(KubernetesError::Refused(refusal))
    }

    fn refusal(code: u16, message: &str, causes: &[(&str, &str, &str)]) -> Refusal {
        let cause = |(reason, message, field): &(&str, &str, &str)| Cause {
            reason: (*reason).into(),
            message: (*message).into(),
            field: (*field).into(),
        };
        Refusal { code, message: message.into(), causes: causes.iter().map(cause).collect(), ..Refusal::default() }
    }

    #[test]
    fn fields_are_named_with_their_lines() {
        let causes = [
            ("FieldValueRequired", "Required value", "spec.template.image"),
            ("FieldValueInvalid", "Invalid value: -1", "spec.replicas"),
            ("FieldValueInvalid", "Invalid value: -1", "spec.replicas"),
        ];
        assert_eq!(
            error(refusal(422, "Deployment.apps \"web\" is invalid: …", &causes)).to_string(),
            "shop/web.yaml:6: `spec.template.image`: Required value\nshop/web.yaml:4: `spec.replicas`: Invalid value: -1"
        );
        let untyped = "failed to create typed patch object (shop/web; apps/v1, Kind=Deployment): .spec.replicas: expected numeric";
        let expected = "shop/web.yaml:4: `spec.replicas`: expected numeric";
        assert_eq!(error(refusal(500, untyped, &[])).to_string(), expected);
        let unreadable = "failed to convert new object (x) to proper version: unable to convert unstructured object to /v1, Kind=Secret: illegal base64 data";
        assert_eq!(error(refusal(500, unreadable, &[])).to_string(), format!("shop/web.yaml: {unreadable}"));
        let long = [("FieldValueTooLong", "Too long: may not be more than 1048576 bytes", "[]")];
        let whole = "shop/web.yaml: Too long: may not be more than 1048576 bytes";
        assert_eq!(error(refusal(422, "ConfigMap \"x\" is invalid: …", &long)).to_string(), whole);
        let live = Ref::parse("prod/Deployment.apps/shop/web").unwrap();
        let sent = Sent { id: "shop/web.yaml", live: &live, text: &|| Some(TEXT.to_owned()) };
        let large = sent.error(KubernetesError::Failed("the object has 4 bytes, and 3 is the most".into()));
        assert_eq!(large, Error::failed("`shop/web.yaml`: the object has 4 bytes, and 3 is the most"));
        let several = "failed to create typed patch object (x): errors:\n  .spec.replicas: a\n  .spec.template: b";
        let unavailable = KubernetesError::Unavailable { message: several.into(), retry_after: None };
        assert_eq!(
            sent.error(unavailable).to_string(),
            "shop/web.yaml:4: `spec.replicas`: a\nshop/web.yaml:6: `spec.template`: b"
        );
    }

    #[test]
    fn admission_speaks_for_itself() {
        let denied = "admission webhook \"x.io\" denied the request: no latest tags";
        for code in [400, 403] {
            assert_eq!(error(refusal(code, denied, &[])).to_string(), format!("shop/web.yaml: {denied}"));
        }
    }

    #[test]
    fn weak_credentials_are_denied() {
        let message = "deployments.apps \"web\" is forbidden: User \"ada\" cannot patch resource \"deployments\" in API group \"apps\" in the namespace \"shop\"; it takes …";
        let Error::Denied(told) = error(refusal(403, message, &[])) else { panic!() };
        assert_eq!(told, format!("{message}; to make objects takes the verb \"create\" as well"));
        let cluster = "namespaces is forbidden: User \"ada\" cannot list resource \"namespaces\" in API group \"\" at the cluster scope";
        let reading = reading(KubernetesError::Refused(refusal(403, cluster, &[])));
        assert_eq!(reading, Error::denied(cluster));
    }

    #[test]
    fn long_values_are_cut() {
        let long = format!("Invalid value: {}: field is immutable", "é".repeat(1000));
        let cut = brief(&long);
        assert!(
            cut.len() < 410 && cut.starts_with("Invalid value: é") && cut.ends_with(": field is immutable"),
            "{cut}"
        );
        assert_eq!(brief("short"), "short");
    }

    #[test]
    fn what_passes_is_tried_again_and_what_moved_is_planned_again() {
        let terminating = refusal(403, "x", &[("NamespaceTerminating", "x", "metadata.namespace")]);
        assert!(matches!(error(terminating), Error::Transient { retry_after: Some(_), .. }));
        assert!(matches!(error(refusal(503, "x", &[])), Error::Transient { .. }));
        assert!(matches!(error(refusal(409, "modified", &[])), Error::Conflict(_)));
        let other_uid = refusal(422, "x is invalid: y", &[("FieldValueInvalid", "field is immutable", "metadata.uid")]);
        assert!(matches!(error(other_uid), Error::Conflict(_)));
        let missing = error(refusal(404, "namespaces \"shop\" not found", &[])).to_string();
        assert!(missing.contains("no namespace `shop`") && missing.contains("create-namespace"), "{missing}");
    }

    #[test]
    fn managers_are_named_unless_they_give_way() {
        let refused = refusal(
            409,
            "Apply failed with 3 conflicts",
            &[
                (
                    "FieldManagerConflict",
                    "conflict with \"kubectl\" with subresource \"scale\" using apps/v1",
                    ".spec.replicas",
                ),
                ("FieldManagerConflict", "conflict with \"scaler\" using apps/v1", ".spec.replicas"),
                ("FieldManagerConflict", "conflict with \"kubectl-edit\" using apps/v1", ".spec.template"),
            ],
        );
        assert_eq!(foreign(&refused, &[]), BTreeMap::from([("scaler".to_owned(), vec!["spec.replicas".to_owned()])]));
        assert!(foreign(&refused, &["scaler".to_owned()]).is_empty());
        let told = error(refused).to_string();
        assert!(told.starts_with("shop/web.yaml:4: `spec.replicas` belongs to the field manager `scaler`"), "{told}");
        assert!(told.contains("ignore: [{ kind: Deployment.apps, managers: [scaler] }]"), "{told}");
    }

    #[test]
    fn immutable_fields_are_known() {
        let of = |causes: &[(&str, &str, &str)]| immutable(&refusal(422, "x", causes));
        let selector = ("FieldValueInvalid", "Invalid value: {}: field is immutable", "spec.selector");
        assert_eq!(of(&[selector, selector]).as_deref(), Some("spec.selector"));
        let set = ("FieldValueForbidden", "Forbidden: updates to statefulset spec for fields other than …", "spec");
        assert_eq!(of(&[set]).as_deref(), Some("spec"));
        assert_eq!(of(&[selector, ("FieldValueRequired", "Required value", "spec.x")]), None);
        assert_eq!(of(&[("FieldValueInvalid", "field is immutable", "metadata.uid")]), None);
        assert_eq!(of(&[]), None);
    }
}
