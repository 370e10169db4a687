//! What is ignored: the fields that differ and that a rule leaves as they are. The host asks for it in a
//! plan of its own, and shows it; nothing of it is applied.

use springline_sdk::kubernetes::{Cluster, Freshness, fingerprint, recall, remember};
use springline_sdk::prelude::*;

use crate::config::Config;
use crate::content::{held_by, hide_secrets, meaningful, metadata, version};
use crate::desired::{Desired, read_one, text};
use crate::difference::summary;
use crate::explain::{over, shown};
use crate::ignore::Ignored;
use crate::live::get;
use crate::notes::Notes;
use crate::options::Options;
use crate::owner::{Owner, without_marks};
use crate::reference::Ref;
use crate::refusal::Sent;
use crate::trial::{Outcome, Trial};

/// The updates that would be made besides if nothing were ignored, each of the ignored fields alone.
pub fn plan(config: &Config, desired: &[Desired], deploy: &Deploy) -> Result<Vec<Change>> {
    let covered = |desired: &&Desired| !Ignored::of(&desired.live, &desired.id, &config.application).is_empty();
    let covered: Vec<&Desired> = desired.iter().filter(covered).collect();
    let names: Vec<_> = covered.iter().map(|desired| desired.object_name()).collect();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let (owner, settings) = (Owner::of(deploy), fingerprint(format!("{config:?}").as_bytes()));
    let live = get(&Cluster::new(&config.cluster), &names, Freshness::Any)?;
    let mut changes = Vec::new();
    for (desired, there) in covered.into_iter().zip(&live) {
        // What is another's or on its way out is told of by the plan itself.
        let Some(there) = there.as_ref().filter(|there| held_by(there).is_none() && owner.other(there).is_none())
        else {
            continue;
        };
        let (uid, now) = (metadata(there, "uid"), metadata(there, "resourceVersion"));
        let key = format!("ignored/1/{}/{}/{uid}/{now}/{settings}", desired.live, desired.digest);
        if recall(&key).is_some() {
            continue;
        }
        let Desired { id, live, object, digest, options, .. } = desired;
        let both = Both { config, owner: &owner, live, options, id, digest, deploy };
        let (kept, bare) = both.of(object, there)?;
        let contents = [&kept, &bare].map(|object| {
            let mut content = meaningful(object);
            hide_secrets(&mut content);
            without_marks(&content)
        });
        if contents[0] == contents[1] {
            remember(&key, b"nothing");
            continue;
        }
        let notes = Notes { digest: digest.clone(), uid: uid.to_owned(), ..Notes::default() };
        changes.push(Change {
            wave: desired.wave,
            summary: summary(&contents[0], &contents[1]),
            before: Some(version(&meaningful(there))),
            after: Some(version(&meaningful(&bare))),
            state: notes.write(),
            ..Change::new(Action::Update, live.to_string(), id)
        });
    }
    Ok(changes)
}

/// The object as it is left, and as it would be.
pub fn explain(
    config: &Config,
    (change, notes, live): (&Change, &Notes, &Ref),
    there: &Value,
    deploy: &Deploy,
) -> Result<Difference> {
    let object = read_one(live, &change.object, &notes.digest, deploy)?;
    let (owner, options) = (Owner::of(deploy), Options::of(&object));
    let both =
        Both { config, owner: &owner, live, options: &options, id: &change.object, digest: &notes.digest, deploy };
    let (kept, bare) = both.of(&object, there)?;
    Ok(Difference { live: Some(shown(&kept)), desired: Some(shown(&bare)) })
}

/// An object that is tried with the rules and without.
struct Both<'a> {
    config: &'a Config,
    owner: &'a Owner,
    live: &'a Ref,
    options: &'a Options,
    id: &'a str,
    digest: &'a str,
    deploy: &'a Deploy,
}

impl Both<'_> {
    /// What comes of it with the rules, and what without them.
    fn of(&self, object: &Value, there: &Value) -> Result<(Value, Value)> {
        let ignored = Ignored::of(self.live, self.id, &self.config.application);
        // Without the rules, the fields of the managers would be taken over.
        let forced = Options { force: true, ..self.options.clone() };
        let tries = [(&ignored, self.options), (&Ignored::default(), &forced)];
        let [kept, bare] = tries.map(|(ignored, options)| {
            let trial = Trial { config: self.config, owner: self.owner, live: self.live, options, ignored };
            let applied = trial.applied(object, Some(there))?;
            let text = || text(self.digest, self.deploy).ok();
            let sent = Sent { id: self.id, live: self.live, text: &text };
            match trial.run(&applied, there, sent) {
                Ok(Outcome::Applied { object, .. }) => Ok(object),
                // What can't be changed in place is shown as it stands in the manifest.
                Ok(Outcome::Replaced { .. }) | Err(Error::Invalid(_)) => Ok(over(there.clone(), &applied)),
                Err(error) => Err(error),
            }
        });
        Ok((kept?, bare?))
    }
}
