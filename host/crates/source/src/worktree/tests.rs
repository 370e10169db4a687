use std::fs;
use std::os::unix::fs::symlink;

use springline_model::port::Sources;

use super::*;
use crate::testing::{Repo, everything};

/// Takes a snapshot and compares it with what git would commit.
fn checked(repo: &Repo) -> (Revision, Arc<dyn Tree>) {
    let (revision, tree) = repo.source().worktree().unwrap();
    let expected = repo.tree_of_everything();
    assert_eq!(tree.id(), ObjectId::Git(expected.clone()));
    assert_eq!(revision.id, format!("worktree-{}", &expected[..40]));
    (revision, tree)
}

fn uncommitted(repo: &Repo) -> Vec<String> {
    repo.source().uncommitted().unwrap()
}

#[test]
fn a_clean_work_tree_is_the_commit() {
    let repo = Repo::sample();
    let source = repo.source();
    let committed = source.tree(&source.resolve("HEAD").unwrap()).unwrap();
    let (revision, tree) = checked(&repo);
    assert_eq!(tree.id(), committed.id());
    assert_eq!(everything(&*tree), everything(&*committed));
    for path in ["", "docs", "docs/deep/er"] {
        assert_eq!(tree.directory(path).unwrap(), committed.directory(path).unwrap());
        assert_eq!(tree.subtree(path).unwrap().unwrap().id(), committed.subtree(path).unwrap().unwrap().id());
    }
    assert_eq!((revision.time, &*revision.subject), (1_700_000_000, "uncommitted state, after: First"));
    assert!(uncommitted(&repo).is_empty());
}

#[test]
fn every_kind_of_change_is_seen() {
    let repo = Repo::sample();
    repo.write(".gitignore", "*.log\n/build/\n");
    repo.write("staged", "one");
    repo.commit("Second");
    repo.write("readme.md", "edited\n");
    repo.write("staged", "two");
    repo.git(&["add", "staged"]);
    repo.write("staged", "three");
    repo.git(&["mv", "docs/index.md", "docs/start.md"]);
    fs::remove_file(repo.path.join("docs/deep/er/page.md")).unwrap();
    repo.set_executable("run.sh", false);
    repo.set_executable("docs.d/x", true);
    fs::remove_file(repo.path.join("link")).unwrap();
    symlink("elsewhere", repo.path.join("link")).unwrap();
    repo.write("new/deep/file", "untracked");
    repo.write("new.log", "ignored");
    repo.write("build/out", "ignored");
    repo.write(".springline/state", "left out");
    repo.write("promised", "added later");
    repo.git(&["add", "--intent-to-add", "promised"]);
    fs::create_dir_all(repo.path.join("empty/directory")).unwrap();

    let (_, tree) = checked(&repo);
    let files = everything(&*tree);
    let shown: Vec<_> = files.iter().map(|(path, (kind, text))| (path.as_str(), *kind, text.as_str())).collect();
    assert_eq!(
        shown,
        [
            (".gitignore", EntryKind::File, "*.log\n/build/\n"),
            ("docs.d/x", EntryKind::Executable, "sorts between `docs` and `docs/`\n"),
            ("docs/start.md", EntryKind::File, "index\n"),
            ("link", EntryKind::Symlink, "elsewhere"),
            ("new/deep/file", EntryKind::File, "untracked"),
            ("promised", EntryKind::File, "added later"),
            ("readme.md", EntryKind::File, "edited\n"),
            ("run.sh", EntryKind::File, "#!/bin/sh\n"),
            ("staged", EntryKind::File, "three"),
        ]
    );
    assert_eq!(
        uncommitted(&repo),
        [
            "docs.d/x",
            "docs/deep/er/page.md",
            "docs/index.md",
            "docs/start.md",
            "link",
            "new/deep/file",
            "promised",
            "readme.md",
            "run.sh",
            "staged"
        ]
    );
}

#[test]
fn equal_states_have_equal_ids_and_others_do_not() {
    let repo = Repo::sample();
    let clean = checked(&repo).0.id;
    repo.write("readme.md", "edited\n");
    let edited = checked(&repo).0.id;
    assert_ne!(clean, edited);
    repo.write("readme.md", "# Sample\n");
    assert_eq!(checked(&repo).0.id, clean);
    repo.write("readme.md", "edited\n");
    repo.git(&["add", "readme.md"]);
    assert_eq!(checked(&repo).0.id, edited);
}

#[test]
fn files_directories_and_links_take_each_others_place() {
    let repo = Repo::sample();
    let path = |name: &str| repo.path.join(name);
    fs::remove_file(path("readme.md")).unwrap();
    repo.write("readme.md/now/a", "directory");
    fs::remove_dir_all(path("docs.d")).unwrap();
    repo.write("docs.d", "now a file");
    // A link in the place of a directory, and the files are still there behind it.
    fs::rename(path("docs/deep"), path("moved")).unwrap();
    symlink("../moved", path("docs/deep")).unwrap();
    fs::remove_file(path("link")).unwrap();
    fs::create_dir(path("link")).unwrap();

    let files = everything(&*checked(&repo).1);
    assert_eq!(files["docs/deep"], (EntryKind::Symlink, "../moved".to_owned()));
    assert_eq!(
        files.into_keys().collect::<Vec<_>>(),
        ["docs.d", "docs/deep", "docs/index.md", "moved/er/page.md", "readme.md/now/a", "run.sh"]
    );
}

#[test]
fn nothing_is_written_into_the_repository() {
    let repo = Repo::sample();
    // As old as the index, so that git would want to refresh it.
    repo.write("readme.md", "# Sample\n");
    repo.write("new", "x");
    let listing = |repo: &Repo| -> Vec<_> {
        let mut found = Vec::new();
        let mut open = vec![repo.path.clone()];
        while let Some(directory) = open.pop() {
            for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
                let metadata = entry.metadata().unwrap();
                if metadata.is_dir() {
                    open.push(entry.path());
                }
                found.push((entry.path(), metadata.len(), metadata.modified().unwrap()));
            }
        }
        found.sort();
        found
    };
    let before = listing(&repo);
    let source = repo.source();
    everything(&*source.worktree().unwrap().1);
    source.uncommitted().unwrap();
    assert_eq!(listing(&repo), before);
}

#[test]
fn before_the_first_commit_there_is_uncommitted_state() {
    let repo = Repo::init(&[]);
    let (revision, tree) = checked(&repo);
    assert!(tree.directory("").unwrap().unwrap().entries().is_empty());
    assert_eq!(revision.time, 0);
    repo.write("a/b", "x");
    assert_eq!(everything(&*checked(&repo).1).len(), 1);
    assert_eq!(uncommitted(&repo), ["a/b"]);
}

#[test]
fn a_file_that_changes_meanwhile_is_told() {
    let repo = Repo::sample();
    repo.write("readme.md", "edited\n");
    let (_, tree) = checked(&repo);
    let entry = tree.directory("").unwrap().unwrap().get("readme.md").unwrap().clone();
    assert_eq!(tree.read(&entry).unwrap(), "edited\n");
    repo.write("readme.md", "again!\n");
    let changed = tree.read(&entry).unwrap_err();
    assert!(matches!(&changed, TreeError::Lost { message, .. } if message.contains("`readme.md` was changed")));
    fs::remove_file(repo.path.join("readme.md")).unwrap();
    assert!(matches!(tree.read(&entry), Err(TreeError::Lost { .. })));
}

#[test]
fn conflicts_are_read_from_disk() {
    let repo = Repo::sample();
    repo.git(&["checkout", "--quiet", "-b", "other"]);
    repo.write("readme.md", "theirs\n");
    repo.commit("Theirs");
    repo.git(&["checkout", "--quiet", "main"]);
    repo.write("readme.md", "ours\n");
    repo.commit("Ours");
    let merge = std::process::Command::new("git").current_dir(&repo.path).args(["merge", "other"]).output().unwrap();
    assert!(!merge.status.success());
    let files = everything(&*checked(&repo).1);
    assert!(files["readme.md"].1.contains("<<<<<<<"), "{:?}", files["readme.md"]);
    assert_eq!(uncommitted(&repo), ["readme.md"]);
}

#[test]
fn sparse_checkouts_are_whole() {
    let repo = Repo::sample();
    repo.git(&["sparse-checkout", "set", "--cone", "--sparse-index", "docs.d"]);
    assert!(!repo.path.join("docs").exists());
    repo.write("new", "x");
    let source = repo.source();
    let (_, tree) = source.worktree().unwrap();
    let committed = source.tree(&source.resolve("HEAD").unwrap()).unwrap();
    assert_eq!(everything(&*tree).len(), 7);
    assert_eq!(tree.directory("docs/deep/er").unwrap(), committed.directory("docs/deep/er").unwrap());
    assert_eq!(tree.subtree("docs").unwrap().unwrap().id(), committed.subtree("docs").unwrap().unwrap().id());
    assert!(tree.directory("docs/index.md").unwrap().is_none());
    assert!(tree.directory("nowhere").unwrap().is_none());
    assert_eq!(source.uncommitted().unwrap(), ["new"]);

    // What is in the way of a directory that the checkout leaves out is no part of the state.
    repo.write("docs/stray", "x");
    assert_eq!(source.worktree().unwrap().1.id(), tree.id());
}

#[test]
fn a_staged_change_that_is_undone_on_disk_is_uncommitted() {
    let repo = Repo::sample();
    repo.write("readme.md", "edited\n");
    repo.git(&["add", "readme.md"]);
    repo.write("readme.md", "# Sample\n");
    checked(&repo);
    assert_eq!(uncommitted(&repo), ["readme.md"]);
}

#[test]
fn a_directory_that_the_index_has_as_a_whole_is_not_lost_to_a_file_in_it() {
    let repo = Repo::sample();
    let objects = Objects::new(gix::ThreadSafeRepository::open(&repo.path).unwrap());
    let id = gix::ObjectId::empty_blob(gix::hash::Kind::Sha1);
    let leaf = |path: &str, kind| (BString::from(path), Leaf { kind, id });
    let leaves = [leaf("docs/new", EntryKind::File), leaf("docs/", EntryKind::Directory)];
    let error = Root::new(leaves, &objects, id.kind()).err().unwrap();
    assert!(
        matches!(&error, SourceError::Git(message) if message.contains("git sparse-checkout reapply")),
        "{error:?}"
    );
}

#[test]
fn a_repository_in_the_work_tree_is_left_out() {
    let repo = Repo::sample();
    repo.git(&["init", "--quiet", "nested"]);
    repo.write("nested/file", "x");
    let (_, tree) = repo.source().worktree().unwrap();
    assert!(tree.directory("").unwrap().unwrap().get("nested").is_none());
}
