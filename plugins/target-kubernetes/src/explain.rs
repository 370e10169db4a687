//! What a change would do, as text.

use springline_sdk::kubernetes::{Cluster, Freshness, WriteOptions};
use springline_sdk::prelude::*;

use crate::config::Config;
use crate::content::{hide_secrets, meaningful};
use crate::desired::{read_one, text};
use crate::document::write;
use crate::ignore::Ignored;
use crate::live;
use crate::notes::Notes;
use crate::options::Options;
use crate::owner::Owner;
use crate::reference::Ref;
use crate::refusal::Sent;
use crate::told;
use crate::trial::{MANAGER, Outcome, Trial};

/// What a change would do: the object as it is, and as it would be.
pub fn explain(config: &Config, change: &Change, deploy: &Deploy) -> Result<Difference> {
    let live = Ref::parse(&change.live)?;
    let there = live::get_one(&live, Freshness::Any)?;
    let notes = Notes::read(change)?;
    if config.application.sync.told {
        return match &there {
            Some(there) => told::explain(config, (change, &notes, &live), there, deploy),
            None => Ok(Difference::default()),
        };
    }
    let as_it_is = there.as_ref().map(shown);
    if change.action == Action::Delete {
        let desired = if notes.left_alone.is_empty() { None } else { as_it_is.clone() };
        return Ok(Difference { live: as_it_is, desired });
    }
    let object = read_one(&live, &change.object, &notes.digest, deploy)?;
    let (owner, options) = (Owner::of(deploy), Options::of(&object));
    let ignored = Ignored::of(&live, &change.object, &config.application);
    let trial = Trial { config, owner: &owner, live: &live, options: &options, ignored: &ignored };
    let applied = trial.applied(&object, there.as_ref())?;
    let desired = match &there {
        None => created(&live, &applied),
        Some(there) => {
            let text = || text(&notes.digest, deploy).ok();
            match trial.run(&applied, there, Sent { id: &change.object, live: &live, text: &text }) {
                Ok(Outcome::Applied { object, .. }) => object,
                Ok(Outcome::Replaced { .. }) => over(there.clone(), &applied),
                // It is left alone, also where it could not be applied.
                Err(Error::Invalid(_) | Error::Conflict(_))
                    if config.application.sync.leaves_whole(&live, &change.object) =>
                {
                    over(there.clone(), &applied)
                }
                Err(error) => return Err(error),
            }
        }
    };
    Ok(Difference { live: as_it_is, desired: Some(shown(&desired)) })
}

/// What would be made, with its defaults if the API server says so already.
fn created(live: &Ref, applied: &Value) -> Value {
    let options = WriteOptions { manager: MANAGER.to_owned(), force: false, dry_run: true };
    let tried = Cluster::new(&live.cluster).apply(&applied.to_string(), &options);
    tried.ok().and_then(|text| live::object(&text).ok()).unwrap_or_else(|| applied.clone())
}

/// An object with the fields of another one laid over its own.
pub fn over(mut object: Value, upper: &Value) -> Value {
    lay(&mut object, upper);
    object
}

fn lay(lower: &mut Value, upper: &Value) {
    match (lower, upper) {
        (Value::Object(lower), Value::Object(upper)) => {
            for (key, value) in upper {
                lay(lower.entry(key).or_insert(Value::Null), value);
            }
        }
        (lower, upper) => *lower = upper.clone(),
    }
}

/// As it is shown: what is meant by somebody, and no Secret's values.
pub fn shown(object: &Value) -> String {
    let mut content = meaningful(object);
    hide_secrets(&mut content);
    write(&content)
}
