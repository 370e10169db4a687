//! What expressions can call besides CEL's own functions.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use cel::{Context, Env, ExecutionError, Value};
use serde_json::Value as Json;

use crate::object::{self, Variables, failed, field, get, text, whole};

/// The variables.
pub(crate) const VARIABLES: [&str; 5] = ["object", "metadata", "spec", "status", "conditions"];

/// The names of CEL's types, to compare `type(x)` with.
pub(crate) const TYPES: [&str; 7] = ["bool", "double", "int", "list", "map", "string", "uint"];

/// The functions of CEL itself that are known here, and those below.
pub(crate) const FUNCTIONS: &[&str] = &[
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "string",
    "int",
    "uint",
    "double",
    "bool",
    "type",
    "dyn",
    "orValue",
    "or",
    "hasValue",
    "value",
    "condition",
    "conditionOf",
    "isTrue",
    "isFalse",
    "isUnknown",
    "why",
    "observed",
    "join",
    "lower",
    "number",
    "current",
    "outdated",
];

/// What `optional.` goes before.
pub(crate) const OPTIONAL: &[&str] = &["of", "none", "ofNonZeroValue"];

/// What every loop calls with what it goes over. No text can name it.
pub(crate) const PAY: &str = "@pay";

/// Values that the loops of one judgement may go over.
const BUDGET: u64 = 100_000;

/// CEL's own functions. They are the same for every object, and many may be judged in one call.
static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

pub(crate) fn known(name: &str) -> bool {
    FUNCTIONS.contains(&name)
}

type Result<T> = std::result::Result<T, ExecutionError>;

/// What the expressions about one object are evaluated in.
pub(crate) fn context<'p, 'v>(object: &Json, variables: &'v Variables<'_>) -> Context<'p, 'v> {
    let mut context = Context::with_env(Arc::clone(&ENV));
    context.set_variable_resolver(variables);
    // None of these names is one of CEL's, which is all that can be refused.
    let _ = add(&mut context, object, variables);
    context
}

fn add(
    context: &mut Context<'_, '_>,
    object: &Json,
    variables: &Variables<'_>,
) -> std::result::Result<(), cel::DeclarationError> {
    let budget = AtomicU64::new(BUDGET);
    context.add_function(PAY, move |range: Value| -> Result<Value> {
        let cost = object::size(&range);
        match budget.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(cost)) {
            Ok(_) => Ok(range),
            Err(_) => Err(failed("a loop", "the object is too large to go over it so often")),
        }
    })?;
    let all: Arc<Vec<Value>> = Arc::new(variables.conditions().to_vec());
    let conditions = Arc::clone(&all);
    context.add_function("condition", move |name: Arc<String>| find(&conditions, &name))?;
    context.add_function("conditionOf", |conditions: Value, name: Arc<String>| -> Result<Value> {
        match &conditions {
            Value::List(items) => Ok(find(items, &name)),
            _ => Err(failed("conditionOf", "this is no list of conditions")),
        }
    })?;
    for (function, wanted) in [("isTrue", "True"), ("isFalse", "False"), ("isUnknown", "Unknown")] {
        let conditions = Arc::clone(&all);
        context.add_function(function, move |name: Arc<String>| {
            conditions.iter().any(|one| *text(one, "type") == *name && text(one, "status").as_str() == wanted)
        })?;
    }
    let conditions = Arc::clone(&all);
    context.add_function("why", move |name: Arc<String>| {
        let condition = find(&conditions, &name);
        let message = text(&condition, "message");
        if message.trim().is_empty() { text(&condition, "reason") } else { message }
    })?;
    let generation = whole(field(object, "metadata").get("generation"));
    context.add_function("current", move |conditions: Value| -> Result<Value> {
        match &conditions {
            Value::List(items) => {
                Ok(Value::List(Arc::new(items.iter().filter(|one| !old(one, generation)).cloned().collect())))
            }
            _ => Err(failed("current", "this is no list of conditions")),
        }
    })?;
    let conditions = Arc::clone(&all);
    context.add_function("outdated", move |name: Arc<String>| {
        conditions.iter().any(|one| *text(one, "type") == *name && old(one, generation))
    })?;
    let observed = observed(object);
    context.add_function("observed", move || observed)?;
    context.add_function("join", |items: Arc<Vec<Value>>, separator: Arc<String>| {
        let items: Vec<String> = items.iter().map(object::plain).collect();
        Arc::new(items.join(&separator))
    })?;
    context.add_function("lower", |text: Arc<String>| Arc::new(text.to_lowercase()))?;
    context.add_function("number", |value: Value| -> Result<i64> {
        match &value {
            Value::Int(number) => Ok(*number),
            Value::String(text) => text.parse().map_err(|_| failed("number", "this is no whole number")),
            _ => Err(failed("number", "this is no whole number")),
        }
    })
}

/// The condition of a type, every field of it text; all of them empty if there is none.
fn find(conditions: &[Value], name: &str) -> Value {
    let fields = ["type", "status", "reason", "message", "lastTransitionTime"];
    let found = conditions.iter().find(|one| matches!(get(one, "type"), Some(Value::String(text)) if **text == name));
    let field = |key| found.map_or_else(Arc::default, |condition| text(condition, key));
    object::map(fields.into_iter().map(|key| (key, Value::String(field(key)))))
}

/// Whether a condition tells of an earlier generation of the object.
fn old(condition: &Value, generation: Option<i64>) -> bool {
    match get(condition, "observedGeneration") {
        Some(Value::Int(observed)) => generation.is_some_and(|generation| *observed < generation),
        _ => false,
    }
}

/// Whether the controller has seen the object as it is now. One that doesn't say is believed.
pub(crate) fn observed(object: &Json) -> bool {
    let generation = whole(field(object, "metadata").get("generation"));
    let observed = whole(field(object, "status").get("observedGeneration"));
    generation.zip(observed).is_none_or(|(generation, observed)| observed >= generation)
}
