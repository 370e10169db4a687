//! What a plan notes for the apply of a change.

use springline_sdk::prelude::*;
use springline_sdk::serde_json::{from_slice, to_vec};

/// What a plan notes for the apply of a change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(crate = "springline_sdk::serde", default)]
pub struct Notes {
    /// The digest of the desired object's body.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub digest: String,
    /// Whether fields of other managers are taken over.
    #[serde(skip_serializing_if = "is_false")]
    pub force: bool,
    /// Whether it is deleted and made anew.
    #[serde(skip_serializing_if = "is_false")]
    pub replace: bool,
    /// Whether its kind may take a while to be there.
    #[serde(skip_serializing_if = "is_false")]
    pub late_kind: bool,
    /// Whether it is run within a sync and not kept.
    #[serde(skip_serializing_if = "is_false")]
    pub hook: bool,
    /// Whether it is run once only: what is there of it is left as it is.
    #[serde(skip_serializing_if = "is_false")]
    pub once: bool,
    /// Why a delete deletes nothing.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub left_alone: String,
    /// The uid of the live object that the change was planned on.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uid: String,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_false(yes: &bool) -> bool {
    !yes
}

impl Notes {
    /// As a change carries them.
    pub fn write(&self) -> Vec<u8> {
        to_vec(self).unwrap_or_default()
    }

    /// From what a change carries.
    pub fn read(change: &Change) -> Result<Self> {
        from_slice(&change.state).map_err(|_| Error::failed(format!("the change of `{}` lost its notes", change.live)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_read_as_they_were_written() {
        let notes = Notes { digest: "sha256:1".into(), replace: true, uid: "u".into(), ..Notes::default() };
        let change = Change { state: notes.write(), ..Change::new(Action::Update, "prod/Service/a/b", "x") };
        assert_eq!(Notes::read(&change).unwrap(), notes);
        assert_eq!(Notes::default().write(), b"{}");
        assert!(Notes::read(&Change::new(Action::Update, "prod/Service/a/b", "x")).is_err());
    }
}
