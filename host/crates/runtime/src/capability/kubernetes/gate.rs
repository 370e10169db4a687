//! Decides what may be asked of clusters.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};

use springline_model::capability::{Grants, KUBERNETES, kubernetes_line};
use springline_model::kubernetes::{Access, ApiKind, ObjectName, Selection, ServedType, Verb};
use springline_model::plugin::{Kind, Level};

use super::{Kubernetes, OBJECT, OBJECTS, failed, wit};
use crate::escape::escape;

/// So many kinds are written down by name; those beyond as others.
const KINDS: usize = 64;
/// The longest name, in bytes: Kubernetes has none that is longer.
const NAME: usize = 253;
/// The longest selector, in bytes.
const SELECTOR: usize = 8 << 10;
/// The most warnings of one answer that are logged.
const WARNINGS: usize = 32;
/// The most bytes of a message that are kept.
const MESSAGE: usize = 4 << 10;

type Checked<T = ()> = Result<T, wit::KubernetesError>;

/// Refuses an object that is too large.
pub(super) fn check_object(bytes: usize) -> Checked {
    if bytes <= OBJECT {
        return Ok(());
    }
    Err(failed(format!("the object has {bytes} bytes, and {} MiB is the most", OBJECT >> 20)))
}

/// Refuses objects that are too large, one by one and together.
pub(super) fn check_sum(sizes: impl Iterator<Item = usize>) -> Checked {
    let mut sum = 0_usize;
    for bytes in sizes {
        check_object(bytes)?;
        sum = sum.saturating_add(bytes);
    }
    if sum <= OBJECTS {
        return Ok(());
    }
    Err(failed(format!("the objects have more than {} MiB together: ask for fewer", OBJECTS >> 20)))
}

/// Refuses what can be no name. The path of a request is made of it.
pub(super) fn check_name(name: &ObjectName) -> Checked {
    check_part("the name of an object", &name.name)
}

/// Refuses selectors that are too long.
pub(super) fn check_selection(selection: &Selection) -> Checked {
    for selector in [&selection.labels, &selection.fields] {
        if selector.len() > SELECTOR || selector.chars().any(char::is_control) {
            return Err(failed("a selector is longer than 8 KiB or has control characters"));
        }
    }
    Ok(())
}

impl Kubernetes {
    /// Whether the plugin asks for clusters and was granted some. What is remembered depends on more
    /// than a call's input, so it is for these alone.
    pub(super) fn has_clusters(&self) -> bool {
        self.powers.refusal(KUBERNETES).is_none() && self.powers.grants().allows(KUBERNETES)
    }

    /// Lets through what is granted, and writes it down.
    pub(super) fn admit(&self, cluster: &str, kind: &ApiKind, namespace: &str, verb: Verb) -> Checked {
        self.check_power()?;
        self.check_kind(kind)?;
        let namespace = (!namespace.is_empty()).then_some(namespace);
        let access = Access { cluster, group: &kind.group, kind: &kind.kind, namespace, verb };
        if !self.powers.grants().covers(&access) {
            return Err(self.not_granted(&access));
        }
        if let Some(namespace) = namespace {
            check_part("the namespace", namespace)?;
        }
        self.note(cluster, kind, verb);
        Ok(())
    }

    /// The namespaces in which lists are granted; none where all namespaces are.
    pub(super) fn granted_namespaces(&self, cluster: &str, kind: &ApiKind) -> BTreeSet<String> {
        let grants = self.powers.grants();
        let access = |namespace| Access { cluster, group: &kind.group, kind: &kind.kind, namespace, verb: Verb::List };
        if grants.covers(&access(None)) {
            return BTreeSet::new();
        }
        let named = grants.kubernetes.iter().flat_map(|grant| &grant.namespaces);
        named.filter(|name| grants.covers(&access(Some(name.as_str())))).cloned().collect()
    }

    /// Whether it is a Namespace in which something is granted.
    fn shows(&self, cluster: &str, name: &ObjectName) -> bool {
        let is_namespace = name.kind.group.is_empty() && name.kind.kind == "Namespace" && name.namespace.is_empty();
        is_namespace
            && self.check_power().is_ok()
            && self.powers.grants().kubernetes.iter().any(|grant| grant.shows_namespace(cluster, &name.name))
    }

    /// Writes down what was used.
    fn note(&self, cluster: &str, kind: &ApiKind, verb: Verb) {
        let kind = kind.to_string();
        self.powers.note(|used| {
            let by_name = used.kubernetes.len() < KINDS || used.kubernetes.iter().any(|known| known.kind == kind);
            used.cluster(cluster, if by_name { &kind } else { "others" }, verb, 1);
        });
    }

    /// As [`Kubernetes::admit`], to read these objects.
    pub(super) fn admit_names(&self, cluster: &str, names: &[ObjectName]) -> Checked {
        let mut admitted = HashSet::new();
        for name in names {
            if self.shows(cluster, name) {
                self.note(cluster, &name.kind, Verb::Get);
            } else if admitted.insert((&name.kind, &name.namespace)) {
                self.admit(cluster, &name.kind, &name.namespace, Verb::Get)?;
            }
            check_name(name)?;
        }
        Ok(())
    }

    /// Lets through what is asked of a cluster as a whole: anything that is granted there will do.
    pub(super) fn admit_cluster(&self, cluster: &str, kind: Option<&ApiKind>) -> Checked {
        self.check_power()?;
        if self.powers.grants().kubernetes.iter().any(|grant| grant.cluster == cluster) {
            return Ok(());
        }
        let (group, kind) = kind.map_or(("", "*"), |kind| (&kind.group, &kind.kind));
        Err(self.not_granted(&Access { cluster, group, kind, namespace: None, verb: Verb::Get }))
    }

    /// Whether objects of this type may be listed anywhere.
    pub(super) fn may_list(&self, cluster: &str, served: &ServedType) -> bool {
        self.powers.grants().kubernetes.iter().any(|grant| {
            let namespace = grant.namespaces.first().filter(|_| served.namespaced);
            grant.covers(&Access {
                cluster,
                group: &served.kind.group,
                kind: &served.kind.kind,
                namespace: namespace.map(String::as_str),
                verb: Verb::List,
            })
        })
    }

    fn check_power(&self) -> Checked {
        let refusal = self.powers.refusal(KUBERNETES);
        let misplaced = || match self.kind {
            Kind::DeployTarget => None,
            kind => Some(format!("only a deploy target gets Kubernetes clusters, and this is a {kind}")),
        };
        refusal.or_else(misplaced).map_or(Ok(()), |refusal| Err(self.denied(&refusal)))
    }

    fn not_granted(&self, access: &Access<'_>) -> wit::KubernetesError {
        let Access { cluster, group, kind, namespace, verb } = access;
        let dot = if group.is_empty() { "" } else { "." };
        let place = match namespace {
            Some(namespace) => format!("the namespace {namespace} of the cluster {cluster}"),
            None => format!("the whole cluster {cluster}"),
        };
        self.denied(&format!(
            "{verb} {kind}{dot}{group} in {place} is not granted to {}; this at the target in host.yaml would: `{}`",
            self.powers.whose(),
            kubernetes_line(access)
        ))
    }

    fn denied(&self, message: &str) -> wit::KubernetesError {
        let message = self.powers.deny(KUBERNETES, &self.cut(message));
        self.logs.message(Level::Warn, "denied", &message);
        wit::KubernetesError::Denied(message)
    }

    /// Denies what takes a cluster, whichever.
    pub(super) fn denied_without_clusters(&self) -> String {
        let line = Grants::line_for(KUBERNETES).unwrap_or_default();
        let refusal = self.powers.refusal(KUBERNETES).unwrap_or_else(|| {
            format!("no cluster is granted to {}; this at the target in host.yaml would: `{line}`", self.powers.whose())
        });
        self.powers.deny(KUBERNETES, &refusal)
    }

    /// Refuses what can be no type: it would be in messages, and in what is written down.
    pub(super) fn check_kind(&self, kind: &ApiKind) -> Checked {
        let letters = |text: &str| text.len() <= NAME && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let dotted = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
        let is_type = !kind.kind.is_empty()
            && letters(&kind.kind)
            && letters(&kind.version)
            && kind.group.len() <= NAME
            && kind.group.bytes().all(dotted);
        if is_type {
            return Ok(());
        }
        let shown = escape(&self.powers.masks().mask_cut(&format!("{}, {}", kind.api_version(), kind.kind), NAME));
        Err(failed(format!("this is no type of Kubernetes: `{shown}`")))
    }

    /// Puts the warnings of an API server into the call's log.
    pub(super) fn warn(&self, cluster: &str, warnings: &[String]) {
        for warning in warnings.iter().take(WARNINGS) {
            self.logs.message(Level::Warn, "kubernetes", &format!("{cluster} warns: {}", self.cut(warning)));
        }
    }

    /// A message of a length that can be read, its secrets masked first.
    fn cut<'t>(&self, message: &'t str) -> Cow<'t, str> {
        self.powers.masks().mask_cut(message, MESSAGE)
    }
}

/// A part of a path: not empty, and one part only.
fn check_part(what: &str, part: &str) -> Checked {
    let is_path = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '/' | '%' | '\\' | '?' | '#');
    let wrong = part.is_empty() || part.len() > NAME || part == "." || part == ".." || part.contains(is_path);
    if !wrong {
        return Ok(());
    }
    let shown = escape(&part[..part.floor_char_boundary(NAME)]);
    Err(failed(format!("{what} can't be `{shown}`: Kubernetes has no such names")))
}
