//! Gives the uses of plugins the powers that the operator's file grants them, and tells what was
//! made of them.

use std::collections::BTreeSet;

use springline_config::{Document, locate};
use springline_engine::chain::{Chain, Target, Use};
use springline_model::capability::{
    ClusterUse, DIRECTORY, Grants, HTTP, HttpGrant, KUBERNETES, POWERS, Requests, SECRETS, SecretGrant, Used, Whose,
    imported_by,
};
use springline_model::kubernetes::{Access, KubernetesGrant};
use springline_model::operator::Operator;
use springline_model::plugin::{Description, Pinned};
use springline_model::port::{Page, Store as _};
use springline_model::run::Run;

use crate::app::App;
use crate::cli::error::CliError;

/// Runs that are looked through for how often something was used.
pub const RUNS: usize = 1_000;

/// Gives every use of a plugin in a chain its powers.
pub fn give(operator: &Operator, chain: &mut Chain) {
    let application = chain.application.as_str();
    for step in chain.artifacts.iter_mut().flat_map(|artifact| &mut artifact.steps) {
        step.uses.grants = operator.grants_of(&step.uses.plugin, application, None);
    }
    for environment in &mut chain.environments {
        let render = &mut environment.render;
        render.grants = operator.grants_of(&render.plugin, application, Some(&environment.name));
        give_target(operator, &mut environment.target, application, &environment.name);
    }
}

/// Powers that a plugin does not get, as nobody has deployed what it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withheld {
    /// The plugin.
    pub plugin: Pinned,
    /// The environment; none for the build.
    pub environment: Option<String>,
    /// The powers.
    pub powers: Vec<&'static str>,
}

impl std::fmt::Display for Withheld {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let place = self.environment.as_ref().map_or("the build".to_owned(), |name| format!("`{name}`"));
        let Self { plugin: Pinned { name, digest }, powers, .. } = self;
        let (powers, digest) = (powers.join(", "), digest.short());
        write!(
            f,
            "plugin `{name}` {digest} has none of its powers in {place} here ({powers}): nothing is deployed with it yet"
        )
    }
}

/// Takes the powers from plugins that are not known, in an environment or (none) in the build. What the
/// operator grants to exactly these bytes stays. Targets are the operator's choice, and keep theirs.
pub fn withhold(
    operator: &Operator,
    chain: &mut Chain,
    is_known: impl Fn(&Pinned, Option<&str>) -> bool,
) -> Vec<Withheld> {
    let application = chain.application.clone();
    let steps = chain.artifacts.iter_mut().flat_map(|artifact| &mut artifact.steps).map(|step| (&mut step.uses, None));
    let renders = chain.environments.iter_mut().map(|known| (&mut known.render, Some(known.name.as_str())));
    let mut withheld: Vec<Withheld> = Vec::new();
    for (uses, environment) in steps.chain(renders).filter(|(uses, at)| !is_known(&uses.plugin, *at)) {
        let bytes = Pinned { name: uses.plugin.digest.to_string(), digest: uses.plugin.digest };
        let granted = std::mem::replace(&mut uses.grants, operator.grants_of(&bytes, &application, environment));
        let is_lost = |power: &&&str| granted.allows(power) && !uses.grants.allows(power);
        let powers: Vec<&'static str> = POWERS.iter().filter(is_lost).copied().collect();
        let lost = Withheld { plugin: uses.plugin.clone(), environment: environment.map(str::to_owned), powers };
        if !lost.powers.is_empty() && !withheld.contains(&lost) {
            withheld.push(lost);
        }
    }
    withheld
}

/// Gives a target its powers, beside those that stand at its binding.
pub fn give_target(operator: &Operator, target: &mut Target, application: &str, environment: &str) {
    let granted = operator.grants_of(&target.uses.plugin, application, Some(environment));
    target.uses.grants.add(&granted.http, &granted.secrets);
}

/// A power of a plugin, in one environment or in the build.
#[derive(Debug)]
pub struct Power {
    /// The plugin.
    pub plugin: Pinned,
    /// The environment; none for the build.
    pub environment: Option<String>,
    /// The power.
    pub capability: String,
    /// Why the plugin needs it, as its author says; none if the author does not ask for it.
    pub reason: Option<String>,
    /// Whether the plugin imports it. What is not imported can't be used.
    pub imported: bool,
    /// What is granted of it.
    pub granted: Vec<Granted>,
    /// What in host.yaml would grant something of it.
    pub line: String,
}

/// A power that host.yaml grants.
#[derive(Debug)]
pub struct Granted {
    /// What, in a line.
    pub what: String,
    /// The line of host.yaml.
    pub line: u32,
    /// How often it was used, as far as the runs that are kept tell; none if they were not asked.
    pub used: Option<u64>,
}

/// Every power that plugins of a chain ask for or are granted. With runs, uses are counted in them.
///
/// # Errors
/// A plugin that can't describe itself; a store that can't be read.
pub fn powers(app: &App, chain: &Chain, runs: Option<&[Run]>) -> Result<Vec<Power>, CliError> {
    let mut powers = Vec::new();
    let mut seen = BTreeSet::new();
    let steps = chain.artifacts.iter().flat_map(|artifact| &artifact.steps).map(|step| (&step.uses, None, None));
    let environments = chain.environments.iter().flat_map(|environment| {
        let name = Some(environment.name.as_str());
        let target = &environment.target;
        [(&environment.render, name, None), (&target.uses, name, Some(target.name.as_str()))]
    });
    for (uses, environment, target) in steps.chain(environments) {
        if !seen.insert((&uses.plugin, environment, target)) {
            continue;
        }
        let description = app.describe(&uses.plugin)?;
        let place = Place { app, application: &chain.application, uses, environment, target, runs };
        powers.extend(place.powers(&description)?);
    }
    Ok(powers)
}

struct Place<'a> {
    app: &'a App,
    application: &'a str,
    uses: &'a Use,
    environment: Option<&'a str>,
    target: Option<&'a str>,
    runs: Option<&'a [Run]>,
}

impl Place<'_> {
    fn powers(&self, description: &Description) -> Result<Vec<Power>, CliError> {
        let asked = description.capabilities.iter().map(|capability| capability.name.as_str());
        let mut names: BTreeSet<&str> = asked.collect();
        names.extend(POWERS.iter().filter(|name| self.uses.grants.allows(name)));
        let used = self.runs.map(|runs| self.used(runs));
        let mut powers = Vec::new();
        for capability in names {
            let reason = description.capabilities.iter().find(|known| known.name == capability);
            powers.push(Power {
                plugin: self.uses.plugin.clone(),
                environment: self.environment.map(str::to_owned),
                capability: capability.to_owned(),
                reason: reason.map(|capability| capability.reason.clone()),
                imported: description.imports.iter().any(|import| imported_by(import) == Some(capability)),
                granted: self.granted(capability, used.as_ref())?,
                line: self.line(capability),
            });
        }
        Ok(powers)
    }

    /// What the runs that are kept used of it here.
    fn used(&self, runs: &[Run]) -> Used {
        let mut used = Used::default();
        for run in runs.iter().filter(|run| run.application == self.application) {
            let steps = run.steps.iter().filter(|step| step.plugin.digest == self.uses.plugin.digest);
            for step in
                steps.filter(|step| self.environment.is_none_or(|name| step.name.starts_with(&format!("{name}/"))))
            {
                used.add(&step.used);
            }
        }
        used
    }

    fn granted(&self, capability: &str, used: Option<&Used>) -> Result<Vec<Granted>, CliError> {
        let operator = &self.app.operator.value;
        let mut granted = Vec::new();
        let target = self.target.and_then(|name| Some((name, &operator.targets.get(name)?.grants)));
        if let Some((name, Grants { directory, http, secrets, kubernetes })) = target {
            let at = format!("/targets/{name}/grants");
            if let Some(directory) = directory.as_ref().filter(|_| capability == DIRECTORY) {
                let what = directory.path.display().to_string();
                granted.push(self.one(what, &format!("{at}/directory"), self.deployed()?));
            }
            for (index, grant) in kubernetes.iter().enumerate().filter(|_| capability == KUBERNETES) {
                let count =
                    |used: &Used| used.kubernetes.iter().filter(|one| is_of(grant, one)).map(|one| one.count).sum();
                granted.push(self.one(clusters_of(grant), &format!("{at}/kubernetes/{index}"), used.map(count)));
            }
            let secrets: Vec<_> = secrets.iter().collect();
            self.add(capability, &at, (http, &secrets), used, &mut granted);
        }
        for (index, grant) in operator.grants.iter().enumerate() {
            if grant.is_for(&self.uses.plugin, self.application, self.environment) {
                let secrets: Vec<_> = grant.secrets.iter().collect();
                self.add(capability, &format!("/grants/{index}"), (&grant.http, &secrets), used, &mut granted);
            }
        }
        Ok(granted)
    }

    fn add(
        &self,
        capability: &str,
        at: &str,
        (http, secrets): (&[HttpGrant], &[(&String, &SecretGrant)]),
        used: Option<&Used>,
        granted: &mut Vec<Granted>,
    ) {
        match capability {
            HTTP => granted.extend(http.iter().enumerate().map(|(index, grant)| {
                let covered = |requests: &&Requests| covers(grant, &requests.server, &requests.method);
                let count = |used: &Used| used.http.iter().filter(covered).map(|requests| requests.count).sum();
                self.one(requests_of(grant), &format!("{at}/http/{index}"), used.map(count))
            })),
            SECRETS => granted.extend(secrets.iter().map(|(name, grant)| {
                let read = used.map(|used| u64::from(used.secrets.contains(name)));
                self.one(secret_of(name, grant), &format!("{at}/secrets/{name}"), read)
            })),
            _ => {}
        }
    }

    fn one(&self, what: String, pointer: &str, used: Option<u64>) -> Granted {
        let document: &Document = &self.app.operator.document;
        Granted { what, line: locate(document, pointer).0, used }
    }

    /// How many syncs there were here: each of them uses what its target is lent.
    fn deployed(&self) -> Result<Option<u64>, CliError> {
        if self.runs.is_none() {
            return Ok(None);
        }
        let environment = self.environment.map(str::to_owned);
        let page = Page { application: Some(self.application.to_owned()), environment, limit: RUNS, ..Page::default() };
        Ok(Some(self.app.store.history(&page)?.records.len() as u64))
    }

    fn line(&self, capability: &str) -> String {
        let plugin = self.uses.plugin.name.as_str();
        let whose = Whose { plugin, application: self.application, environment: self.environment };
        match capability {
            HTTP => whose.http_line(Default::default(), "HOST", 443, "GET"),
            SECRETS => whose.secret_line("NAME"),
            _ => Grants::line_for(capability).unwrap_or_default().to_owned(),
        }
    }
}

/// Whether a grant covers what a record says of requests.
fn covers(grant: &HttpGrant, server: &str, method: &str) -> bool {
    let Some((scheme, rest)) = server.split_once("://") else { return false };
    // Where there were too many servers, the record has the pattern instead.
    if rest == grant.host {
        return true;
    }
    let (host, port) = match rest.rsplit_once(':').filter(|(host, _)| !host.ends_with(':') && !rest.ends_with(']')) {
        Some((host, port)) => (host, port.parse().unwrap_or_default()),
        None => (rest, grant.scheme.port()),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let methods = grant.methods.iter().any(|known| known == method);
    scheme == grant.scheme.as_str() && grant.covers(host) && grant.has_port(port) && methods
}

/// `https://example.org GET HEAD`.
fn requests_of(grant: &HttpGrant) -> String {
    let ports: Vec<_> = grant.ports.iter().map(ToString::to_string).collect();
    let ports = if ports.is_empty() { String::new() } else { format!(":{}", ports.join(",")) };
    let private = if grant.private { " private" } else { "" };
    format!("{}://{}{ports} {}{private}", grant.scheme, grant.host, grant.methods.join(" "))
}

/// Whether a grant covers what a record says of a cluster. It does not say the namespace.
fn is_of(grant: &KubernetesGrant, used: &ClusterUse) -> bool {
    let (kind, group) = used.kind.split_once('.').unwrap_or((&used.kind, ""));
    let namespace = grant.namespaces.first().map(String::as_str);
    grant.covers(&Access { cluster: &used.cluster, group, kind, namespace, verb: used.verb })
}

/// `prod: Deployment.apps in shop, to get list`.
fn clusters_of(grant: &KubernetesGrant) -> String {
    let or_all = |names: &[String], all: &str| if names.is_empty() { all.to_owned() } else { names.join(" ") };
    let kinds = or_all(&grant.kinds, "every kind");
    let namespaces = or_all(&grant.namespaces, "every namespace");
    let verbs: Vec<_> = grant.verbs.iter().map(|verb| verb.as_str().to_owned()).collect();
    let verbs = if verbs.is_empty() { String::new() } else { format!(", to {}", verbs.join(" ")) };
    format!("{}: {kinds} in {namespaces}{verbs}", grant.cluster)
}

/// `token from env FETCH_TOKEN, to example.org`.
fn secret_of(name: &str, grant: &SecretGrant) -> String {
    let from = match (&grant.env, &grant.file) {
        (Some(variable), _) => format!("env {variable}"),
        (None, Some(path)) => format!("file {}", path.display()),
        (None, None) => "nowhere".into(),
    };
    let to = if grant.hosts.is_empty() { String::new() } else { format!(", to {}", grant.hosts.join(" ")) };
    format!("{name} from {from}{to}")
}

#[cfg(test)]
mod tests {
    use springline_engine::chain::{Artifact, Environment, Input, Step};
    use springline_model::Digest;
    use springline_model::application::{Gates, RecordIn, Sync};
    use springline_model::capability::Scheme;
    use springline_model::kubernetes::Verb;
    use springline_model::operator::Grant;
    use springline_model::plugin::Limits;

    use super::*;

    /// A use of one and the same plugin.
    fn uses() -> Use {
        Use {
            plugin: Pinned { name: "fetch".into(), digest: Digest::of("fetch") },
            track: "0.1".into(),
            config: "{}".into(),
            limits: Limits::default(),
            grants: Grants::default(),
            pointer: String::new(),
        }
    }

    fn environment(name: &str) -> Environment {
        Environment {
            name: name.into(),
            render: uses(),
            input: String::new(),
            values: "{}".into(),
            target: Target {
                name: "there".into(),
                with: Default::default(),
                uses: uses(),
                leaves: false,
                guards: false,
            },
            sync: Sync::default(),
            promote_from: None,
            gates: Gates::default(),
            record: RecordIn::None,
        }
    }

    #[test]
    fn what_is_granted_to_an_environment_is_for_it_alone() {
        let step = Step { name: "fetch".into(), uses: uses(), input: Input::Source(String::new()) };
        let mut chain = Chain {
            application: "shop".into(),
            artifacts: vec![Artifact { name: "site".into(), steps: vec![step], taken: None }],
            deliveries: Vec::new(),
            environments: vec![environment("staging"), environment("production")],
        };
        let grant = Grant {
            plugin: "fetch".into(),
            environments: vec!["production".into()],
            http: vec![HttpGrant {
                scheme: Scheme::Https,
                host: "example.org".into(),
                ports: Vec::new(),
                methods: vec!["GET".into()],
                private: false,
            }],
            secrets: [("token".to_owned(), SecretGrant { env: Some("TOKEN".into()), ..SecretGrant::default() })].into(),
            ..Grant::default()
        };
        let granted = Grants { http: grant.http.clone(), secrets: grant.secrets.clone(), ..Grants::default() };
        give(&Operator { grants: vec![grant], ..Operator::default() }, &mut chain);
        assert_eq!(chain.artifacts[0].steps[0].uses.grants, Grants::default(), "the build serves every environment");
        let [staging, production] = chain.environments.as_slice() else { panic!("there are two") };
        assert_eq!((&staging.render.grants, &staging.target.uses.grants), (&Grants::default(), &Grants::default()));
        assert_eq!((&production.render.grants, &production.target.uses.grants), (&granted, &granted));
    }

    #[test]
    fn what_is_not_deployed_has_no_powers_but_those_of_its_own_bytes() {
        let grant = |plugin: String| Grant {
            plugin,
            secrets: [("token".to_owned(), SecretGrant { env: Some("TOKEN".into()), ..SecretGrant::default() })].into(),
            ..Grant::default()
        };
        let chain = || Chain {
            application: "shop".into(),
            artifacts: Vec::new(),
            deliveries: Vec::new(),
            environments: vec![environment("staging"), environment("production")],
        };
        let has_powers = |chain: &Chain| -> Vec<bool> {
            chain.environments.iter().map(|known| !known.render.grants.secrets.is_empty()).collect()
        };
        let is_known = |_: &Pinned, environment: Option<&str>| environment == Some("production");
        let mut by_name = chain();
        let operator = Operator { grants: vec![grant("fetch".into())], ..Operator::default() };
        give(&operator, &mut by_name);
        let withheld = withhold(&operator, &mut by_name, is_known);
        assert_eq!(has_powers(&by_name), [false, true]);
        assert_eq!(withheld.iter().map(|lost| lost.environment.as_deref()).collect::<Vec<_>>(), [Some("staging")]);
        assert!(!by_name.environments[0].target.uses.grants.secrets.is_empty(), "a target is the operator's");
        let mut by_digest = chain();
        let operator = Operator { grants: vec![grant(Digest::of("fetch").to_string())], ..Operator::default() };
        give(&operator, &mut by_digest);
        assert_eq!(withhold(&operator, &mut by_digest, is_known), []);
        assert_eq!(has_powers(&by_digest), [true, true]);
    }

    #[test]
    fn a_record_of_a_cluster_is_matched_with_its_grant() {
        let mut grant = KubernetesGrant {
            cluster: "prod".into(),
            namespaces: vec!["shop".into()],
            kinds: vec!["*.apps".into()],
            verbs: vec![Verb::Get, Verb::List],
        };
        let used =
            |cluster: &str, kind: &str, verb| ClusterUse { cluster: cluster.into(), kind: kind.into(), verb, count: 1 };
        assert!(is_of(&grant, &used("prod", "Deployment.apps", Verb::Get)));
        assert!(!is_of(&grant, &used("test", "Deployment.apps", Verb::Get)));
        assert!(!is_of(&grant, &used("prod", "Service", Verb::Get)));
        assert!(!is_of(&grant, &used("prod", "Deployment.apps", Verb::Apply)));
        assert_eq!(clusters_of(&grant), "prod: *.apps in shop, to get list");
        grant = KubernetesGrant { namespaces: Vec::new(), kinds: Vec::new(), verbs: Vec::new(), ..grant };
        assert!(is_of(&grant, &used("prod", "others", Verb::Delete)));
        assert_eq!(clusters_of(&grant), "prod: every kind in every namespace");
    }

    #[test]
    fn a_record_is_matched_with_its_grant() {
        let grant = HttpGrant {
            scheme: Scheme::Https,
            host: "*.example.org".into(),
            ports: Vec::new(),
            methods: vec!["GET".into()],
            private: false,
        };
        assert!(covers(&grant, "https://www.example.org", "GET"));
        assert!(covers(&grant, "https://*.example.org", "GET"));
        for (server, method) in [
            ("https://www.example.org", "POST"),
            ("http://www.example.org", "GET"),
            ("https://www.example.org:8443", "GET"),
            ("https://example.net", "GET"),
        ] {
            assert!(!covers(&grant, server, method), "{method} {server}");
        }
        assert_eq!(requests_of(&grant), "https://*.example.org GET");
        let literal = HttpGrant { host: "::1".into(), ports: vec![8080], private: true, ..grant };
        assert!(covers(&literal, "https://[::1]:8080", "GET"));
        assert_eq!(requests_of(&literal), "https://::1:8080 GET private");
    }
}
