//! The objects of one type as they were last seen, and what this process has done to them since.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::object::Live;

/// The namespace and the name of an object.
pub type Key = (String, String);

/// What is known of an object.
#[derive(Debug, PartialEq, Eq)]
pub enum Read {
    /// It is so, or not there.
    Known(Option<Arc<str>>),
    /// It was changed, and how it is now was not seen yet.
    Behind,
}

/// What this process has done that was not seen yet from the API server's side.
#[derive(Debug)]
enum Ahead {
    /// It was written, as this version; in another version of the type, its text isn't known here.
    Written { version: u128, live: Option<Live> },
    /// The object of this uid was deleted, which was there as this version.
    Gone { uid: String, version: u128 },
    /// Something that can't be compared with what is seen.
    Unknown,
}

/// The objects.
#[derive(Debug, Default)]
pub struct Store {
    objects: BTreeMap<Key, Live>,
    ahead: HashMap<Key, Ahead>,
    /// The version up to which everything was seen.
    seen: u128,
}

impl Store {
    /// All objects are these, as of a version. Gives the names of those that have changed.
    pub fn replace(&mut self, items: Vec<Live>, version: &str) -> Vec<Key> {
        let now: BTreeMap<Key, Live> = items.into_iter().map(|live| (key(&live), live)).collect();
        let gone = self.objects.keys().filter(|key| !now.contains_key(*key)).cloned();
        let differs = |(key, live): &(&Key, &Live)| self.objects.get(*key).is_none_or(|old| old.text != live.text);
        let changed = gone.chain(now.iter().filter(differs).map(|(key, _)| key.clone())).collect();
        self.objects = now;
        let (objects, listed) = (&self.objects, number(version));
        self.ahead.retain(|key, ahead| match ahead {
            Ahead::Gone { uid, version } => match objects.get(key) {
                Some(live) => !is_next(live, uid, *version),
                // Gone, or not there yet.
                None => listed < *version,
            },
            Ahead::Written { .. } => true,
            Ahead::Unknown => false,
        });
        self.see(version);
        changed
    }

    /// An object is there or has changed. Whether it is news.
    pub fn put(&mut self, live: Live) -> Option<Key> {
        let key = key(&live);
        match self.ahead.get(&key) {
            Some(Ahead::Gone { uid, version }) if is_next(&live, uid, *version) => drop(self.ahead.remove(&key)),
            Some(Ahead::Unknown) => drop(self.ahead.remove(&key)),
            _ => {}
        }
        self.see(&live.metadata.resource_version);
        let text = Arc::clone(&live.text);
        let old = self.objects.insert(key.clone(), live);
        old.is_none_or(|old| old.text != text).then_some(key)
    }

    /// An object is gone. Whether it is news.
    pub fn remove(&mut self, live: &Live) -> Option<Key> {
        let key = key(live);
        match self.ahead.get(&key) {
            Some(Ahead::Gone { uid, .. }) if *uid == live.metadata.uid => drop(self.ahead.remove(&key)),
            Some(Ahead::Unknown) => drop(self.ahead.remove(&key)),
            _ => {}
        }
        self.see(&live.metadata.resource_version);
        self.objects.remove(&key).map(|_| key)
    }

    /// Everything up to a version was seen.
    pub fn see(&mut self, version: &str) {
        self.seen = self.seen.max(number(version));
        let seen = self.seen;
        self.ahead.retain(|_, ahead| !matches!(ahead, Ahead::Written { version, .. } if *version <= seen));
    }

    /// This process wrote an object. `text` says whether it is in the type's version here.
    pub fn wrote(&mut self, live: Live, text: bool) {
        let key = key(&live);
        let ahead = match live.metadata.resource_version.parse() {
            Ok(version) if version <= self.seen => return,
            Ok(version) => match self.ahead.get(&key) {
                Some(Ahead::Written { version: other, .. }) if *other > version => return,
                _ => Ahead::Written { version, live: text.then_some(live) },
            },
            Err(_) => Ahead::Unknown,
        };
        self.ahead.insert(key, ahead);
    }

    /// This process deleted an object.
    pub fn deleted(&mut self, key: Key, uid: &str) {
        if uid.is_empty() {
            self.ahead.insert(key, Ahead::Unknown);
            return;
        }
        let seen = self.objects.get(&key).filter(|live| live.metadata.uid == uid);
        let version = match self.ahead.get(&key) {
            Some(Ahead::Written { version, live: None }) => Some(*version),
            Some(Ahead::Written { version, live: Some(live) }) if live.metadata.uid == uid => Some(*version),
            _ => seen.map(|live| number(&live.metadata.resource_version)),
        };
        // If neither shows it, its end was seen already.
        if let Some(version) = version {
            self.ahead.insert(key, Ahead::Gone { uid: uid.to_owned(), version });
        }
    }

    /// One object.
    pub fn read(&self, key: &Key) -> Read {
        let seen = self.objects.get(key);
        match self.ahead.get(key) {
            None => Read::Known(seen.map(|live| Arc::clone(&live.text))),
            Some(Ahead::Written { live: Some(live), .. }) => Read::Known(Some(Arc::clone(&live.text))),
            Some(Ahead::Gone { uid, version }) => {
                Read::Known(seen.filter(|live| is_next(live, uid, *version)).map(|live| Arc::clone(&live.text)))
            }
            Some(Ahead::Written { live: None, .. } | Ahead::Unknown) => Read::Behind,
        }
    }

    /// The objects of a namespace, or of all if it is empty, that are chosen, by namespace and name;
    /// none if one of them is behind.
    pub fn select(&self, namespace: &str, chosen: impl Fn(&Live) -> bool) -> Option<Vec<Arc<str>>> {
        let within = |key: &Key| namespace.is_empty() || key.0 == namespace;
        // Most objects are as they were seen: those that are not are looked at first.
        let mut ahead: Vec<(&Key, Option<&Live>)> = Vec::new();
        for (key, what) in self.ahead.iter().filter(|(key, _)| within(key)) {
            match what {
                Ahead::Written { live: Some(live), .. } => ahead.push((key, Some(live))),
                Ahead::Gone { uid, version } => {
                    ahead.push((key, self.objects.get(key).filter(|live| is_next(live, uid, *version))));
                }
                Ahead::Written { live: None, .. } | Ahead::Unknown => return None,
            }
        }
        let seen = self.objects.iter().filter(|(key, live)| within(key) && chosen(live));
        let seen = seen.filter(|(key, _)| ahead.is_empty() || !self.ahead.contains_key(*key));
        let ahead = ahead.iter().filter_map(|(key, live)| live.filter(|live| chosen(live)).map(|live| (*key, live)));
        let mut now: Vec<(&Key, &Live)> = seen.chain(ahead).collect();
        now.sort_unstable_by_key(|(key, _)| *key);
        Some(now.into_iter().map(|(_, live)| Arc::clone(&live.text)).collect())
    }
}

/// Whether an object came after the one of this uid, and not before it.
fn is_next(live: &Live, uid: &str, version: u128) -> bool {
    live.metadata.uid != uid && number(&live.metadata.resource_version) > version
}

/// A version as the number that it is; those of other servers than Kubernetes' own need not be one.
fn number(version: &str) -> u128 {
    version.parse().unwrap_or(0)
}

fn key(live: &Live) -> Key {
    (live.metadata.namespace.clone(), live.metadata.name.clone())
}

#[cfg(test)]
mod tests {
    use springline_model::kubernetes::ApiKind;

    use super::*;

    fn live(name: &str, uid: &str, version: u32) -> Live {
        let text = format!(
            r#"{{"kind":"X","metadata":{{"name":"{name}","namespace":"n","uid":"{uid}","resourceVersion":"{version}"}}}}"#
        );
        Live::read(&text, &ApiKind::new("v1", "X"), false).unwrap()
    }

    fn at(name: &str) -> Key {
        ("n".into(), name.into())
    }

    fn shows(store: &Store, name: &str) -> Option<String> {
        match store.read(&at(name)) {
            Read::Known(text) => text.map(|text| text.to_string()),
            Read::Behind => panic!("behind"),
        }
    }

    fn text(live: &Live) -> Option<String> {
        Some(live.text.to_string())
    }

    #[test]
    fn what_was_written_is_there_until_it_is_seen() {
        let mut store = Store::default();
        assert_eq!(store.replace(vec![live("a", "1", 5)], "7"), [at("a")]);
        store.wrote(live("a", "1", 9), true);
        store.wrote(live("b", "2", 10), true);
        assert_eq!(shows(&store, "a"), text(&live("a", "1", 9)));
        // What is older than the write comes later.
        store.put(live("a", "1", 8));
        assert_eq!(shows(&store, "a"), text(&live("a", "1", 9)));
        assert_eq!(store.select("n", |_| true).unwrap().len(), 2);
        // What is newer wins, and what was seen goes from there on.
        store.put(live("a", "1", 11));
        assert_eq!(shows(&store, "a"), text(&live("a", "1", 11)));
        assert!(store.ahead.is_empty());
        assert_eq!(shows(&store, "b"), None);
    }

    #[test]
    fn a_write_that_was_seen_before_it_was_answered_changes_nothing() {
        let mut store = Store::default();
        store.replace(vec![], "1");
        store.put(live("a", "1", 5));
        store.remove(&live("a", "1", 6));
        store.wrote(live("a", "1", 5), true);
        assert_eq!(shows(&store, "a"), None);
        store.deleted(at("a"), "1");
        assert!(store.ahead.is_empty());
    }

    #[test]
    fn what_was_deleted_is_gone_until_there_is_another() {
        let mut store = Store::default();
        store.replace(vec![live("a", "1", 5)], "7");
        store.deleted(at("a"), "1");
        assert_eq!(shows(&store, "a"), None);
        store.put(live("a", "1", 8));
        assert_eq!((shows(&store, "a"), store.select("", |_| true).unwrap().len()), (None, 0));
        // A list that began before still has it, one that began later has not.
        store.replace(vec![live("a", "1", 8)], "8");
        assert_eq!(shows(&store, "a"), None);
        store.put(live("a", "2", 12));
        assert_eq!(shows(&store, "a"), text(&live("a", "2", 12)));
        store.deleted(at("a"), "2");
        store.remove(&live("a", "2", 13));
        assert!(store.ahead.is_empty());
        // Made and deleted before any of it is seen.
        store.wrote(live("c", "3", 20), true);
        store.deleted(at("c"), "3");
        assert_eq!(shows(&store, "c"), None);
        store.put(live("c", "3", 20));
        assert_eq!(shows(&store, "c"), None);
        store.remove(&live("c", "3", 21));
        assert!(store.ahead.is_empty());
    }

    #[test]
    fn an_object_before_the_one_that_was_deleted_is_not_the_next() {
        let mut store = Store::default();
        store.replace(vec![live("a", "1", 5)], "7");
        // Deleted, made again and deleted again, while the watch lags behind.
        store.deleted(at("a"), "1");
        store.wrote(live("a", "2", 10), true);
        assert_eq!(shows(&store, "a"), text(&live("a", "2", 10)));
        store.deleted(at("a"), "2");
        assert_eq!((shows(&store, "a"), store.select("", |_| true).unwrap().len()), (None, 0));
        store.put(live("a", "1", 6));
        store.remove(&live("a", "1", 8));
        assert_eq!(shows(&store, "a"), None);
        // A list from between the two, and one from before the second end.
        store.replace(vec![], "9");
        store.replace(vec![live("a", "2", 10)], "10");
        assert_eq!(shows(&store, "a"), None);
        store.put(live("a", "3", 12));
        assert_eq!(shows(&store, "a"), text(&live("a", "3", 12)));
        assert!(store.ahead.is_empty());
    }

    #[test]
    fn what_can_not_be_known_is_read_elsewhere() {
        let mut store = Store::default();
        store.replace(vec![live("a", "1", 5)], "7");
        store.wrote(live("a", "1", 9), false);
        assert_eq!((store.read(&at("a")), store.select("n", |_| true)), (Read::Behind, None));
        assert_eq!(store.select("other", |_| true), Some(vec![]));
        store.see("9");
        assert_eq!(shows(&store, "a"), text(&live("a", "1", 5)));
        store.deleted(at("a"), "");
        assert_eq!(store.read(&at("a")), Read::Behind);
        store.replace(vec![], "10");
        assert_eq!(shows(&store, "a"), None);
    }

    #[test]
    fn news_are_what_differs() {
        let mut store = Store::default();
        store.replace(vec![live("a", "1", 5), live("b", "1", 6)], "7");
        assert_eq!(store.put(live("a", "1", 5)), None);
        assert_eq!(store.put(live("a", "1", 8)), Some(at("a")));
        assert_eq!(store.remove(&live("c", "1", 9)), None);
        assert_eq!(store.replace(vec![live("a", "1", 8), live("d", "1", 9)], "9"), [at("b"), at("d")]);
    }
}
