//! Applies one change.

use springline_sdk::prelude::*;
use springline_sdk::{Node, NodeKind};

use crate::desired::ancestors;
use crate::version::Version;
use crate::{link_target, node, owner};

/// Makes a file or a link as desired.
pub fn put(change: &Change, deploy: &Deploy) -> Result<Applied> {
    let after = after(change)?;
    let (me, there) = (owner(deploy), node(deploy, &change.live)?);
    if is(there.as_ref(), &after, &me) {
        return Ok(done(change, "already done"));
    }
    let before = change.before.as_deref().map(Version::parse).transpose()?;
    if there.as_ref().and_then(Version::of) != before {
        return Err(Error::conflict(format!("`{}` has changed since this was planned", change.live)));
    }
    if before.is_none() {
        clear_above(&change.live, &me, deploy)?;
        if there.is_some() {
            clear_below(&change.live, deploy)?;
        }
    }
    let expected = before.as_ref().map(|version| version.digest.as_str());
    match after.kind {
        NodeKind::Symlink => deploy.directory().put_symlink(&change.live, &link_target(change)?, expected)?,
        kind => {
            deploy.directory().put_file(&change.live, &after.digest, kind == NodeKind::Executable, expected)?;
        }
    }
    Ok(done(change, ""))
}

/// Marks what is there, and is as desired, as owned.
pub fn adopt(change: &Change, deploy: &Deploy) -> Result<Applied> {
    let there = node(deploy, &change.live)?;
    if there.as_ref().and_then(Version::of) != Some(after(change)?) {
        return Err(Error::conflict(format!("`{}` has changed since this was planned", change.live)));
    }
    deploy.directory().adopt(&change.live)?;
    Ok(done(change, ""))
}

/// Removes a file or a link. What became another thing or another's in the meantime stays: the file
/// that was ours is gone.
pub fn delete(change: &Change, deploy: &Deploy) -> Result<Applied> {
    let directory = deploy.directory();
    let Some(there) = node(deploy, &change.live)? else {
        // Nothing to remove but the mark.
        directory.remove(&change.live, None)?;
        return Ok(done(change, "gone already"));
    };
    let Some(version) = Version::of(&there) else {
        return Ok(done(change, "left alone: it is neither a file nor a link any more"));
    };
    if there.owner.is_empty() {
        // The inventory says that it is ours, and the mark was lost.
        directory.adopt(&change.live)?;
    } else if there.owner != owner(deploy) {
        return Ok(done(change, &format!("left alone: it belongs to {}", there.owner)));
    }
    if change.before.as_deref() != Some(version.to_string().as_str()) {
        return Err(Error::conflict(format!("`{}` has changed since this was planned", change.live)));
    }
    directory.remove(&change.live, Some(&version.digest))?;
    Ok(done(change, ""))
}

fn after(change: &Change) -> Result<Version> {
    let after = change.after.as_deref().ok_or_else(|| Error::failed("the change does not say what is desired"))?;
    Version::parse(after)
}

fn done(change: &Change, message: &str) -> Applied {
    Applied { after: change.after.clone(), message: message.to_owned() }
}

/// Whether what is there is as desired and ours.
fn is(there: Option<&Node>, desired: &Version, me: &str) -> bool {
    there.is_some_and(|node| node.owner == me && Version::of(node).as_ref() == Some(desired))
}

/// Removes a file of ours that is where a path needs a directory. It is no longer desired, or the
/// path could not be.
fn clear_above(path: &str, me: &str, deploy: &Deploy) -> Result<()> {
    for above in ancestors(path) {
        let Some(there) = node(deploy, above)? else { return Ok(()) };
        if there.kind == NodeKind::Directory {
            continue;
        }
        if there.owner != me {
            return Err(Error::conflict(format!("`{above}` is no directory")));
        }
        return deploy.directory().remove(above, Some(&there.digest));
    }
    Ok(())
}

/// Removes the files of ours from a directory that is where a file is desired. None of them is
/// desired any more, or the file could not be.
fn clear_below(path: &str, deploy: &Deploy) -> Result<()> {
    let inside = format!("{path}/");
    let directory = deploy.directory();
    let ours: Vec<_> = directory.owned()?.into_iter().filter(|owned| owned.starts_with(&inside)).collect();
    for (file, there) in ours.iter().zip(directory.inspect(&ours)?) {
        directory.remove(file, there.as_ref().map(|node| node.digest.as_str()))?;
    }
    if node(deploy, path)?.is_some() {
        return Err(Error::conflict(format!(
            "`{path}` is a directory with files in it that are not ours: move it away"
        )));
    }
    Ok(())
}
