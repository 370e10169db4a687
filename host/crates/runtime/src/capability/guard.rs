//! Keeps secrets out of what a call returns: masked in what people read, refused in what is kept
//! and compared.

use springline_model::call::{Built, Rendered};
use springline_model::manifest::{Account, Applied, Change, Child, Difference, Health, Hook, Identity, Observed};
use springline_model::plugin::{Description, Fault, Violation};

use super::masks::Masks;

/// Something that a call returns.
pub(crate) trait Guarded {
    /// Masks the secrets in it.
    ///
    /// # Errors
    /// [`Fault::Leak`] if there is one where nothing can be masked.
    fn guard(&mut self, masks: &Masks) -> Result<(), Fault>;
}

fn mask(masks: &Masks, text: &mut String) {
    if let std::borrow::Cow::Owned(masked) = masks.mask(text) {
        *text = masked;
    }
}

fn refuse(masks: &Masks, place: &str, bytes: &[u8]) -> Result<(), Fault> {
    match masks.find(bytes) {
        Some(secret) => Err(Fault::Leak { secret: secret.into(), place: place.into() }),
        None => Ok(()),
    }
}

const NAME: &str = "the name of an object";
const VERSION: &str = "what identifies an object";
const NOTES: &str = "the target's own notes";

impl Guarded for Description {
    /// A plugin describes itself without powers.
    fn guard(&mut self, _: &Masks) -> Result<(), Fault> {
        Ok(())
    }
}

impl Guarded for Built {
    fn guard(&mut self, masks: &Masks) -> Result<(), Fault> {
        mask(masks, &mut self.summary);
        Ok(())
    }
}

impl Guarded for Rendered {
    fn guard(&mut self, masks: &Masks) -> Result<(), Fault> {
        self.objects.iter().try_for_each(|object| refuse(masks, NAME, object.id.as_bytes()))
    }
}

impl Guarded for Vec<Identity> {
    fn guard(&mut self, masks: &Masks) -> Result<(), Fault> {
        self.iter().try_for_each(|identity| refuse(masks, NAME, identity.live.as_bytes()))
    }
}

impl Guarded for Vec<Change> {
    fn guard(&mut self, masks: &Masks) -> Result<(), Fault> {
        for change in self {
            mask(masks, &mut change.summary);
            refuse(masks, NAME, change.live.as_bytes())?;
            refuse(masks, NOTES, &change.state)?;
            for version in change.before.iter().chain(&change.after) {
                refuse(masks, VERSION, version.as_bytes())?;
            }
        }
        Ok(())
    }
}

impl Guarded for Difference {
    fn guard(&mut self, masks: &Masks) -> Result<(), Fault> {
        self.live.iter_mut().chain(&mut self.desired).for_each(|text| mask(masks, text));
        Ok(())
    }
}

impl Guarded for Applied {
    fn guard(&mut self, masks: &Masks) -> Result<(), Fault> {
        mask(masks, &mut self.message);
        self.after.iter().try_for_each(|version| refuse(masks, VERSION, version.as_bytes()))
    }
}

impl Guarded for Vec<Observed> {
    fn guard(&mut self, masks: &Masks) -> Result<(), Fault> {
        for object in self {
            refuse(masks, NOTES, &object.state)?;
            object.version.iter().try_for_each(|version| refuse(masks, VERSION, version.as_bytes()))?;
        }
        Ok(())
    }
}

impl Guarded for Health {
    fn guard(&mut self, masks: &Masks) -> Result<(), Fault> {
        mask(masks, &mut self.message);
        Ok(())
    }
}

impl Guarded for Vec<Hook> {
    fn guard(&mut self, masks: &Masks) -> Result<(), Fault> {
        self.iter().try_for_each(|hook| {
            refuse(masks, NAME, hook.live.as_bytes())?;
            refuse(masks, NOTES, &hook.state)
        })
    }
}

impl Guarded for Vec<Child> {
    fn guard(&mut self, masks: &Masks) -> Result<(), Fault> {
        for child in self {
            mask(masks, &mut child.live);
            mask(masks, &mut child.parent);
            mask(masks, &mut child.health.message);
        }
        Ok(())
    }
}

impl Guarded for Vec<Account> {
    fn guard(&mut self, masks: &Masks) -> Result<(), Fault> {
        self.iter_mut().flat_map(|account| &mut account.lines).for_each(|line| mask(masks, line));
        Ok(())
    }
}

impl Guarded for Vec<String> {
    fn guard(&mut self, masks: &Masks) -> Result<(), Fault> {
        self.iter().try_for_each(|name| refuse(masks, NAME, name.as_bytes()))
    }
}

/// Masks the secrets in how a call failed.
pub(crate) fn guard_fault(fault: &mut Fault, masks: &Masks) {
    let message = match fault {
        Fault::Invalid { violations } => {
            for Violation { message, file, pointer, .. } in violations {
                mask(masks, message);
                file.iter_mut().chain(pointer).for_each(|text| mask(masks, text));
            }
            return;
        }
        // Whoever makes one has masked it.
        Fault::Leak { .. } | Fault::Cancelled => return,
        Fault::Denied { message }
        | Fault::Conflict { message }
        | Fault::Transient { message, .. }
        | Fault::Failed { message }
        | Fault::Trap { message }
        | Fault::Limit { message, .. }
        | Fault::Contract { message }
        | Fault::Unusable { message }
        | Fault::Lost { message }
        | Fault::NoSpace { message }
        | Fault::Host { message } => message,
    };
    mask(masks, message);
}

#[cfg(test)]
mod tests {
    use springline_model::manifest::Action;

    use super::*;

    fn masks() -> Masks {
        let masks = Masks::default();
        masks.add("token", b"hunter2hunter2").unwrap();
        masks
    }

    #[test]
    fn what_is_read_is_masked_and_what_is_kept_is_refused() {
        let mut change = Change {
            live: "a".into(),
            object: "a".into(),
            action: Action::Create,
            wave: 0,
            summary: "with hunter2hunter2".into(),
            before: None,
            after: None,
            state: Vec::new(),
        };
        let mut changes = vec![change.clone()];
        changes.guard(&masks()).unwrap();
        assert_eq!(changes[0].summary, "with [secret token]");
        change.state = b"note: hunter2hunter2".to_vec();
        let refused = vec![change].guard(&masks()).unwrap_err();
        assert!(refused.to_string().contains("`token`") && refused.to_string().contains(NOTES), "{refused}");
        assert!(vec!["live/hunter2hunter2".to_owned()].guard(&masks()).is_err());
    }

    #[test]
    fn errors_are_masked() {
        let violation = Violation {
            message: "no hunter2hunter2".into(),
            file: Some("hunter2hunter2.txt".into()),
            line: None,
            pointer: None,
        };
        let mut faults = [
            Fault::Failed { message: "Basic eHh4Omh1bnRlcjJodW50ZXIy".into() },
            Fault::Invalid { violations: vec![violation] },
        ];
        for fault in &mut faults {
            guard_fault(fault, &masks());
            assert!(fault.to_string().contains("[secret token]") && !fault.to_string().contains("hunter"), "{fault}");
        }
    }
}
