use std::fs;
use std::os::unix::fs::PermissionsExt;

use springline_model::repository::{Author, Edit};

use super::*;
use crate::testing::{Repo, git_in};

const NOTES: &str = "refs/notes/springline";

fn how() -> (Duration, Cancel) {
    (Duration::from_secs(30), Cancel::new())
}

fn local(repo: &Repo, push: Option<&str>) -> GitWriter {
    let (patience, cancel) = how();
    GitWriter::local(&repo.path, push, (patience, &cancel)).unwrap()
}

fn remote(repo: &Repo, into: &Path) -> GitWriter {
    let (patience, cancel) = how();
    GitWriter::remote(&repo.url(), into, (patience, &cancel)).unwrap()
}

fn put(path: &str, text: &str) -> Draft {
    draft(vec![Edit::Put { path: path.into(), bytes: text.into() }])
}

fn draft(edits: Vec<Edit>) -> Draft {
    let author = Author { name: "Robot".into(), email: "r@example.org".into(), seconds: 1_700_000_000 };
    Draft {
        edits,
        message: "Write\n".into(),
        trailers: String::new(),
        shows_difference: false,
        author,
        even_if_same: false,
    }
}

fn bare() -> Repo {
    Repo::init(&["--bare"])
}

#[test]
fn a_commit_is_the_same_whoever_makes_it_and_whole_for_git() {
    let (repo, into) = (bare(), tempfile::tempdir().unwrap());
    let other = Repo::init(&[]);
    let make = |writer: &GitWriter| {
        let edits = vec![
            Edit::Put { path: "a/b/c".into(), bytes: b"1".to_vec() },
            Edit::Put { path: "a.b".into(), bytes: b"2".to_vec() },
            Edit::Put { path: "a0".into(), bytes: b"3".to_vec() },
        ];
        writer.update("refs/heads/env/live", None, &mut |_, _| Ok(Next::Commit(draft(edits.clone())))).unwrap()
    };
    let (here, there) = (make(&local(&other, None)), make(&remote(&repo, into.path())));
    assert_eq!(here.commit, there.commit);
    assert_eq!(repo.git(&["rev-parse", "env/live"]), there.commit.clone().unwrap());
    assert_eq!(repo.git(&["ls-tree", "-r", "--name-only", "env/live"]), "a.b\na/b/c\na0");
    assert_eq!(repo.git(&["fsck", "--strict", "--full"]), "");
    assert!(there.changed() && there.before.is_none());
    let again = make(&remote(&repo, into.path()));
    assert!(!again.changed(), "the same once more is nothing new: {again:?}");
    assert_eq!(
        repo.git(&["log", "-1", "--format=%an <%ae> %at %cn", "env/live"]),
        "Robot <r@example.org> 1700000000 Robot"
    );
}

#[test]
fn edits_leave_everything_else_alone() {
    let repo = Repo::sample();
    let writer = local(&repo, None);
    let before = repo.git(&["ls-tree", "-r", "HEAD"]);
    repo.git(&["branch", "other"]);
    let edits = vec![
        Edit::Put { path: "run.sh".into(), bytes: b"#!/bin/true\n".to_vec() },
        Edit::Remove { path: "docs/deep".into() },
        Edit::Remove { path: "not/there".into() },
        Edit::Put { path: "docs.d/y".into(), bytes: b"y".to_vec() },
    ];
    writer.update("refs/heads/other", None, &mut |_, _| Ok(Next::Commit(draft(edits.clone())))).unwrap();
    let after = repo.git(&["ls-tree", "-r", "other"]);
    assert!(after.contains("100755 blob") && after.contains("120000 blob"), "modes stay: {after}");
    assert_eq!(
        repo.git(&["diff", "--name-status", "main", "other"]),
        "A\tdocs.d/y\nD\tdocs/deep/er/page.md\nM\trun.sh"
    );
    assert_eq!(repo.git(&["ls-tree", "-r", "HEAD"]), before, "the source's branch is not touched");
    assert_eq!(repo.git(&["status", "--porcelain"]), "");
    assert_eq!(repo.git(&["fsck", "--strict"]), "");
}

#[test]
fn what_is_checked_out_and_what_git_could_not_keep_is_refused() {
    let repo = Repo::sample();
    let writer = local(&repo, None);
    let error = writer.update("refs/heads/main", None, &mut |_, _| Ok(Next::Commit(put("x", "y")))).unwrap_err();
    assert!(error.trouble == Trouble::Content && error.message.contains("checked out"), "{error}");
    repo.git(&["worktree", "add", "--quiet", "-b", "linked", "../linked"]);
    let error = writer.update("refs/heads/linked", None, &mut |_, _| Ok(Next::Commit(put("x", "y")))).unwrap_err();
    assert!(error.message.contains("checked out"), "{error}");
    for path in [".git/config", "a/.GIT/x", ".git::$INDEX_ALLOCATION/x", ".g\u{200c}it/x", "../x", "a//b", "", "a/../b"]
    {
        let error = writer.update("refs/heads/x", None, &mut |_, _| Ok(Next::Commit(put(path, "y")))).unwrap_err();
        assert_eq!(error.trouble, Trouble::Content, "{path}: {error}");
    }
    let error = writer.update("refs/heads/a..b", None, &mut |_, _| Ok(Next::Keep)).unwrap_err();
    assert!(error.message.contains("no name of a reference"), "{error}");
}

#[test]
fn writers_at_once_lose_nothing() {
    let repo = bare();
    let homes: Vec<_> = (0..4).map(|_| tempfile::tempdir().unwrap()).collect();
    std::thread::scope(|scope| {
        for (at, home) in homes.iter().enumerate() {
            let writer = remote(&repo, home.path());
            scope.spawn(move || {
                for round in 0..3 {
                    let path = format!("{at}-{round}");
                    writer.update(NOTES, None, &mut |_, _| Ok(Next::Commit(put(&path, &path)))).unwrap();
                }
            });
        }
    });
    assert_eq!(repo.git(&["ls-tree", "-r", "--name-only", NOTES]).lines().count(), 12);
    assert_eq!(repo.git(&["rev-list", "--count", NOTES]), "12", "each is a child of the one before");
}

#[test]
fn a_local_record_is_pushed_too_and_both_sides_are_brought_together() {
    let (repo, origin) = (Repo::sample(), bare());
    repo.git(&["remote", "add", "origin", &origin.url()]);
    let alone = local(&repo, None);
    alone.update(NOTES, None, &mut |_, _| Ok(Next::Commit(put("aa", "here\n")))).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let other = remote(&origin, elsewhere.path());
    other.update(NOTES, None, &mut |_, _| Ok(Next::Commit(put("aa", "there\n")))).unwrap();
    other.update(NOTES, None, &mut |_, _| Ok(Next::Commit(put("bb", "there\n")))).unwrap();

    let both = local(&repo, Some("origin"));
    both.update(NOTES, None, &mut |_, _| Ok(Next::Commit(put("cc", "now\n")))).unwrap();
    assert_eq!(repo.git(&["rev-parse", NOTES]), origin.git(&["rev-parse", NOTES]));
    assert_eq!(repo.git(&["ls-tree", "--name-only", NOTES]), "aa\nbb\ncc");
    assert_eq!(repo.git(&["show", &format!("{NOTES}:aa")]), "there\n\nhere");
    assert_eq!(repo.git(&["rev-list", "--count", NOTES]), "4");
    assert!(matches!(
        GitWriter::local(&repo.path, Some("orign"), (how().0, &how().1)),
        Err(RepositoryError { trouble: Trouble::Unknown, .. })
    ));
}

#[test]
fn without_its_remote_a_local_record_is_written_and_told_of() {
    let repo = Repo::sample();
    repo.git(&["remote", "add", "origin", "file:///nowhere/at/all.git"]);
    let writer = local(&repo, Some("origin"));
    let error = writer.update(NOTES, None, &mut |_, _| Ok(Next::Commit(put("aa", "x")))).unwrap_err();
    assert_eq!(error.trouble, Trouble::Unknown, "{error}");
    assert_eq!(repo.git(&["show", &format!("{NOTES}:aa")]), "x", "it is here all the same");
}

#[test]
fn a_push_whose_answer_is_lost_is_found_out() {
    let (repo, into) = (bare(), tempfile::tempdir().unwrap());
    let hook = repo.path.join("hooks/post-receive");
    // The push is done, and then the other side dies.
    fs::write(&hook, "#!/bin/sh\nkill -9 $PPID\n").unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    let written = remote(&repo, into.path()).update(NOTES, None, &mut |_, _| Ok(Next::Commit(put("aa", "x")))).unwrap();
    assert_eq!(repo.git(&["rev-parse", NOTES]), written.commit.unwrap());
    assert_eq!(written.again, 0);
}

#[test]
fn what_a_hook_declines_is_told_with_its_words() {
    let (repo, into) = (bare(), tempfile::tempdir().unwrap());
    let hook = repo.path.join("hooks/pre-receive");
    fs::write(&hook, "#!/bin/sh\necho 'only on Tuesdays'\nexit 1\n").unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    let error =
        remote(&repo, into.path()).update(NOTES, None, &mut |_, _| Ok(Next::Commit(put("aa", "x")))).unwrap_err();
    assert_eq!(error.trouble, Trouble::Declined, "{error}");
    assert!(error.message.contains("only on Tuesdays"), "{error}");
}

#[test]
fn a_branch_is_renewed_on_another_and_goes_when_there_is_nothing_to_say() {
    let (repo, into) = (bare(), tempfile::tempdir().unwrap());
    let writer = remote(&repo, into.path());
    let (main, update) = ("refs/heads/main", "refs/heads/springline/update-x");
    writer.update(main, None, &mut |_, _| Ok(Next::Commit(put("a", "1")))).unwrap();
    let propose = |text: &str| {
        writer.update(update, Some(main), &mut |_, onto| {
            assert!(onto.is_some_and(|onto| onto.tree.is_some()));
            Ok(Next::Instead(put("a", text)))
        })
    };
    let first = propose("2").unwrap();
    assert!(first.changed());
    assert!(!propose("2").unwrap().changed());
    let second = propose("3").unwrap();
    assert_eq!(second.before, first.commit);
    assert_eq!(repo.git(&["rev-list", "--count", &format!("{main}..{update}")]), "1", "it is renewed, not piled up");
    assert_eq!(propose("1").unwrap().commit, None);
    assert_eq!(repo.git(&["for-each-ref", "--format=%(refname)"]), main);
    assert!(!propose("1").unwrap().changed());
}

#[test]
fn ids_of_another_format_are_no_trouble() {
    let (repo, into) = (Repo::init(&["--bare", "--object-format=sha256"]), tempfile::tempdir().unwrap());
    let source = Repo::init(&["--object-format=sha256"]);
    source.fill();
    source.git(&["push", "--quiet", &repo.url(), "main:main"]);
    let writer = remote(&repo, into.path());
    writer.update("refs/heads/main", None, &mut |_, _| Ok(Next::Commit(put("new", "x")))).unwrap();
    assert_eq!(repo.git(&["rev-list", "--count", "main"]), "2");
    assert_eq!(git_in(&repo.path, &["fsck", "--strict"]), "");
}

#[test]
fn the_branch_of_a_repository_is_known() {
    let (repo, into) = (Repo::init(&["--bare", "--initial-branch=trunk"]), tempfile::tempdir().unwrap());
    assert_eq!(local(&repo, None).default_branch().unwrap(), "trunk");
    let writer = remote(&repo, into.path());
    writer.update("refs/heads/trunk", None, &mut |_, _| Ok(Next::Commit(put("a", "1")))).unwrap();
    assert_eq!(writer.default_branch().unwrap(), "trunk");
}

#[test]
fn a_name_that_is_in_the_way_is_told_and_not_waited_for() {
    let (repo, into) = (bare(), tempfile::tempdir().unwrap());
    let writer = remote(&repo, into.path());
    writer.update("refs/heads/env", None, &mut |_, _| Ok(Next::Commit(put("a", "1")))).unwrap();
    let mut asked = 0;
    let error = writer.update("refs/heads/env/site", None, &mut |_, _| {
        asked += 1;
        Ok(Next::Commit(put("a", "2")))
    });
    let error = error.unwrap_err();
    assert_eq!((error.trouble, asked), (Trouble::Declined, 1), "{error}");
    assert!(error.message.contains("env/site"), "{error}");
    // When it is out of the way, what was kept of it is no hindrance.
    repo.git(&["update-ref", "-d", "refs/heads/env"]);
    let written = writer.update("refs/heads/env/site", None, &mut |_, _| Ok(Next::Commit(put("a", "2")))).unwrap();
    assert_eq!(repo.git(&["rev-parse", "env/site"]), written.commit.unwrap());
    remote(&repo, into.path()).tip("refs/heads/env/site").unwrap();
}

#[test]
fn a_server_that_can_not_write_is_not_asked_for_ever() {
    let (repo, into) = (bare(), tempfile::tempdir().unwrap());
    fs::create_dir_all(repo.path.join("refs/notes")).unwrap();
    fs::write(repo.path.join("refs/notes/springline.lock"), "").unwrap();
    let mut asked = 0;
    let error = remote(&repo, into.path()).update(NOTES, None, &mut |_, _| {
        asked += 1;
        Ok(Next::Commit(put("aa", "x")))
    });
    let error = error.unwrap_err();
    assert_eq!((error.trouble, asked), (Trouble::Declined, 1), "{error}");
    assert!(error.message.contains("springline.lock"), "it is told with the server's words: {error}");
}

#[test]
fn what_is_checked_out_is_not_pushed_either() {
    let (repo, origin) = (Repo::sample(), bare());
    repo.git(&["remote", "add", "origin", &origin.url()]);
    let writer = local(&repo, Some("origin"));
    writer.update("refs/heads/main", None, &mut |_, _| Ok(Next::Commit(put("x", "y")))).unwrap_err();
    assert_eq!(origin.git(&["for-each-ref"]), "");
}

#[test]
fn hooks_of_the_users_repository_are_not_run() {
    let (repo, origin) = (Repo::sample(), bare());
    repo.git(&["remote", "add", "origin", &origin.url()]);
    let told = repo.dir.path().join("ran");
    let hook = repo.path.join(".git/hooks/reference-transaction");
    fs::write(&hook, format!("#!/bin/sh\ntouch {}\n", told.display())).unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    // A push of a branch moves the name that remembers it here, and that is what the hook is told of.
    repo.git(&["push", "--quiet", "origin", "main:first"]);
    assert!(told.exists(), "the hook is one that runs");
    fs::remove_file(&told).unwrap();
    let live = "refs/heads/env/live";
    local(&repo, Some("origin")).update(live, None, &mut |_, _| Ok(Next::Commit(put("aa", "x")))).unwrap();
    assert_eq!(repo.git(&["rev-parse", "origin/env/live"]), origin.git(&["rev-parse", live]));
    assert!(!told.exists());
}

#[test]
fn a_commit_by_nobody_keeps_nothing_from_being_written() {
    let (repo, into) = (bare(), tempfile::tempdir().unwrap());
    let tree = repo.git(&["mktree"]);
    let broken = format!("tree {tree}\nauthor Nobody\ncommitter Nobody\n\nImported\n");
    let commit = repo.git_with(&["hash-object", "-t", "commit", "-w", "--stdin", "--literally"], broken.as_bytes());
    repo.git(&["update-ref", "refs/heads/main", &commit]);
    let writer = remote(&repo, into.path());
    writer.update("refs/heads/main", None, &mut |_, _| Ok(Next::Commit(put("a", "1")))).unwrap();
    assert_eq!(repo.git(&["rev-list", "--count", "main"]), "2");
}

#[test]
fn the_ssh_that_git_is_configured_with_is_used_for_the_default_branch_too() {
    let (repo, into) = (bare(), tempfile::tempdir().unwrap());
    let (patience, cancel) = how();
    let writer = GitWriter::remote("ssh://nobody@host.invalid/app.git", into.path(), (patience, &cancel)).unwrap();
    // Stands for what the user's configuration says.
    let ssh = into.path().join("ssh");
    fs::write(&ssh, format!("#!/bin/sh\nexec git upload-pack {}\n", repo.path.display())).unwrap();
    fs::set_permissions(&ssh, fs::Permissions::from_mode(0o755)).unwrap();
    writer.objects().unwrap();
    git_in(&writer.directory, &["config", "core.sshCommand", ssh.to_str().unwrap()]);
    *writer.objects.lock().unwrap() = None;
    repo.git(&["symbolic-ref", "HEAD", "refs/heads/trunk"]);
    let tree = repo.git(&["mktree"]);
    let commit = repo.git(&["commit-tree", &tree, "-m", "First"]);
    repo.git(&["update-ref", "refs/heads/trunk", &commit]);
    assert_eq!(writer.default_branch().unwrap(), "trunk");
}

#[test]
fn what_is_in_the_way_is_not_replaced() {
    let (repo, into) = (bare(), tempfile::tempdir().unwrap());
    let writer = remote(&repo, into.path());
    let edit = |path: &str| writer.update("refs/heads/main", None, &mut |_, _| Ok(Next::Commit(put(path, "1"))));
    edit("a").unwrap();
    edit("b/c").unwrap();
    for path in ["a/b", "a/b/c", "b"] {
        let error = edit(path).unwrap_err();
        assert!(error.trouble == Trouble::Content && error.message.contains("as something else"), "{path}: {error}");
    }
    assert_eq!(repo.git(&["ls-tree", "-r", "--name-only", "main"]), "a\nb/c");
}

#[test]
fn what_was_merged_with_a_merge_commit_is_merged() {
    let (repo, into) = (bare(), tempfile::tempdir().unwrap());
    let writer = remote(&repo, into.path());
    let (main, update) = ("refs/heads/main", "refs/heads/springline/update-x");
    let write = |reference: &str, path: &str, text: &str| {
        writer.update(reference, None, &mut |_, _| Ok(Next::Commit(put(path, text)))).unwrap().commit.unwrap()
    };
    write(main, "a", "1");
    let propose = |text: &str| {
        let mut seen = (Vec::new(), Vec::new());
        let written = writer.update(update, Some(main), &mut |tip, onto| {
            let ids = |tip: &Tip| tip.commits.iter().map(|commit| commit.id.clone()).collect();
            seen = (ids(tip), onto.map(ids).unwrap_or_default());
            Ok(Next::Instead(put("a", text)))
        });
        (written.unwrap(), seen)
    };
    let proposal = propose("2").0.commit.unwrap();
    let review = write(update, "b", "reviewed");
    assert_eq!(propose("2").1.0, [review.clone(), proposal.clone()], "what is on the branch too is not proposed");
    repo.git(&["update-ref", update, &review]);

    let clone = into.path().join("clone");
    git_in(into.path(), &["clone", "--quiet", &repo.url(), clone.to_str().unwrap()]);
    git_in(&clone, &["merge", "--quiet", "--no-ff", "--no-edit", "origin/springline/update-x"]);
    // It goes on for longer than anybody looks back.
    let push = || git_in(&clone, &["push", "--quiet", "origin", "HEAD:main"]);
    push();
    let (_, (_, there)) = propose("3");
    assert!(there.contains(&review) && there.contains(&proposal), "by the second parent: {there:?}");
    repo.git(&["update-ref", update, &review]);
    for at in 0..130 {
        git_in(&clone, &["commit", "--quiet", "--allow-empty", "--message", &at.to_string()]);
    }
    push();
    let (written, (tip, there)) = propose("2");
    assert!(!there.contains(&review), "{there:?}");
    assert_eq!(tip, [""; 0], "nothing of it is proposed any more");
    assert_eq!((written.before, written.commit), (Some(review), None));
    assert_eq!(repo.git(&["for-each-ref", "--format=%(refname)"]), main);
}
