use std::fs;

use springline_model::ObjectId;
use springline_model::tree::{Entry, EntryKind, TreeError};

use super::*;
use crate::testing::{Repo, everything, git_in};

fn head(source: &GitSource) -> Arc<dyn Tree> {
    source.tree(&source.resolve("HEAD").unwrap()).unwrap()
}

fn entry(tree: &dyn Tree, directory: &str, name: &str) -> Entry {
    tree.directory(directory).unwrap().unwrap().get(name).unwrap().clone()
}

fn assert_sample(tree: &dyn Tree) {
    let files = everything(tree);
    let shown: Vec<_> = files.iter().map(|(path, (kind, text))| (path.as_str(), *kind, text.as_str())).collect();
    assert_eq!(
        shown,
        [
            ("docs.d/x", EntryKind::File, "sorts between `docs` and `docs/`\n"),
            ("docs/deep/er/page.md", EntryKind::File, "page\n"),
            ("docs/index.md", EntryKind::File, "index\n"),
            ("link", EntryKind::Symlink, "docs/index.md"),
            ("readme.md", EntryKind::File, "# Sample\n"),
            ("run.sh", EntryKind::Executable, "#!/bin/sh\n"),
        ]
    );
}

#[test]
fn trees_are_read_loose_and_packed() {
    let repo = Repo::sample();
    let source = repo.source();
    let before = head(&source);
    assert_sample(&*before);
    repo.git(&["gc", "--quiet"]);
    assert_sample(&*head(&source));
    assert_sample(&*head(&repo.source()));
    let unread = entry(&*head(&source), "docs/deep/er", "page.md");
    assert_eq!(before.read(&unread).unwrap(), "page\n", "a tree from before the packing");
}

#[test]
fn ids_are_those_of_git() {
    let repo = Repo::sample();
    let tree = head(&repo.source());
    let git = |spec: &str| ObjectId::Git(repo.git(&["rev-parse", spec]));
    assert_eq!(tree.id(), git("HEAD^{tree}"));
    assert_eq!(entry(&*tree, "", "docs").id, git("HEAD:docs"));
    assert_eq!(entry(&*tree, "docs", "index.md").id, git("HEAD:docs/index.md"));

    let deep = tree.subtree("docs/deep").unwrap().unwrap();
    assert_eq!(deep.id(), git("HEAD:docs/deep"));
    let deeper = deep.subtree("er").unwrap().unwrap();
    assert_eq!(deeper.id(), git("HEAD:docs/deep/er"));
    assert_eq!(deeper.subtree("").unwrap().unwrap().id(), deeper.id());
    assert_eq!(everything(&*deeper).into_keys().collect::<Vec<_>>(), ["page.md"]);
    for nothing in ["nowhere", "readme.md", "readme.md/x", "link", "docs//deep", "/", "docs/"] {
        assert!(tree.directory(nothing).unwrap().is_none(), "{nothing:?}");
        assert!(tree.subtree(nothing).unwrap().is_none(), "{nothing:?}");
    }
}

#[test]
fn deltas_are_resolved() {
    let repo = Repo::init(&[]);
    let lines: String = (0..2000).map(|at| format!("line {at}\n")).collect();
    for at in 0..40 {
        repo.write(&format!("d{}/{at}", at % 3), &format!("{lines}{at}\n"));
    }
    repo.commit("Similar files");
    repo.git(&["repack", "-adfq", "--depth=50", "--window=50"]);
    let files = everything(&*head(&repo.source()));
    assert_eq!(files.len(), 40);
    for (path, (_, text)) in files {
        let at = path.rsplit('/').next().unwrap();
        assert!(text == format!("{lines}{at}\n"), "{path}");
    }
}

#[test]
fn whatever_git_calls_a_commit_is_one() {
    let repo = Repo::sample();
    repo.git(&["tag", "light"]);
    repo.write("readme.md", "changed\n");
    let second = repo.commit("Second");
    repo.git(&["tag", "--annotate", "v1.0", "--message", "a tag"]);
    repo.git(&["update-ref", "refs/remotes/origin/next", "HEAD~1"]);
    repo.git(&["checkout", "--quiet", "-b", "topic/x", "HEAD~1"]);
    let source = repo.source();
    for name in [
        "HEAD",
        "@",
        "main",
        "refs/heads/main",
        "heads/main",
        "topic/x",
        "v1.0",
        "light",
        "main~1",
        "main^",
        "v1.0^{commit}",
        "v1.0^{}",
        "v1.0~1",
        "origin/next",
        &second,
        &second[..7],
    ] {
        let expected = repo.git(&["rev-parse", &format!("{name}^{{commit}}")]);
        let revision = source.resolve(name).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(revision.id, expected, "{name}");
    }
    assert_eq!(
        source.resolve("light").unwrap(),
        Revision { id: repo.git(&["rev-parse", "light"]), time: 1_700_000_000, subject: "First".into() }
    );
    for name in ["nothing", "", "HEAD~2", "main^2", "0000000", &"0".repeat(40), "HEAD:readme.md", "main..topic/x", "-x"]
    {
        let error = source.resolve(name).unwrap_err();
        assert!(
            matches!(&error, SourceError::UnknownRevision { revision, repository }
                if revision == name && *repository == repo.path.display().to_string()),
            "{name:?}: {error:?}"
        );
    }
    let gone = Revision { id: "1".repeat(40), time: 0, subject: String::new() };
    assert!(matches!(source.tree(&gone), Err(SourceError::UnknownRevision { .. })));
    let worktree = Revision { id: format!("worktree-{}", "1".repeat(40)), ..gone };
    assert!(matches!(source.tree(&worktree), Err(SourceError::UnknownRevision { .. })));
}

#[test]
fn an_ambiguous_abbreviation_says_so() {
    let repo = Repo::init(&[]);
    let commits: String = (0..1500)
        .map(|at| format!("commit refs/heads/main\ncommitter A <a@example.org> {at} +0000\ndata 0\n\n"))
        .collect();
    repo.git_with(&["fast-import", "--quiet"], commits.as_bytes());
    let mut ids: Vec<_> = repo.git(&["rev-list", "main"]).lines().map(|id| id[..4].to_owned()).collect();
    ids.sort();
    let twice = ids.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0].clone()).unwrap();
    let error = repo.source().resolve(&twice).unwrap_err();
    assert!(matches!(&error, SourceError::Git(message) if message.contains("ambiguous")), "{error:?}");
}

#[test]
fn without_repository_or_commit_there_is_no_revision() {
    let dir = tempfile::tempdir().unwrap();
    for path in [dir.path().to_owned(), dir.path().join("missing")] {
        assert!(
            matches!(GitSource::open(&path), Err(SourceError::NoRepository(at)) if at == path.display().to_string())
        );
    }
    for arguments in [&[][..], &["--bare"]] {
        let repo = Repo::init(arguments);
        for name in ["HEAD", "main", "v1"] {
            assert!(matches!(repo.source().resolve(name), Err(SourceError::Empty(_))), "{name}");
        }
    }
    let broken = Repo::sample();
    fs::write(broken.path.join(".git/config"), "[core\n").unwrap();
    let error = GitSource::open(&broken.path).err().unwrap();
    assert!(matches!(&error, SourceError::Git(_)), "{error:?}");
}

#[test]
fn repositories_are_found_from_below_and_in_linked_work_trees() {
    let repo = Repo::sample();
    let below = GitSource::open(&repo.path.join("docs/deep")).unwrap();
    assert_eq!(below.root_dir(), repo.path);
    assert_eq!(below.git_dir(), repo.path.join(".git"));
    assert_eq!(below.work_dir(), Some(&*repo.path));

    let linked = repo.dir.path().join("linked");
    repo.git(&["worktree", "add", "--quiet", linked.to_str().unwrap(), "-b", "other"]);
    let source = GitSource::open(&linked).unwrap();
    assert_eq!(source.root_dir(), linked);
    assert_sample(&*head(&source));
    assert!(source.uncommitted().unwrap().is_empty());
}

#[test]
fn bare_repositories_have_commits_and_no_work_tree() {
    let repo = Repo::sample();
    git_in(repo.dir.path(), &["clone", "--quiet", "--bare", "repo", "bare.git"]);
    let path = repo.dir.path().join("bare.git");
    let source = GitSource::open(&path).unwrap();
    assert_sample(&*head(&source));
    assert_eq!((source.root_dir(), source.git_dir(), source.work_dir()), (&*path, &*path, None));
    assert!(matches!(source.worktree(), Err(SourceError::Bare(_))));
    assert!(source.uncommitted().unwrap().is_empty());
    assert!(!source.is_tracked("readme.md").unwrap());
}

#[test]
fn sha256_repositories_are_read() {
    let repo = Repo::init(&["--object-format=sha256"]);
    repo.fill();
    let source = repo.source();
    let revision = source.resolve("HEAD").unwrap();
    assert_eq!(revision.id.len(), 64);
    assert_sample(&*source.tree(&revision).unwrap());
    assert_eq!(source.resolve(&revision.id[..9]).unwrap(), revision);
    assert_sample(&*source.worktree().unwrap().1);
    repo.git(&["gc", "--quiet"]);
    assert_sample(&*head(&repo.source()));
}

#[test]
fn shallow_clones_have_their_commit_and_say_what_they_lack() {
    let repo = Repo::sample();
    repo.write("new", "");
    repo.commit("Second");
    git_in(repo.dir.path(), &["clone", "--quiet", "--depth=1", &repo.url(), "shallow"]);
    let source = GitSource::open(&repo.dir.path().join("shallow")).unwrap();
    assert_eq!(everything(&*head(&source)).len(), 7);
    let error = source.resolve("HEAD~1").unwrap_err();
    assert!(matches!(error, SourceError::UnknownRevision { .. }), "{error:?}");
    assert!(error.to_string().contains("git fetch --unshallow"), "{error}");
}

/// The file of a loose object.
fn loose(repo: &Repo, id: &str) -> PathBuf {
    repo.path.join(".git/objects").join(&id[..2]).join(&id[2..])
}

#[test]
fn lost_and_damaged_objects_are_told() {
    let repo = Repo::sample();
    let source = repo.source();
    let tree = head(&source);
    let (page, index) = (entry(&*tree, "docs/deep/er", "page.md"), entry(&*tree, "docs", "index.md"));
    let hex = |spec: &str| repo.git(&["rev-parse", spec]);

    let other = loose(&repo, &hex("HEAD:readme.md"));
    let damaged = loose(&repo, &hex("HEAD:docs/index.md"));
    fs::remove_file(&damaged).unwrap();
    fs::copy(&other, &damaged).unwrap();
    let error = tree.read(&index).unwrap_err();
    assert!(matches!(&error, TreeError::Lost { id, .. } if *id == index.id), "{error:?}");
    fs::remove_file(&damaged).unwrap();
    fs::write(&damaged, b"no zlib").unwrap();
    let error = tree.read(&index).unwrap_err();
    assert!(matches!(&error, TreeError::Lost { id, .. } if *id == index.id), "{error:?}");

    fs::remove_file(loose(&repo, &hex("HEAD:docs/deep/er/page.md"))).unwrap();
    for error in [tree.read(&page).unwrap_err(), tree.size(&page).unwrap_err()] {
        assert!(matches!(&error, TreeError::Lost { id, message } if *id == page.id && message.contains("git fetch")));
    }
    fs::remove_file(loose(&repo, &hex("HEAD:docs.d"))).unwrap();
    assert!(matches!(tree.directory("docs.d"), Err(TreeError::Lost { .. })));
    assert_eq!(tree.read(&entry(&*tree, "", "readme.md")).unwrap(), "# Sample\n", "the rest is there");
}

#[test]
fn a_partial_clone_says_what_it_is() {
    let repo = Repo::sample();
    repo.git(&["config", "uploadpack.allowFilter", "true"]);
    git_in(repo.dir.path(), &["clone", "--quiet", "--no-checkout", "--filter=blob:none", &repo.url(), "partial"]);
    let tree = head(&GitSource::open(&repo.dir.path().join("partial")).unwrap());
    let error = tree.read(&entry(&*tree, "docs", "index.md")).unwrap_err();
    assert!(matches!(&error, TreeError::Lost { message, .. } if message.contains("partial clone")), "{error:?}");
}

#[test]
fn submodules_are_listed_and_not_read() {
    let repo = Repo::sample();
    let commit = repo.git(&["rev-parse", "HEAD"]);
    repo.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{commit},docs/sub")]);
    repo.git(&["commit", "--quiet", "--message", "Submodule"]);
    // As a clone without its submodules has it.
    fs::create_dir(repo.path.join("docs/sub")).unwrap();
    let source = repo.source();
    for tree in [head(&source), source.worktree().unwrap().1] {
        let sub = entry(&*tree, "docs", "sub");
        assert_eq!((sub.kind, &sub.id), (EntryKind::Submodule, &ObjectId::Git(commit.clone())));
        for below in ["docs/sub", "docs/sub/x/y"] {
            let error = tree.directory(below).unwrap_err();
            assert!(matches!(&error, TreeError::Submodule { path } if path == "docs/sub"), "{error:?}");
        }
        assert!(matches!(tree.read(&sub), Err(TreeError::Submodule { .. })));
        assert!(matches!(tree.subtree("docs/sub"), Err(TreeError::Submodule { .. })));
        let docs = tree.subtree("docs").unwrap().unwrap();
        assert!(matches!(docs.directory("sub"), Err(TreeError::Submodule { path }) if path == "docs/sub"));
    }
}

#[test]
fn a_name_that_is_not_utf8_spoils_its_directory_alone() {
    use std::os::unix::ffi::OsStrExt;
    let repo = Repo::sample();
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9");
    fs::write(repo.path.join("docs/deep").join(name), "x").unwrap();
    let source = repo.source();
    let uncommitted = source.worktree().unwrap().1;
    assert_eq!(uncommitted.id(), ObjectId::Git(repo.tree_of_everything()));
    repo.commit("Latin");
    for tree in [head(&source), uncommitted] {
        let error = tree.directory("docs/deep").unwrap_err();
        assert!(
            matches!(&error, TreeError::NotUtf8 { directory, name } if directory == "docs/deep" && name == "caf\\xe9"),
            "{error:?}"
        );
        assert_eq!(tree.read(&entry(&*tree, "docs", "index.md")).unwrap(), "index\n");
    }
}

#[test]
fn eight_threads_read_at_once() {
    let repo = Repo::init(&[]);
    for at in 0..300 {
        repo.write(&format!("d{}/{at}", at % 7), &format!("{}{at}", "same ".repeat(500)));
    }
    repo.commit("Many");
    repo.git(&["gc", "--quiet"]);
    let tree = head(&repo.source());
    let expected = everything(&*tree);
    assert_eq!(expected.len(), 300);
    let fresh = head(&repo.source());
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert!(everything(&*fresh) == expected));
        }
    });
}

#[test]
fn tracked_paths_are_known() {
    let repo = Repo::sample();
    repo.write("untracked", "");
    let source = repo.source();
    for (path, tracked) in [
        ("readme.md", true),
        ("docs", true),
        ("docs/", true),
        ("docs/deep/er", true),
        ("untracked", false),
        ("doc", false),
        (".springline", false),
    ] {
        assert_eq!(source.is_tracked(path).unwrap(), tracked, "{path}");
    }
    repo.write(".springline/state", "");
    repo.git(&["add", ".springline"]);
    assert!(repo.source().is_tracked(".springline").unwrap());
}

#[test]
fn a_revision_is_before_what_descends_from_it() {
    let repo = Repo::sample();
    let source = repo.source();
    let first = source.resolve("HEAD").unwrap();
    let second = repo.commit("Second");
    repo.git(&["checkout", "--quiet", "-b", "beside", &first.id]);
    let beside = repo.commit("Beside");
    let source = repo.source();
    let second = source.resolve(&second).unwrap();
    assert!(source.is_before(&first, &second.id, 0));
    assert!(!source.is_before(&second, &first.id, i64::MAX), "what is here is not judged by its time");
    assert!(!source.is_before(&second, &beside, i64::MAX));
    assert!(!source.is_before(&first, &first.id, i64::MAX));
    let elsewhere = "1".repeat(40);
    assert!(source.is_before(&first, &elsewhere, first.time + 1));
    assert!(!source.is_before(&first, &elsewhere, first.time));
    assert!(!source.is_before(&first, "worktree-1", i64::MAX));
}
