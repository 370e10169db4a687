//! What API servers hold, in memory: one follower for each type and scope that is read, shared by all
//! who read it.

mod follow;
mod labelled;
mod selector;
mod store;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use springline_model::kubernetes::{ObjectName, Selection, ServedType};
use springline_model::run::Place;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;

use crate::cluster::Cluster;
use crate::object::Live;
use labelled::Labelled;
use selector::Selector;
use store::{Key, Read, Store};

/// How long a type that may not be followed is not tried again.
const BARRED: Duration = Duration::from_secs(300);

/// The type and namespace that is followed; all namespaces if it is empty.
type Scope = (String, String, String, String);

/// Whose objects and where: group, kind and key.
type Subject = (String, String, Key);

/// The caches of one cluster.
pub struct Cache {
    followers: Mutex<HashMap<Scope, Arc<Follower>>>,
    /// By the type, the namespace and the label.
    labelled: Mutex<HashMap<(Scope, String), Arc<Labelled>>>,
    readers: Mutex<HashMap<Subject, HashSet<Place>>>,
    /// Where the readers of what has changed are told; none if nobody listens.
    changes: Option<UnboundedSender<Place>>,
    silence: Duration,
}

/// How far a follower is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The first list is not there yet.
    Starting,
    /// It follows.
    Current,
    /// It has lost the API server, and tries to find it again.
    Lost,
    /// It may not follow, or there is nothing to follow; since when.
    Barred(Instant),
}

impl State {
    /// Whether it may be tried again.
    fn is_over(self, now: Instant) -> bool {
        matches!(self, Self::Barred(since) if now.duration_since(since) > BARRED)
    }
}

/// The objects of one type and scope.
struct Follower {
    served: ServedType,
    namespace: String,
    store: Mutex<Store>,
    state: watch::Sender<State>,
}

impl Follower {
    fn store(&self) -> MutexGuard<'_, Store> {
        lock(&self.store)
    }

    fn state(&self) -> State {
        *self.state.borrow()
    }
}

impl Cache {
    /// Nothing yet. A watch that is silent for so long is given up.
    pub fn new(changes: Option<UnboundedSender<Place>>, silence: Option<Duration>) -> Self {
        let silence = silence.unwrap_or(follow::SILENCE);
        Self { followers: Mutex::default(), labelled: Mutex::default(), readers: Mutex::default(), changes, silence }
    }

    /// Objects by their names, none for each that has to be read from the API server.
    pub async fn get(
        &self,
        cluster: &Arc<Cluster>,
        served: &ServedType,
        namespace: &str,
        names: &[&str],
    ) -> Vec<Option<Option<Arc<str>>>> {
        let Some(follower) = self.current(cluster, served, namespace).await else { return vec![None; names.len()] };
        let store = follower.store();
        let read = |name: &&str| match store.read(&(namespace.to_owned(), (*name).to_owned())) {
            Read::Known(text) => Some(text),
            Read::Behind => None,
        };
        names.iter().map(read).collect()
    }

    /// The objects that are selected, by namespace and name; none if the API server has to be asked.
    pub async fn list(
        &self,
        cluster: &Arc<Cluster>,
        served: &ServedType,
        selection: &Selection,
    ) -> Option<Vec<Arc<str>>> {
        if !selection.fields.is_empty() {
            return None;
        }
        let selector = Selector::read(&selection.labels)?;
        let namespace = &selection.namespace;
        let chosen = |live: &Live| selector.matches(live.metadata.labels.as_ref());
        // To follow all objects of a type for the sake of a few would hold the others in memory.
        if let Some(label) = selector.label().filter(|_| !self.is_followed(served, namespace)) {
            let labelled = self.labelled(served, namespace, label, &selection.labels);
            let listed = labelled.is_listed(cluster, &selection.labels).await;
            return if listed { labelled.select(namespace, chosen) } else { None };
        }
        self.current(cluster, served, namespace).await?.store().select(namespace, chosen)
    }

    /// Notes who reads which objects, if anybody wants to hear of it.
    pub fn note_reader(&self, reader: &Place, names: &[ObjectName]) {
        if self.changes.is_none() {
            return;
        }
        let mut readers = lock(&self.readers);
        for name in names {
            let key = (name.namespace.clone(), name.name.clone());
            let of = readers.entry((name.kind.group.clone(), name.kind.kind.clone(), key)).or_default();
            of.insert(reader.clone());
        }
    }

    /// Notes that this process wrote an object.
    pub fn wrote(&self, served: &ServedType, live: &Live) {
        for follower in self.of_type(served, &live.metadata.namespace) {
            let same = follower.served.kind.version == served.kind.version;
            follower.store().wrote(live.clone(), same);
        }
        for labelled in self.labelled_of(served, &live.metadata.namespace) {
            labelled.wrote(served, live.clone());
        }
    }

    /// Notes that this process deleted an object.
    pub fn deleted(&self, served: &ServedType, key: &Key, uid: &str) {
        for follower in self.of_type(served, &key.0) {
            follower.store().deleted(key.clone(), uid);
        }
        for labelled in self.labelled_of(served, &key.0) {
            labelled.deleted(key.clone(), uid);
        }
    }

    /// A follower that has what is asked for, started if there is none.
    async fn current(&self, cluster: &Arc<Cluster>, served: &ServedType, namespace: &str) -> Option<Arc<Follower>> {
        // Who asks for no label from now on does not keep a list for ever.
        drop(self.all_labelled());
        if !["list", "watch"].iter().all(|wanted| served.verbs.iter().any(|verb| verb == wanted)) {
            return None;
        }
        // Who may not see all namespaces may see one.
        let scopes: &[&str] = if namespace.is_empty() { &[""] } else { &["", namespace] };
        for scope in scopes {
            let follower = self.follower(cluster, served, scope);
            let mut state = follower.state.subscribe();
            let reached = state.wait_for(|state| *state != State::Starting).await.map(|state| *state);
            match reached {
                Ok(State::Current) => return Some(follower),
                Ok(State::Barred(_)) => {}
                _ => return None,
            }
        }
        None
    }

    fn follower(&self, cluster: &Arc<Cluster>, served: &ServedType, namespace: &str) -> Arc<Follower> {
        let mut followers = lock(&self.followers);
        let scope = scope(served, namespace);
        if let Some(follower) = followers.get(&scope)
            && !follower.state().is_over(Instant::now())
        {
            return Arc::clone(follower);
        }
        let follower = Arc::new(Follower {
            served: served.clone(),
            namespace: namespace.to_owned(),
            store: Mutex::default(),
            state: watch::channel(State::Starting).0,
        });
        followers.insert(scope, Arc::clone(&follower));
        tokio::spawn(follow::follow(Arc::clone(cluster), Arc::clone(&follower)));
        follower
    }

    /// Whether objects of a type and namespace are followed, or soon will be.
    fn is_followed(&self, served: &ServedType, namespace: &str) -> bool {
        let followers = lock(&self.followers);
        ["", namespace].iter().any(|within| {
            let follower = followers.get(&scope(served, within));
            follower.is_some_and(|follower| !matches!(follower.state(), State::Barred(_)))
        })
    }

    /// What is known of the objects that carry a label.
    fn labelled(&self, served: &ServedType, namespace: &str, label: &str, selector: &str) -> Arc<Labelled> {
        let mut all = self.all_labelled();
        let labelled = all.entry((scope(served, namespace), label.to_owned()));
        Arc::clone(labelled.or_insert_with(|| Labelled::new(served, namespace, label, (selector, Instant::now()))))
    }

    /// All that is known of labelled objects and not too old: what is, goes.
    fn all_labelled(&self) -> MutexGuard<'_, HashMap<(Scope, String), Arc<Labelled>>> {
        let mut all = lock(&self.labelled);
        all.retain(|_, labelled| !labelled.is_stale());
        all
    }

    /// What is known of labelled objects, of any version, among which one of this namespace may be.
    fn labelled_of(&self, served: &ServedType, namespace: &str) -> Vec<Arc<Labelled>> {
        let all = self.all_labelled();
        all.values().filter(|labelled| labelled.is_about(served, namespace)).cloned().collect()
    }

    /// The followers, of any version, in whose scope a namespace is.
    fn of_type(&self, served: &ServedType, namespace: &str) -> Vec<Arc<Follower>> {
        let followers = lock(&self.followers);
        let holds = |follower: &&Arc<Follower>| holds((&follower.served, &follower.namespace), (served, namespace));
        followers.values().filter(holds).cloned().collect()
    }

    /// Tells who has read an object that it is gone. Whoever wants to hear of the next one of that name
    /// reads it again: names that never come back would add up otherwise.
    fn tell_end(&self, served: &ServedType, key: Option<Key>) {
        let (Some(changes), Some(key)) = (&self.changes, key) else { return };
        let subject = (served.kind.group.clone(), served.kind.kind.clone(), key);
        // Who reads it from now on is noted anew.
        let readers = lock(&self.readers).remove(&subject);
        for reader in readers.into_iter().flatten() {
            // Nobody listens any more when the process ends.
            let _ = changes.send(reader);
        }
    }

    /// Tells who has read an object that it has changed.
    fn tell(&self, served: &ServedType, keys: impl IntoIterator<Item = Key>) {
        let Some(changes) = &self.changes else { return };
        let readers = lock(&self.readers);
        for key in keys {
            let subject = (served.kind.group.clone(), served.kind.kind.clone(), key);
            for reader in readers.get(&subject).into_iter().flatten() {
                // Nobody listens any more when the process ends.
                let _ = changes.send(reader.clone());
            }
        }
    }
}

fn scope(served: &ServedType, namespace: &str) -> Scope {
    (served.kind.group.clone(), served.kind.version.clone(), served.plural.clone(), namespace.to_owned())
}

/// Whether an object of a type, in any version, and of a namespace is among those of a type and a
/// namespace, or of all if it is empty.
fn holds((all, within): (&ServedType, &str), (served, namespace): (&ServedType, &str)) -> bool {
    all.kind.group == served.kind.group && all.plural == served.plural && (within.is_empty() || within == namespace)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use springline_model::kubernetes::{ApiKind, ClusterBinding};
    use tokio::sync::mpsc::unbounded_channel;

    use super::*;

    fn pods() -> ServedType {
        ServedType {
            kind: ApiKind::new("v1", "Pod"),
            plural: "pods".into(),
            namespaced: true,
            verbs: Vec::new(),
            subresources: Vec::new(),
        }
    }

    #[test]
    fn whoever_reads_by_name_lets_old_lists_go() {
        let (cache, served) = (Cache::new(None, None), pods());
        let cluster = Arc::new(Cluster::new("c", ClusterBinding::default(), None));
        let old = Instant::now().checked_sub(Duration::from_secs(40)).expect("the machine is up that long");
        for (label, since) in [("old", old), ("new", Instant::now())] {
            let labelled = Labelled::new(&served, "", label, (label, since));
            lock(&cache.labelled).insert((scope(&served, ""), label.into()), labelled);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        assert_eq!(runtime.block_on(cache.get(&cluster, &served, "n", &["a"])), [None]);
        let kept: Vec<String> = lock(&cache.labelled).keys().map(|(_, label)| label.clone()).collect();
        assert_eq!(kept, ["new"]);
    }

    #[test]
    fn who_reads_an_object_while_its_end_is_told_is_told_as_well() {
        const READERS: usize = 20_000;
        let served = pods();
        let (changes, mut told) = unbounded_channel();
        let cache = Cache::new(Some(changes), None);
        let object = ObjectName { kind: served.kind.clone(), namespace: "n".into(), name: "a".into() };
        let end = || cache.tell_end(&served, Some(("n".into(), "a".into())));
        std::thread::scope(|scope| {
            let reads = scope.spawn(|| {
                for number in 0..READERS {
                    let place = Place { application: "a".into(), environment: number.to_string() };
                    cache.note_reader(&place, std::slice::from_ref(&object));
                }
            });
            while !reads.is_finished() {
                end();
            }
        });
        end();
        let told: HashSet<Place> = std::iter::from_fn(|| told.try_recv().ok()).collect();
        assert_eq!(told.len(), READERS);
        assert!(lock(&cache.readers).is_empty());
    }

    #[test]
    fn what_is_barred_is_tried_again_a_while_after_it_was() {
        let since = Instant::now();
        let barred = State::Barred(since);
        assert!(!barred.is_over(since + BARRED));
        assert!(barred.is_over(since + BARRED + Duration::from_secs(1)));
        for state in [State::Starting, State::Current, State::Lost] {
            assert!(!state.is_over(since + 2 * BARRED), "{state:?}");
        }
    }
}
