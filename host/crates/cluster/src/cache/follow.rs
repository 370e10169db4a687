//! Follows one type: a list, and then every change of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::BodyExt;
use kube::client::Body;
use springline_model::kubernetes::KubernetesError;

use super::{Cache, Follower, State};
use crate::cluster::Cluster;
use crate::json;
use crate::link::{Ask, MOST_BYTES};
use crate::object::Live;
use crate::path::{self, Query};
use crate::retry;
use crate::status::Status;

/// How long one watch goes on, in seconds, before the next takes over; a server would end it as well.
const WATCH: u64 = 240;
/// How long a watch may be silent: servers send a bookmark every minute. After it, the connection is
/// taken for dead.
pub const SILENCE: Duration = Duration::from_secs(90);
/// After how long without the API server everything is listed anew.
const ABSENCE: Duration = Duration::from_secs(5);
/// The longest wait between two tries.
const LONGEST: Duration = Duration::from_secs(30);

/// How a watch ended.
enum End {
    /// As it should: the next one goes on from there.
    Done,
    /// What it goes on from is too old.
    Expired,
    /// It may not be, or there is no such type.
    Barred,
    /// The connection or the server failed.
    Broken,
}

/// Follows until it may not, or the task is ended.
pub async fn follow(cluster: Arc<Cluster>, follower: Arc<Follower>) {
    let Some(cache) = cluster.cache.as_ref() else { return };
    let mut failures = 0;
    loop {
        let (served, namespace) = (&follower.served, &follower.namespace);
        match cluster.list_of(served, namespace, "", "", false, usize::MAX).await {
            Ok(listed) => {
                let changed = follower.store().replace(listed.items, &listed.version);
                let first = follower.state() == State::Starting;
                follower.state.send_replace(State::Current);
                if !first {
                    cache.tell(served, changed);
                }
                failures = 0;
                if let End::Barred = watch_on(&cluster, cache, &follower, listed.version).await {
                    break;
                }
            }
            Err(KubernetesError::Refused { .. } | KubernetesError::UnknownType(_)) => break,
            Err(_) => {
                follower.state.send_replace(State::Lost);
                pause(&mut failures).await;
            }
        }
    }
    follower.state.send_replace(State::Barred(Instant::now()));
}

/// Watches, one watch after the other, until a new list is needed.
async fn watch_on(cluster: &Cluster, cache: &Cache, follower: &Follower, mut version: String) -> End {
    let (mut failures, mut lost) = (0, None::<Instant>);
    loop {
        let began = Instant::now();
        let end = match open(cluster, follower, &version).await {
            Ok(body) => {
                if lost.take().is_some_and(|lost| lost.elapsed() > ABSENCE) {
                    return End::Expired;
                }
                follower.state.send_replace(State::Current);
                read(cache, follower, body, &mut version).await
            }
            Err(end) => end,
        };
        // A watch that was worth it is no further failure.
        if began.elapsed() > cache.silence {
            failures = 0;
        }
        match end {
            // Those that end at once would go round and round.
            End::Done if began.elapsed() > Duration::from_secs(1) => {}
            End::Done => pause(&mut failures).await,
            End::Broken => {
                follower.state.send_replace(State::Lost);
                lost.get_or_insert_with(Instant::now);
                pause(&mut failures).await;
            }
            End::Expired | End::Barred => return end,
        }
    }
}

async fn open(cluster: &Cluster, follower: &Follower, version: &str) -> Result<Body, End> {
    let (served, namespace) = (&follower.served, &follower.namespace);
    let path = path::collection(served, namespace).map_err(|_| End::Barred)?;
    let query = Query::default()
        .with("watch", "1")
        .with("allowWatchBookmarks", "true")
        .with("resourceVersion", version)
        .with("timeoutSeconds", &(WATCH + retry::chance() % 60).to_string());
    let ask = Ask::get(query.after(path));
    match cluster.link.stream(&ask).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(reply)) => Err(match reply.code {
            410 => End::Expired,
            403..=405 => End::Barred,
            _ => End::Broken,
        }),
        Err(_) => Err(End::Broken),
    }
}

async fn read(cache: &Cache, follower: &Follower, mut body: Body, version: &mut String) -> End {
    let mut rest = Vec::new();
    loop {
        let Ok(frame) = tokio::time::timeout(cache.silence, body.frame()).await else { return End::Broken };
        let data = match frame {
            None => return End::Done,
            Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
            Some(Err(_)) => return End::Broken,
        };
        let ended = data.iter().rposition(|byte| *byte == b'\n').map(|at| rest.len() + at);
        rest.extend_from_slice(&data);
        let Some(whole) = ended else {
            if rest.len() > MOST_BYTES {
                return End::Broken;
            }
            continue;
        };
        let lines: Vec<u8> = rest.drain(..=whole).collect();
        for line in lines.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
            match std::str::from_utf8(line).ok().and_then(|line| event(line, follower)) {
                Some(Event::Put(live)) => {
                    version.clone_from(&live.metadata.resource_version);
                    let changed = follower.store().put(live);
                    cache.tell(&follower.served, changed);
                }
                Some(Event::Removed(live)) => {
                    version.clone_from(&live.metadata.resource_version);
                    let changed = follower.store().remove(&live);
                    cache.tell_end(&follower.served, changed);
                }
                Some(Event::Bookmark(mark)) => {
                    follower.store().see(&mark);
                    *version = mark;
                }
                Some(Event::Expired) => return End::Expired,
                Some(Event::Failed) | None => return End::Broken,
            }
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Event {
    Put(Live),
    Removed(Live),
    Bookmark(String),
    Expired,
    Failed,
}

fn event(line: &str, follower: &Follower) -> Option<Event> {
    if !json::is_json(line) {
        return None;
    }
    let object = json::member(line, "object")?;
    let live = || Live::read(object, &follower.served.kind, false);
    match json::member(line, "type")? {
        "\"ADDED\"" | "\"MODIFIED\"" => live().map(Event::Put),
        "\"DELETED\"" => live().map(Event::Removed),
        "\"BOOKMARK\"" => {
            let version = json::member(json::member(object, "metadata")?, "resourceVersion")?;
            serde_json::from_str(version).ok().map(Event::Bookmark)
        }
        _ => {
            let expired = Status::read(object).is_some_and(|status| status.code == Some(410));
            Some(if expired { Event::Expired } else { Event::Failed })
        }
    }
}

/// Waits longer with every failure.
async fn pause(failures: &mut u32) {
    let longest = Duration::from_millis(500) * 2_u32.pow((*failures).min(6));
    let chance = Duration::from_millis(retry::chance() % 500);
    *failures += 1;
    tokio::time::sleep(longest.min(LONGEST) + chance).await;
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use springline_model::kubernetes::{ApiKind, ServedType};
    use tokio::sync::watch;

    use super::*;

    fn follower() -> Follower {
        let served = ServedType {
            kind: ApiKind::new("v1", "Pod"),
            plural: "pods".into(),
            namespaced: true,
            verbs: Vec::new(),
            subresources: Vec::new(),
        };
        Follower { served, namespace: String::new(), store: Mutex::default(), state: watch::channel(State::Starting).0 }
    }

    #[test]
    fn events_are_told_apart() {
        let follower = follower();
        let read = |line: &str| event(line, &follower);
        let pod = r#"{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a","resourceVersion":"5"}}"#;
        let live = Live::read(pod, &follower.served.kind, false).unwrap();
        assert_eq!(read(&format!(r#"{{"type":"ADDED","object":{pod}}}"#)), Some(Event::Put(live.clone())));
        assert_eq!(read(&format!(r#"{{"type":"DELETED","object":{pod}}}"#)), Some(Event::Removed(live)));
        let bookmark = r#"{"type":"BOOKMARK","object":{"kind":"Pod","metadata":{"resourceVersion":"77"}}}"#;
        assert_eq!(read(bookmark), Some(Event::Bookmark("77".into())));
        assert_eq!(read(r#"{"type":"ERROR","object":{"kind":"Status","code":410}}"#), Some(Event::Expired));
        assert_eq!(read(r#"{"type":"ERROR","object":{"kind":"Status","code":500}}"#), Some(Event::Failed));
        for bad in ["", "{}", r#"{"type":"ADDED","object":{}}"#, r#"{"type":"ADDED""#] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
