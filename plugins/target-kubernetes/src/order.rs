//! What goes before what: waves, and the order of kinds within a wave.

use springline_sdk::prelude::*;

use crate::options::{SYNC_WAVE, number};
use crate::reference::Kind;

/// The waves of a target for each wave of the annotation, so that there is room within one.
const SLOTS: i32 = 4;
/// The wave of what is removed after everything else.
pub const LAST_PRUNE: i32 = -2_000_000_000;
/// The last wave, and with a minus the first one.
const FARTHEST: i32 = 1_999_999_999;

/// What others of its wave need: it is there, and well, before the rest begins.
const DEFINITIONS: &[(&str, &str)] = &[
    ("Namespace", ""),
    ("CustomResourceDefinition", "apiextensions.k8s.io"),
    ("PriorityClass", "scheduling.k8s.io"),
    ("RuntimeClass", "node.k8s.io"),
    ("StorageClass", "storage.k8s.io"),
    ("VolumeAttributesClass", "storage.k8s.io"),
    ("IngressClass", "networking.k8s.io"),
    ("GatewayClass", "gateway.networking.k8s.io"),
];

/// What would be in the way of others of its wave as long as what it calls is not there.
const GATES: &[(&str, &str)] = &[
    ("APIService", "apiregistration.k8s.io"),
    ("MutatingWebhookConfiguration", "admissionregistration.k8s.io"),
    ("ValidatingWebhookConfiguration", "admissionregistration.k8s.io"),
    ("MutatingAdmissionPolicyBinding", "admissionregistration.k8s.io"),
    ("ValidatingAdmissionPolicyBinding", "admissionregistration.k8s.io"),
];

/// The order within a wave, which is Helm's and Argo CD's; what is not in it comes behind.
const KINDS: &[(&str, &str)] = &[
    ("Namespace", ""),
    ("PriorityClass", "scheduling.k8s.io"),
    ("RuntimeClass", "node.k8s.io"),
    ("CustomResourceDefinition", "apiextensions.k8s.io"),
    ("StorageClass", "storage.k8s.io"),
    ("VolumeAttributesClass", "storage.k8s.io"),
    ("IngressClass", "networking.k8s.io"),
    ("GatewayClass", "gateway.networking.k8s.io"),
    ("NetworkPolicy", "networking.k8s.io"),
    ("ResourceQuota", ""),
    ("LimitRange", ""),
    ("PodDisruptionBudget", "policy"),
    ("ServiceAccount", ""),
    ("Secret", ""),
    ("ConfigMap", ""),
    ("PersistentVolume", ""),
    ("PersistentVolumeClaim", ""),
    ("ClusterRole", "rbac.authorization.k8s.io"),
    ("ClusterRoleBinding", "rbac.authorization.k8s.io"),
    ("Role", "rbac.authorization.k8s.io"),
    ("RoleBinding", "rbac.authorization.k8s.io"),
    ("Service", ""),
    ("DaemonSet", "apps"),
    ("Pod", ""),
    ("ReplicationController", ""),
    ("ReplicaSet", "apps"),
    ("Deployment", "apps"),
    ("HorizontalPodAutoscaler", "autoscaling"),
    ("StatefulSet", "apps"),
    ("Job", "batch"),
    ("CronJob", "batch"),
    ("Ingress", "networking.k8s.io"),
];

fn position(list: &[(&str, &str)], kind: &Kind) -> Option<usize> {
    list.iter().position(|(name, group)| kind.is(group, name))
}

/// The wave of an object: that of its annotation in steps of four, definitions before the rest and
/// what gates others behind it.
pub fn wave(kind: &Kind, object: &Value) -> i32 {
    let slot = if position(DEFINITIONS, kind).is_some() {
        0
    } else if position(GATES, kind).is_some() {
        2
    } else {
        1
    };
    spread(number(object, SYNC_WAVE).unwrap_or(0), slot)
}

/// A slot within a wave of the annotation.
pub fn spread(wave: i32, slot: i32) -> i32 {
    wave.saturating_mul(SLOTS).saturating_add(slot).clamp(-FARTHEST, FARTHEST)
}

/// Where a kind stands within its wave.
pub fn rank(kind: &Kind) -> usize {
    position(KINDS, kind).unwrap_or(KINDS.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave_of(api_version: &str, kind: &str, wave: &str) -> i32 {
        let object = json!({ "metadata": { "annotations": { SYNC_WAVE: wave } } });
        super::wave(&Kind::new(api_version, kind), &object)
    }

    #[test]
    fn definitions_come_first_in_their_wave_and_webhooks_last() {
        assert_eq!(wave_of("v1", "Namespace", "0"), 0);
        assert_eq!(wave_of("apps/v1", "Deployment", "0"), 1);
        assert_eq!(wave_of("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", "0"), 2);
        assert_eq!(wave_of("v1", "Namespace", "1"), 4);
        assert_eq!(wave_of("apps/v1", "Deployment", "-1"), -3);
        assert_eq!(wave_of("apps/v1", "Deployment", "soon"), 1);
        assert_eq!(wave_of("apps/v1", "Deployment", "2147483647"), FARTHEST);
        assert!(LAST_PRUNE < wave_of("v1", "Namespace", "-2147483648"));
    }

    #[test]
    fn kinds_have_an_order() {
        let sorted = [
            ("v1", "Namespace"),
            ("apiextensions.k8s.io/v1", "CustomResourceDefinition"),
            ("v1", "ServiceAccount"),
            ("v1", "Secret"),
            ("v1", "Service"),
            ("apps/v1", "Deployment"),
            ("networking.k8s.io/v1", "Ingress"),
            ("example.com/v1", "Deployment"),
        ];
        let ranks: Vec<_> = sorted.map(|(version, kind)| rank(&Kind::new(version, kind))).to_vec();
        assert!(ranks.windows(2).all(|pair| pair[0] < pair[1]), "{ranks:?}");
        for (kind, group) in DEFINITIONS {
            assert!(position(KINDS, &Kind { group: (*group).into(), kind: (*kind).into() }).is_some(), "{kind}");
        }
    }
}
