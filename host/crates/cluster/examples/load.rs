//! What `cargo xtask bench` compares with, and measures by: applications applied by a bare loop,
//! drift made and waited for, requests counted by the API server itself. Prints JSON.

use std::error::Error;
use std::time::{Duration, Instant};

use kube::api::{ApiResource, DynamicObject, Patch, PatchParams, WatchEvent, WatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::GroupVersionKind;
use kube::{Api, Client, Config};
use serde_json::{Value, json};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// How long drift may stay before it is given up.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let measured = runtime.block_on(async {
        match words.as_slice() {
            ["namespace", kubeconfig, name] => namespace(&client(kubeconfig).await?, name).await,
            ["apply", kubeconfig, namespace, many] => apply(&client(kubeconfig).await?, namespace, many.parse()?).await,
            ["drift", kubeconfig, namespace, many, samples] => {
                drift(&client(kubeconfig).await?, namespace, many.parse()?, samples.parse()?).await
            }
            ["requests", kubeconfig] => requests(&client(kubeconfig).await?).await,
            _ => Err("load namespace|apply|drift|requests KUBECONFIG [NAMESPACE [APPLICATIONS [SAMPLES]]]".into()),
        }
    })?;
    println!("{measured}");
    Ok(())
}

async fn client(kubeconfig: &str) -> Result<Client> {
    let options = KubeConfigOptions::default();
    let config = Config::from_custom_kubeconfig(Kubeconfig::read_from(kubeconfig)?, &options).await?;
    Ok(Client::try_from(config)?)
}

fn api(client: &Client, namespace: &str, group: &str, kind: &str) -> Api<DynamicObject> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1", kind));
    Api::namespaced_with(client.clone(), namespace, &resource)
}

async fn namespace(client: &Client, name: &str) -> Result<Value> {
    let namespaces = Api::<DynamicObject>::all_with(
        client.clone(),
        &ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", "Namespace")),
    );
    let object = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
    namespaces.patch(name, &PatchParams::apply("bench"), &Patch::Apply(&object)).await?;
    Ok(Value::Null)
}

/// Applies the objects of so many applications, one after the other.
async fn apply(client: &Client, namespace: &str, many: usize) -> Result<Value> {
    let kinds = [("", "ServiceAccount"), ("", "Service"), ("apps", "Deployment"), ("networking.k8s.io", "Ingress")];
    let apis = kinds.map(|(group, kind)| api(client, namespace, group, kind));
    let how = PatchParams::apply("bare").force();
    let began = Instant::now();
    for number in 0..many {
        let name = format!("app-{number:04}");
        for (api, object) in apis.iter().zip(objects(&name)) {
            api.patch(&name, &how, &Patch::Apply(&object)).await?;
        }
    }
    Ok(json!({ "seconds": began.elapsed().as_secs_f64() }))
}

/// The objects of one application: those of `host/xtask/src/bench/workload.rs`.
fn objects(name: &str) -> [Value; 4] {
    let metadata = json!({ "name": name, "labels": { "app": name } });
    let selector = json!({ "app": name });
    [
        json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata }),
        json!({ "apiVersion": "v1", "kind": "Service", "metadata": metadata,
            "spec": { "selector": selector, "ports": [{ "name": "http", "port": 80, "targetPort": 8080 }] } }),
        json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": {
            "replicas": 0, "selector": { "matchLabels": selector },
            "template": { "metadata": { "labels": selector }, "spec": {
                "serviceAccountName": name,
                "containers": [{ "name": "app", "image": "app:1", "ports": [{ "containerPort": 8080 }] }] } } } }),
        json!({ "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": metadata, "spec": {
            "rules": [{ "host": format!("{name}.example.org"), "http": { "paths": [{
                "path": "/", "pathType": "Prefix",
                "backend": { "service": { "name": name, "port": { "name": "http" } } } }] } }] } }),
    ]
}

/// Scales one Deployment after the other, and takes the time until somebody scales it back.
async fn drift(client: &Client, namespace: &str, many: usize, samples: usize) -> Result<Value> {
    use futures::StreamExt as _;
    let deployments = api(client, namespace, "apps", "Deployment");
    // As a person does it: what another controller sets is not taken from it.
    let by = PatchParams { field_manager: Some("kubectl-edit".into()), ..PatchParams::default() };
    let mut times = Vec::with_capacity(samples);
    for sample in 0..samples {
        let name = format!("app-{:04}", sample % many);
        let version = deployments.get(&name).await?.metadata.resource_version.unwrap_or_default();
        let only = WatchParams::default().fields(&format!("metadata.name={name}"));
        let mut events = deployments.watch(&only, &version).await?.boxed();
        let replicas = json!({ "spec": { "replicas": 1 } });
        let began = Instant::now();
        deployments.patch(&name, &by, &Patch::Merge(&replicas)).await?;
        let mut drifted = false;
        let repaired = async {
            while let Some(event) = events.next().await {
                let WatchEvent::Modified(object) = event? else { continue };
                match object.data["spec"]["replicas"].as_i64() {
                    Some(1) => drifted = true,
                    Some(0) if drifted => return Ok(()),
                    _ => {}
                }
            }
            Err::<(), Box<dyn Error>>("the watch ended".into())
        };
        tokio::time::timeout(PATIENCE, repaired).await.map_err(|_| format!("{name} was never repaired"))??;
        times.push(began.elapsed());
    }
    times.sort_unstable();
    let at = |share: usize| times.get((times.len() * share / 100).min(times.len() - 1)).map(|time| time.as_secs_f64());
    Ok(json!({ "p50-seconds": at(50), "p99-seconds": at(99), "samples": samples }))
}

/// How many requests the API server has answered for the kinds of object that are applied.
async fn requests(client: &Client) -> Result<Value> {
    let text = client.request_text(http::Request::get("/metrics").body(Vec::new())?).await?;
    let (mut reads, mut writes) = (0.0, 0.0);
    for line in text.lines().filter(|line| line.starts_with("apiserver_request_total{")) {
        let of = |kind: &&str| line.contains(&format!("resource=\"{kind}\""));
        if ["deployments", "services", "serviceaccounts", "ingresses"].iter().any(of) {
            let count: f64 = line.rsplit(' ').next().unwrap_or_default().parse()?;
            let reading = ["GET", "LIST", "WATCH"].iter().any(|verb| line.contains(&format!("verb=\"{verb}\"")));
            // What is only tried is no write; the API server counts it apart.
            match reading || line.contains("dry_run=\"All\"") {
                true => reads += count,
                false => writes += count,
            }
        }
    }
    Ok(json!({ "reads": reads, "writes": writes }))
}
