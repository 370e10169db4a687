//! Objects that carry a label: listed once for all who select among them within a short time, such as
//! applications that each look for what is theirs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use springline_model::kubernetes::ServedType;
use tokio::sync::OnceCell;

use super::store::{Key, Store};
use super::{holds, lock};
use crate::cluster::Cluster;
use crate::link::MOST_BYTES;
use crate::object::Live;

/// How long a list is good for. What others write meanwhile is not in it; what this process writes is.
const GOOD: Duration = Duration::from_secs(30);

/// The objects of one type and namespace, or all namespaces, that carry a label.
pub struct Labelled {
    served: ServedType,
    namespace: String,
    label: String,
    /// The first selector that was asked for. While it is the only one, its objects alone are asked for.
    first: String,
    since: Instant,
    known: Mutex<Known>,
    /// Whether all of them are in the store, once that was tried.
    listed: OnceCell<bool>,
}

/// What is known of them.
#[derive(Default)]
struct Known {
    store: Store,
    /// The objects, by uid, that this process has deleted since they are being listed: they may be in the
    /// list all the same. None while they are not being listed.
    missed: Option<BTreeMap<Key, String>>,
}

impl Known {
    /// They are being listed.
    fn begin(&mut self) {
        self.missed = Some(BTreeMap::new());
    }

    /// They were listed.
    fn take(&mut self, items: Vec<Live>, version: &str) {
        self.store.replace(items, version);
        for (key, uid) in self.missed.take().into_iter().flatten() {
            self.store.deleted(key, &uid);
        }
    }

    fn wrote(&mut self, live: Live, text: bool) {
        if let Some(missed) = &mut self.missed {
            missed.remove(&(live.metadata.namespace.clone(), live.metadata.name.clone()));
        }
        self.store.wrote(live, text);
    }

    fn deleted(&mut self, key: Key, uid: &str) {
        if let Some(missed) = &mut self.missed {
            missed.insert(key.clone(), uid.to_owned());
        }
        self.store.deleted(key, uid);
    }
}

impl Labelled {
    /// Nothing is known yet, for a first selector at some time.
    pub fn new(served: &ServedType, namespace: &str, label: &str, (first, since): (&str, Instant)) -> Arc<Self> {
        Arc::new(Self {
            served: served.clone(),
            namespace: namespace.to_owned(),
            label: label.to_owned(),
            first: first.to_owned(),
            since,
            known: Mutex::default(),
            listed: OnceCell::new(),
        })
    }

    /// Whether it is too old.
    pub fn is_stale(&self) -> bool {
        self.since.elapsed() > GOOD
    }

    /// Whether an object of a type and namespace may be among them.
    pub fn is_about(&self, served: &ServedType, namespace: &str) -> bool {
        holds((&self.served, &self.namespace), (served, namespace))
    }

    /// Whether all of them are known. They are listed if that pays: for a second selector.
    pub async fn is_listed(&self, cluster: &Cluster, selector: &str) -> bool {
        if selector == self.first && !self.listed.initialized() {
            return false;
        }
        let list = async || {
            lock(&self.known).begin();
            match cluster.list_of(&self.served, &self.namespace, &self.label, "", false, MOST_BYTES).await {
                Ok(listed) => {
                    lock(&self.known).take(listed.items, &listed.version);
                    true
                }
                // Those that are too many, or can't be had: whoever asks for fewer is told why.
                Err(_) => {
                    lock(&self.known).missed = None;
                    false
                }
            }
        };
        *self.listed.get_or_init(list).await
    }

    /// Those of a namespace, or of all if it is empty, that are chosen; none if one of them is behind.
    pub fn select(&self, namespace: &str, chosen: impl Fn(&Live) -> bool) -> Option<Vec<Arc<str>>> {
        lock(&self.known).store.select(namespace, chosen)
    }

    /// Notes that this process wrote an object, in a version of the type.
    pub fn wrote(&self, served: &ServedType, live: Live) {
        let text = self.served.kind.version == served.kind.version;
        lock(&self.known).wrote(live, text);
    }

    /// Notes that this process deleted an object.
    pub fn deleted(&self, key: Key, uid: &str) {
        lock(&self.known).deleted(key, uid);
    }
}

#[cfg(test)]
mod tests {
    use springline_model::kubernetes::ApiKind;

    use super::*;

    fn live(uid: &str, version: u32) -> Live {
        let text = format!(
            r#"{{"kind":"X","metadata":{{"name":"a","namespace":"n","uid":"{uid}","resourceVersion":"{version}"}}}}"#
        );
        Live::read(&text, &ApiKind::new("v1", "X"), false).unwrap()
    }

    fn shows(known: &Known) -> Vec<Arc<str>> {
        known.store.select("", |_| true).unwrap()
    }

    #[test]
    fn what_is_deleted_while_it_is_listed_is_gone() {
        let mut known = Known::default();
        known.begin();
        known.deleted(("n".into(), "a".into()), "u1");
        known.take(vec![live("u1", 5)], "7");
        assert_eq!(shows(&known), []);
        // And what came after it is there, whether it was listed or written.
        known.begin();
        known.deleted(("n".into(), "a".into()), "u1");
        known.take(vec![live("u2", 8)], "9");
        assert_eq!(shows(&known), [live("u2", 8).text]);
        known.begin();
        known.deleted(("n".into(), "a".into()), "u2");
        known.wrote(live("u3", 12), true);
        known.take(vec![live("u2", 8)], "10");
        assert_eq!(shows(&known), [live("u3", 12).text]);
    }
}
