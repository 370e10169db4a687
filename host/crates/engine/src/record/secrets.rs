//! Secrets that must not be written to git.

use springline_model::manifest::{Body, Object};
use springline_model::tree::join_path;

use super::branch::each_file;
use crate::Ports;
use crate::error::Reason;

/// Refuses objects with a Kubernetes Secret whose values stand in it, readable for whoever reads the
/// repository: every file that would be written is looked at, whatever it is called.
pub(crate) fn check(ports: Ports<'_>, objects: &[Object], branch: &str) -> Result<(), Reason> {
    let look = |file: String, bytes: &[u8]| match (ports.is_secret)(bytes) {
        true => Err(Reason::SecretInGit { file, branch: branch.to_owned() }),
        false => Ok(()),
    };
    for object in objects {
        match &object.body {
            Body::Blob(digest) => look(object.id.clone(), &ports.blobs.get(digest)?)?,
            Body::Tree(digest) => {
                let tree = ports.blobs.tree(digest)?;
                each_file(tree.as_ref(), &mut |path, entry| look(join_path(&object.id, &path), &tree.read(entry)?))?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use springline_model::port::{Blobs, NewEntry};
    use springline_model::tree::EntryKind;

    use super::*;
    use crate::tests::World;

    #[test]
    fn every_file_of_a_directory_is_looked_at() {
        let world = World::new();
        let object = |files: &[(&str, EntryKind, &str)]| {
            let entry = |&(path, kind, text): &(&str, EntryKind, &str)| {
                let digest = world.blobs.put(text.as_bytes()).unwrap();
                NewEntry { path: path.to_owned(), kind, digest }
            };
            let tree = world.blobs.put_tree(files.iter().map(entry).collect()).unwrap();
            Object { id: "www".into(), body: Body::Tree(tree) }
        };
        let harmless = ("index.html", EntryKind::File, "<p>kind: Secret</p>");
        check(world.ports(), &[object(&[harmless])], "env/site").unwrap();
        for kind in [EntryKind::File, EntryKind::Executable, EntryKind::Symlink] {
            let objects = [object(&[harmless, ("a/b/secret.txt", kind, "kind: Secret\n")])];
            let error = check(world.ports(), &objects, "env/site").unwrap_err().to_string();
            assert!(error.contains("`www/a/b/secret.txt`") && error.contains("`env/site`"), "{error}");
        }
    }
}
