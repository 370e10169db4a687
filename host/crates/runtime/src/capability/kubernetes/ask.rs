//! Asks clusters, within what is granted and what may cross.

use std::sync::Arc;

use springline_model::kubernetes::{Freshness, KubernetesError, ObjectName, Selection, Verb, Write};
use springline_model::port::Clusters;

use super::convert::{self, Told};
use super::{Kubernetes, failed, gate, named, wit};

type Answer<T> = Result<T, wit::KubernetesError>;

impl Kubernetes {
    /// The clusters, as the port has them.
    fn clusters(&self) -> Answer<&dyn Clusters> {
        self.fleet
            .clusters
            .as_deref()
            .ok_or_else(|| failed("host.yaml declares no cluster; `clusters: { NAME: { kubeconfig: FILE } }` would"))
    }

    /// How a request failed, as the guest may know it.
    fn told(&self, error: KubernetesError) -> wit::KubernetesError {
        Told(self.powers.masks()).error(error)
    }

    pub(super) async fn types(&self, cluster: &str, wanted: &[wit::ApiKind]) -> Answer<Vec<Option<wit::ServedType>>> {
        let wanted: Vec<_> = wanted.iter().map(convert::kind).collect();
        wanted.iter().try_for_each(|kind| self.check_kind(kind))?;
        self.admit_cluster(cluster, wanted.first())?;
        let types = self.clusters()?.types(cluster, &wanted).await.map_err(|error| self.told(error))?;
        Ok(types.into_iter().map(|served| served.map(convert::served)).collect())
    }

    pub(super) async fn all_types(&self, cluster: &str) -> Answer<Vec<wit::ServedType>> {
        self.admit_cluster(cluster, None)?;
        let types = self.clusters()?.all_types(cluster).await.map_err(|error| self.told(error))?;
        Ok(types.into_iter().filter(|served| self.may_list(cluster, served)).map(convert::served).collect())
    }

    pub(super) async fn get(
        &self,
        cluster: &str,
        names: &[ObjectName],
        freshness: Freshness,
    ) -> Answer<Vec<Option<String>>> {
        self.admit_names(cluster, names)?;
        let place = self.powers.place();
        let found = self.clusters()?.get(cluster, &place, names, freshness).await.map_err(|error| self.told(error))?;
        if found.len() != names.len() {
            return Err(failed("the host found other objects than it was asked for"));
        }
        gate::check_sum(found.iter().flatten().map(|text| text.len()))?;
        Ok(found.into_iter().map(|text| text.map(owned)).collect())
    }

    pub(super) async fn list(&self, cluster: &str, selection: &Selection, freshness: Freshness) -> Answer<Vec<String>> {
        gate::check_selection(selection)?;
        let mut objects: Vec<Arc<str>> = Vec::new();
        for namespace in self.namespaces(cluster, selection).await? {
            self.admit(cluster, &selection.kind, &namespace, Verb::List)?;
            let selection = Selection { namespace, ..selection.clone() };
            let listed = self.clusters()?.list(cluster, &selection, freshness).await;
            objects.extend(listed.map_err(|error| self.told(error))?);
            gate::check_sum(objects.iter().map(|text| text.len()))?;
        }
        Ok(objects.into_iter().map(owned).collect())
    }

    /// The namespaces that a list goes through: of all, that are those in which it is granted.
    async fn namespaces(&self, cluster: &str, selection: &Selection) -> Answer<Vec<String>> {
        if selection.namespace.is_empty() {
            self.check_kind(&selection.kind)?;
            let granted = self.granted_namespaces(cluster, &selection.kind);
            if !granted.is_empty() {
                let kinds = std::slice::from_ref(&selection.kind);
                let types = self.clusters()?.types(cluster, kinds).await.map_err(|error| self.told(error))?;
                // What is in no namespace takes a grant that names none.
                if types.iter().flatten().all(|served| served.namespaced) {
                    return Ok(granted.into_iter().collect());
                }
            }
        }
        Ok(vec![selection.namespace.clone()])
    }

    /// Writes the object of this text.
    pub(super) async fn write(
        &self,
        cluster: &str,
        how: Write,
        object: &str,
        options: wit::WriteOptions,
    ) -> Answer<String> {
        gate::check_object(object.len())?;
        let name = named::name_of(object).map_err(|why| self.told(KubernetesError::Failed(why)))?;
        self.put(cluster, &name, how, object, options).await
    }

    pub(super) async fn merge(
        &self,
        cluster: &str,
        name: &ObjectName,
        patch: &str,
        options: wit::WriteOptions,
    ) -> Answer<String> {
        gate::check_object(patch.len())?;
        named::check_patch(patch).map_err(|why| self.told(KubernetesError::Failed(why)))?;
        self.put(cluster, name, Write::Merge, patch, options).await
    }

    async fn put(
        &self,
        cluster: &str,
        name: &ObjectName,
        how: Write,
        text: &str,
        options: wit::WriteOptions,
    ) -> Answer<String> {
        self.admit(cluster, &name.kind, &name.namespace, Verb::Apply)?;
        gate::check_name(name)?;
        let options = convert::write_options(options)?;
        let written = self.clusters()?.write(cluster, name, how, text, &options).await;
        let written = written.map_err(|error| self.told(error))?;
        self.warn(cluster, &written.warnings);
        let object = written.object.ok_or_else(|| failed("the API server gave no object for what it wrote"))?;
        gate::check_object(object.len())?;
        Ok(object)
    }

    pub(super) async fn delete(
        &self,
        cluster: &str,
        name: &ObjectName,
        options: wit::DeleteOptions,
    ) -> Answer<Option<String>> {
        self.admit(cluster, &name.kind, &name.namespace, Verb::Delete)?;
        gate::check_name(name)?;
        let options = convert::delete_options(options)?;
        let deleted = self.clusters()?.delete(cluster, name, &options).await.map_err(|error| self.told(error))?;
        self.warn(cluster, &deleted.warnings);
        gate::check_object(deleted.object.as_ref().map_or(0, String::len))?;
        Ok(deleted.object)
    }
}

fn owned(text: Arc<str>) -> String {
    text.as_ref().to_owned()
}
