//! What templates can name. The host is asked only when a template uses the answer, so that what
//! it renders to depends on nothing else.

use std::cell::RefCell;
use std::sync::{Arc, OnceLock};

use minijinja::value::{Enumerator, Object, ValueKind};
use minijinja::{Error, ErrorKind, Value};
use springline_sdk::Context;
use springline_yaml::Map;

use crate::values::{from_json, map_to_template, merge, reserved};

/// The names that are not values.
pub const RESERVED: [&str; 6] = ["application", "artifacts", "commit_time", "environment", "revision", "values"];

thread_local! {
    /// The host's context during a render. MiniJinja's objects must be `Send`, which a handle of
    /// the host need not be, and a plugin has one thread.
    static HOST: RefCell<Option<Context>> = const { RefCell::new(None) };
}

/// Lets templates ask the host for as long as it lives.
#[derive(Debug)]
pub struct Asking;

impl Asking {
    /// Lets templates ask this host.
    pub fn start(context: &Context) -> Self {
        HOST.set(Some(context.clone()));
        Self
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        HOST.set(None);
    }
}

fn ask<T>(question: impl FnOnce(&Context) -> T) -> Option<T> {
    HOST.with_borrow(|host| host.as_ref().map(question))
}

/// The root of what templates can name.
#[derive(Debug)]
pub struct Root {
    files: Map,
    set: Map,
    values: OnceLock<Value>,
}

impl Root {
    /// Values of files and of the config; the environment's come between them, once one is used.
    pub fn new(files: Map, set: Map) -> Self {
        Self { files, set, values: OnceLock::new() }
    }

    /// All values, merged.
    fn values(&self) -> &Value {
        self.values.get_or_init(|| {
            let failed = |message: String| Value::from(Error::new(ErrorKind::InvalidOperation, message));
            let of_environment = match ask(|context| context.values().cloned()) {
                Some(Ok(values)) => values,
                Some(Err(error)) => return failed(error.to_string()),
                None => return failed("the environment's values can't be read".into()),
            };
            if let Some(name) = RESERVED.iter().find(|name| of_environment.contains_key(**name)) {
                return failed(format!("the environment's values: {}", reserved(name)));
            }
            let mut merged = self.files.clone();
            merge(&mut merged, from_json(&of_environment));
            merge(&mut merged, self.set.clone());
            map_to_template(&merged)
        })
    }

    /// The names below a name: what a template could have meant by `of.…`. None if it has none.
    pub fn names_below(self: &Arc<Self>, of: &[&str]) -> Option<Vec<String>> {
        let value = match of.split_first() {
            None => {
                let values = self.values().try_iter().ok()?;
                return Some(
                    RESERVED.iter().map(|name| (*name).to_owned()).chain(values.map(|name| name.to_string())).collect(),
                );
            }
            Some((first, rest)) => {
                rest.iter().try_fold(self.get_value(&Value::from(*first))?, |value, part| value.get_attr(part).ok())?
            }
        };
        Some(value.try_iter().ok()?.map(|name| name.to_string()).collect())
    }
}

impl Object for Root {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str()? {
            "application" => ask(Context::application).map(Value::from),
            "artifacts" => Some(Value::from_object(Artifacts)),
            "commit_time" => ask(Context::commit_time).map(Value::from),
            "environment" => ask(Context::environment).flatten().map(Value::from),
            "revision" => ask(Context::revision).map(Value::from),
            "values" => Some(self.values().clone()),
            name => {
                let values = self.values();
                if values.kind() == ValueKind::Invalid {
                    // Whoever names a value learns why there are none.
                    return Some(values.clone());
                }
                values.get_attr(name).ok().filter(|value| !value.is_undefined())
            }
        }
    }
}

/// `artifacts`: the application's artifacts by name.
#[derive(Debug)]
struct Artifacts;

impl Object for Artifacts {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let artifact = ask(|host| host.artifact(key.as_str()?)).flatten()?;
        let short = artifact.digest.split_once(':').map_or(artifact.digest.as_str(), |(_, hex)| hex);
        let short = Value::from(short.get(..12).unwrap_or(short));
        Some(Value::from_pairs([
            ("digest", Value::from(&artifact.digest)),
            ("name", Value::from(artifact.name)),
            ("short", short),
        ]))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let names = ask(Context::artifact_names).unwrap_or_default();
        Enumerator::Values(names.into_iter().map(Value::from).collect())
    }
}
