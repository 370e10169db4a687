//! What an API server says when it does not do what it is asked for.

use serde::Deserialize;
use springline_model::kubernetes::{Cause, KubernetesError};

/// The object that goes with an answer that is a refusal.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Status {
    kind: String,
    /// The HTTP status.
    pub code: Option<u16>,
    /// What happened.
    pub message: Option<String>,
    /// In a word.
    pub reason: Option<String>,
    /// More about it.
    pub details: Option<Details>,
}

/// What a status is about.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Details {
    /// The object's name; empty where the type isn't known.
    pub name: Option<String>,
    /// Its uid.
    pub uid: Option<String>,
    causes: Option<Vec<StatusCause>>,
    retry_after_seconds: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct StatusCause {
    reason: Option<String>,
    message: Option<String>,
    field: Option<String>,
}

impl Status {
    /// Reads a status; none if it is something else.
    pub fn read(text: &str) -> Option<Self> {
        serde_json::from_str::<Self>(text).ok().filter(|status| status.kind == "Status")
    }

    /// Whether it is about the request although its code is that of a server's trouble, as with an
    /// apply of fields that the type does not have.
    pub fn is_of_request(&self) -> bool {
        let message = self.message.as_deref().unwrap_or_default();
        self.reason.as_deref().unwrap_or_default().is_empty()
            && ["failed to create typed ", "failed to convert "].iter().any(|start| message.starts_with(start))
    }

    /// Whether it says that the type, not an object of it, is not there.
    pub fn is_of_type(&self) -> bool {
        self.details.as_ref().is_none_or(|details| details.name.as_deref().unwrap_or_default().is_empty())
    }

    /// How long to wait, if it says so.
    pub fn retry_after_seconds(&self) -> Option<u64> {
        self.details.as_ref().and_then(|details| details.retry_after_seconds)
    }
}

/// The refusal in an answer.
pub fn refusal(code: u16, text: &str) -> KubernetesError {
    let Some(status) = Status::read(text) else {
        return KubernetesError::Refused {
            code,
            reason: String::new(),
            message: not_a_status(code, text),
            causes: vec![],
        };
    };
    let reason = status.reason.unwrap_or_default();
    let mut message = status.message.filter(|message| !message.is_empty());
    if message.is_none() {
        message = Some(format!("the API server refused it with HTTP {code} and said no more ({reason})"));
    }
    let mut message = message.unwrap_or_default();
    if let (403, Some(rule)) = (code, rule_to_add(&message)) {
        message.push_str(&rule);
    }
    let causes = status.details.and_then(|details| details.causes).unwrap_or_default();
    let causes = causes.into_iter().map(|cause| Cause {
        reason: cause.reason.unwrap_or_default(),
        message: cause.message.unwrap_or_default(),
        field: cause.field.unwrap_or_default(),
    });
    KubernetesError::Refused { code, reason, message, causes: causes.collect() }
}

/// What an RBAC role would have to allow; none where the message is not about that, but of an
/// admission controller, say.
fn rule_to_add(message: &str) -> Option<String> {
    let (verb, rest) = message.split_once(" cannot ")?.1.split_once(" resource \"")?;
    let (resource, rest) = rest.split_once("\" in API group \"")?;
    let (group, rest) = rest.split_once('"')?;
    let role = match rest.strip_prefix(" in the namespace \"").and_then(|rest| rest.split_once('"')) {
        Some((namespace, _)) => format!("a Role in the namespace {namespace}"),
        None => "a ClusterRole".to_owned(),
    };
    Some(format!("; it takes {role} with apiGroups: [{group:?}], resources: [{resource:?}], verbs: [{verb:?}]"))
}

fn not_a_status(code: u16, text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let beginning: String = words.chars().take(200).collect();
    let said = if beginning.is_empty() { "nothing".to_owned() } else { format!("{beginning:?}") };
    format!(
        "the answer was HTTP {code} with {said}, which no API server of Kubernetes says: it may be a proxy's, or \
         the kubeconfig's `server` leads elsewhere"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const INVALID: &str = r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",
        "message":"Deployment.apps \"web\" is invalid: spec.replicas: Invalid value: -1: must be 0 or more",
        "reason":"Invalid","details":{"name":"web","group":"apps","kind":"Deployment","causes":[
        {"reason":"FieldValueInvalid","message":"Invalid value: -1: must be 0 or more","field":"spec.replicas"},{}]},"code":422}"#;

    fn parts(error: KubernetesError) -> (u16, String, String, Vec<Cause>) {
        match error {
            KubernetesError::Refused { code, reason, message, causes } => (code, reason, message, causes),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_refusal_keeps_what_the_server_said() {
        let (code, reason, message, causes) = parts(refusal(422, INVALID));
        assert_eq!((code, reason.as_str()), (422, "Invalid"));
        assert!(message.contains("spec.replicas: Invalid value: -1"), "{message}");
        assert_eq!(causes.len(), 2);
        assert_eq!(causes[0].field, "spec.replicas");
        assert_eq!(causes[1], Cause { reason: String::new(), message: String::new(), field: String::new() });
    }

    #[test]
    fn what_rbac_forbids_names_the_rule_to_add() {
        let text = r#"{"kind":"Status","reason":"Forbidden","code":403,"details":{},
            "message":"deployments.apps \"web\" is forbidden: User \"ada\" cannot patch resource \"deployments\" in API group \"apps\" in the namespace \"shop\""}"#;
        let (_, _, message, _) = parts(refusal(403, text));
        assert!(
            message.ends_with(
                r#"; it takes a Role in the namespace shop with apiGroups: ["apps"], resources: ["deployments"], verbs: ["patch"]"#
            ),
            "{message}"
        );
        let all = text.replace("in the namespace \\\"shop\\\"", "at the cluster scope").replace("apps", "");
        assert!(parts(refusal(403, &all)).2.contains(r#"a ClusterRole with apiGroups: [""]"#));
        let quota = text.replace("cannot patch", "exceeded the quota for");
        assert!(!parts(refusal(403, &quota)).2.contains("it takes"));
    }

    #[test]
    fn some_refusals_come_as_troubles_and_some_are_about_types() {
        let status = |rest: &str| Status::read(&format!(r#"{{"kind":"Status",{rest}}}"#)).unwrap();
        assert!(status(r#""message":"failed to create typed patch object (/a; apps/v1, Kind=Deployment): .spec.x: field not declared in schema","code":500"#).is_of_request());
        assert!(!status(r#""message":"etcdserver: request timed out","code":500"#).is_of_request());
        assert!(!status(r#""message":"failed to convert","reason":"InternalError","code":500"#).is_of_request());
        assert!(status(r#""code":404,"details":{}"#).is_of_type() && status(r#""code":404"#).is_of_type());
        assert!(!status(r#""code":404,"details":{"name":"web","kind":"pods"}"#).is_of_type());
    }

    #[test]
    fn an_answer_of_something_else_is_told() {
        for text in ["", "<html>\n<body>502 Bad   Gateway", "{\"kind\":\"Pod\"}", "404 page not found", "[]"] {
            let (_, reason, message, _) = parts(refusal(502, text));
            assert!(reason.is_empty() && message.contains("HTTP 502"), "{message}");
        }
        assert!(not_a_status(502, "<html>\n<body>502").contains("\"<html> <body>502\""));
        assert!(not_a_status(502, &"x".repeat(9999)).len() < 500);
    }
}
