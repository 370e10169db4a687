//! Reading objects from the API server.

use std::collections::HashMap;
use std::sync::Arc;

use futures::future::try_join_all;
use indexmap::IndexMap;
use springline_model::kubernetes::{ApiKind, Freshness, KubernetesError, ObjectName, Selection, ServedType};
use springline_model::run::Place;

use crate::cluster::Cluster;
use crate::json;
use crate::link::{Ask, MOST_BYTES, Reply};
use crate::object::Live;
use crate::path::{self, Query};

/// How many objects of a kind and namespace are read one by one; more are listed.
const FEW: usize = 8;
/// How many objects are listed at once.
const PAGE: &str = "500";
/// A page of a list costs about as much as so many single objects.
const PAGE_COST: usize = 2 * FEW;
/// How often a list is begun again whose rest the server has forgotten.
const BEGINNINGS: usize = 3;

/// One page of a list.
struct Page {
    items: Vec<Live>,
    next: String,
    version: String,
}

/// A whole list.
pub struct Listed {
    /// The objects, in the server's order.
    pub items: Vec<Live>,
    /// The version of the list.
    pub version: String,
}

impl Cluster {
    /// The objects of these names, in their order.
    pub async fn get(
        self: &Arc<Self>,
        reader: &Place,
        names: &[ObjectName],
        freshness: Freshness,
    ) -> Result<Vec<Option<Arc<str>>>, KubernetesError> {
        if let Some(cache) = &self.cache {
            // First, so that no change after the read is missed.
            cache.note_reader(reader, names);
        }
        let mut groups: IndexMap<(&ApiKind, &str), Vec<usize>> = IndexMap::new();
        for (at, name) in names.iter().enumerate() {
            groups.entry((&name.kind, &name.namespace)).or_default().push(at);
        }
        let kinds: Vec<ApiKind> = groups.keys().map(|(kind, _)| (*kind).clone()).collect();
        let served = self.types(&kinds).await?;
        let reads = groups.into_iter().zip(served).map(|(((_, namespace), at), served)| async move {
            let wanted: Vec<&str> = at.iter().map(|at| names[*at].name.as_str()).collect();
            let found = match served {
                Some(served) => self.get_of(&served, namespace, &wanted, freshness).await?,
                None => vec![None; wanted.len()],
            };
            Ok::<_, KubernetesError>(at.into_iter().zip(found))
        });
        let mut objects = vec![None; names.len()];
        for (at, found) in try_join_all(reads).await?.into_iter().flatten() {
            objects[at] = found;
        }
        Ok(objects)
    }

    /// Objects of one type and namespace.
    async fn get_of(
        self: &Arc<Self>,
        served: &ServedType,
        namespace: &str,
        names: &[&str],
        freshness: Freshness,
    ) -> Result<Vec<Option<Arc<str>>>, KubernetesError> {
        for name in names {
            path::object(served, namespace, name)?;
        }
        let cache = self.cache.as_ref().filter(|_| freshness == Freshness::Any);
        let Some(cache) = cache else { return self.get_live(served, namespace, names, freshness).await };
        let mut found = cache.get(self, served, namespace, names).await;
        let rest: Vec<usize> = (0..names.len()).filter(|at| found[*at].is_none()).collect();
        let wanted: Vec<&str> = rest.iter().map(|at| names[*at]).collect();
        for (at, text) in rest.into_iter().zip(self.get_live(served, namespace, &wanted, freshness).await?) {
            found[at] = Some(text);
        }
        Ok(found.into_iter().map(Option::flatten).collect())
    }

    async fn get_live(
        &self,
        served: &ServedType,
        namespace: &str,
        names: &[&str],
        freshness: Freshness,
    ) -> Result<Vec<Option<Arc<str>>>, KubernetesError> {
        let managed = freshness == Freshness::LiveManaged;
        let mut known: HashMap<String, Arc<str>> = HashMap::new();
        let mut rest: Vec<&str> = names.to_vec();
        let (mut next, mut fruitless) = (String::new(), 0);
        while rest.len() > FEW && served.verbs.iter().any(|verb| verb == "list") {
            let request = self.list_request(served, namespace, "", "", &next)?;
            let page = match self.page(served, &request, managed).await {
                Ok(Some(page)) => page,
                // A server that fails at one list is not to be asked for each of its objects.
                Err(error @ KubernetesError::Unavailable { .. }) => return Err(error),
                // Who may read single objects need not be allowed to list them.
                Ok(None) | Err(_) => break,
            };
            let before = rest.len();
            next = page.next;
            known.extend(page.items.into_iter().map(|live| (live.metadata.name, live.text)));
            rest.retain(|name| !next.is_empty() && !known.contains_key(*name));
            // Among very many others, the rest are read one by one; the pages in vain cost no more than that.
            fruitless += usize::from(before - rest.len() <= FEW);
            if fruitless * PAGE_COST > rest.len() {
                break;
            }
        }
        let reads = rest.into_iter().map(|name| async move {
            Ok::<_, KubernetesError>((name, self.get_one(served, namespace, name, managed).await?))
        });
        for (name, live) in try_join_all(reads).await? {
            if let Some(live) = live {
                known.insert(name.to_owned(), live.text);
            }
        }
        Ok(names.iter().map(|name| known.get(*name).cloned()).collect())
    }

    async fn get_one(
        &self,
        served: &ServedType,
        namespace: &str,
        name: &str,
        managed: bool,
    ) -> Result<Option<Live>, KubernetesError> {
        let ask = Ask::get(path::object(served, namespace, name)?);
        let reply = self.link.send(&ask).await?;
        if reply.code == 404 {
            self.lacks_type(&reply).await;
            return Ok(None);
        }
        self.live(&reply.granted()?, &served.kind, managed).map(Some)
    }

    /// The object in an answer.
    pub fn live(&self, reply: &Reply, kind: &ApiKind, managed: bool) -> Result<Live, KubernetesError> {
        let live = if json::is_json(&reply.text) { Live::read(&reply.text, kind, managed) } else { None };
        live.ok_or_else(|| self.unreadable(&format!("no object of {kind}")))
    }

    /// The objects that are selected, by namespace and name.
    pub async fn list(
        self: &Arc<Self>,
        selection: &Selection,
        freshness: Freshness,
    ) -> Result<Vec<Arc<str>>, KubernetesError> {
        let served = self.served(&selection.kind).await?;
        if let Some(cache) = self.cache.as_ref().filter(|_| freshness == Freshness::Any)
            && let Some(objects) = cache.list(self, &served, selection).await
        {
            return Ok(objects);
        }
        let managed = freshness == Freshness::LiveManaged;
        let (namespace, labels, fields) = (&selection.namespace, &selection.labels, &selection.fields);
        let mut items = self.list_of(&served, namespace, labels, fields, managed, MOST_BYTES).await?.items;
        items.sort_by(|Live { metadata: a, .. }, Live { metadata: b, .. }| {
            (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name))
        });
        Ok(items.into_iter().map(|live| live.text).collect())
    }

    /// All pages of a list.
    pub async fn list_of(
        &self,
        served: &ServedType,
        namespace: &str,
        labels: &str,
        fields: &str,
        managed: bool,
        most: usize,
    ) -> Result<Listed, KubernetesError> {
        'begin: for _ in 0..BEGINNINGS {
            let mut listed = Listed { items: Vec::new(), version: String::new() };
            let (mut next, mut bytes) = (String::new(), 0);
            loop {
                let ask = self.list_request(served, namespace, labels, fields, &next)?;
                let Some(page) = self.page(served, &ask, managed).await? else { continue 'begin };
                bytes += page.items.iter().map(|live| live.text.len()).sum::<usize>();
                if bytes > most {
                    return Err(self.unreadable(&format!(
                        "more than {} MiB of {}, which is too much; select fewer by labels or namespace",
                        most >> 20,
                        served.kind
                    )));
                }
                listed.items.extend(page.items);
                listed.version = page.version;
                next = page.next;
                if next.is_empty() {
                    return Ok(listed);
                }
            }
        }
        Err(KubernetesError::Unavailable {
            message: format!(
                "cluster {}: the list of {} expired {BEGINNINGS} times before its end",
                self.link.name(),
                served.kind
            ),
            retry_after: None,
        })
    }

    fn list_request(
        &self,
        served: &ServedType,
        namespace: &str,
        labels: &str,
        fields: &str,
        next: &str,
    ) -> Result<Ask, KubernetesError> {
        let query = Query::default()
            .with("limit", PAGE)
            .with("labelSelector", labels)
            .with("fieldSelector", fields)
            .with("continue", next);
        Ok(Ask::get(query.after(path::collection(served, namespace)?)))
    }

    /// One page; none if the server has forgotten the list that it continues.
    async fn page(&self, served: &ServedType, ask: &Ask, managed: bool) -> Result<Option<Page>, KubernetesError> {
        let reply = self.link.send(ask).await?;
        if reply.code == 410 {
            return Ok(None);
        }
        if self.lacks_type(&reply).await {
            return Err(self.unknown(&served.kind));
        }
        let reply = reply.granted()?;
        let page = if json::is_json(&reply.text) { read_page(&reply.text, &served.kind, managed) } else { None };
        page.map(Some).ok_or_else(|| self.unreadable(&format!("no list of {}", served.kind)))
    }

    fn unreadable(&self, what: &str) -> KubernetesError {
        KubernetesError::Failed(format!("cluster {}: the answer holds {what}", self.link.name()))
    }
}

fn read_page(text: &str, kind: &ApiKind, managed: bool) -> Option<Page> {
    let metadata = json::member(text, "metadata")?;
    let field = |name| {
        let text = json::member(metadata, name).unwrap_or("\"\"");
        serde_json::from_str::<String>(text).ok()
    };
    let items = match json::member(text, "items")? {
        "null" => Vec::new(),
        items => {
            let items = json::parts(items).map(|part| Live::read(&items[part.value], kind, managed));
            items.collect::<Option<Vec<_>>>()?
        }
    };
    Some(Page { items, next: field("continue")?, version: field("resourceVersion")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_its_objects_and_where_it_goes_on() {
        let kind = ApiKind::new("v1", "Pod");
        let text = r#"{"kind":"PodList","metadata":{"resourceVersion":"7","continue":"xyz"},"items":[{"metadata":{"name":"a"}},{"metadata":{"name":"b"}}]}"#;
        let page = read_page(text, &kind, false).unwrap();
        assert_eq!((page.next.as_str(), page.version.as_str()), ("xyz", "7"));
        assert_eq!(&*page.items[1].text, r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"b"}}"#);
        let last = read_page(r#"{"metadata":{"resourceVersion":"7"},"items":null}"#, &kind, false).unwrap();
        assert!(last.items.is_empty() && last.next.is_empty());
        for bad in ["{}", r#"{"metadata":{}}"#, r#"{"metadata":{},"items":[7]}"#, "7"] {
            assert!(read_page(bad, &kind, false).is_none(), "{bad}");
        }
    }
}
