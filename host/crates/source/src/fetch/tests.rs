use std::fs;
use std::process::Command;

use springline_model::port::Sources;

use crate::GitSource;
use crate::testing::{Repo, everything, git_in};

use super::*;

struct Cache(tempfile::TempDir);

impl Cache {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn fetch(&self, repo: &Repo, revision: Option<&str>) -> Result<GitSource, SourceError> {
        GitSource::fetch(&repo.url(), revision, &self.0.path().join("mirrors"), &Cancel::new())
    }
}

#[test]
fn a_mirror_is_fetched_and_then_kept_up_to_date() {
    let (repo, cache) = (Repo::sample(), Cache::new());
    repo.git(&["tag", "--annotate", "v1", "--message", "tag"]);
    let first = repo.git(&["rev-parse", "HEAD"]);
    let source = cache.fetch(&repo, None).unwrap();
    for name in ["HEAD", "main", "v1"] {
        assert_eq!(source.resolve(name).unwrap().id, first, "{name}");
    }
    assert_eq!(everything(&*source.tree(&source.resolve("HEAD").unwrap()).unwrap()).len(), 6);
    assert_eq!(source.work_dir(), None);

    repo.write("new", "x");
    let second = repo.commit("Second");
    repo.git(&["tag", "--force", "v1"]);
    let again = cache.fetch(&repo, None).unwrap();
    assert_eq!(again.git_dir(), source.git_dir());
    for name in ["HEAD", "main", "v1"] {
        assert_eq!(again.resolve(name).unwrap().id, second, "{name}");
    }
    let unchanged = cache.fetch(&repo, None).unwrap();
    assert_eq!(unchanged.resolve("HEAD").unwrap().id, second);
    assert_eq!(git_in(source.git_dir(), &["fsck", "--full", "--no-dangling"]), "");
}

#[test]
fn what_is_gone_or_rewritten_there_is_so_here() {
    let (repo, cache) = (Repo::sample(), Cache::new());
    repo.git(&["branch", "topic"]);
    repo.git(&["tag", "v1"]);
    assert!(cache.fetch(&repo, None).unwrap().resolve("topic").is_ok());

    repo.git(&["branch", "--delete", "topic"]);
    repo.git(&["tag", "--delete", "v1"]);
    // A directory where the branch was a file.
    repo.git(&["checkout", "--quiet", "--orphan", "topic/below"]);
    let below = repo.commit("Unrelated");
    repo.git(&["branch", "--delete", "--force", "main"]);
    let source = cache.fetch(&repo, None).unwrap();
    assert_eq!(source.resolve("topic/below").unwrap().id, below);
    assert_eq!(source.resolve("HEAD").unwrap().id, below, "HEAD points to another branch");
    for name in ["topic", "v1", "main"] {
        assert!(matches!(source.resolve(name), Err(SourceError::UnknownRevision { .. })), "{name}");
    }

    repo.git(&["commit", "--quiet", "--amend", "--message", "Rewritten"]);
    repo.git(&["checkout", "--quiet", "--detach"]);
    let rewritten = repo.git(&["rev-parse", "HEAD"]);
    let source = cache.fetch(&repo, None).unwrap();
    for name in ["HEAD", "topic/below"] {
        assert_eq!(source.resolve(name).unwrap().id, rewritten);
    }
}

#[test]
fn a_known_commit_needs_no_network_and_an_unknown_one_is_asked_for() {
    let (repo, cache) = (Repo::sample(), Cache::new());
    let first = repo.git(&["rev-parse", "HEAD"]);
    cache.fetch(&repo, Some(&first)).unwrap();

    let tree = repo.git(&["rev-parse", "HEAD^{tree}"]);
    let loose = repo.git(&["commit-tree", &tree, "-m", "No branch leads here"]);
    repo.git(&["config", "uploadpack.allowAnySHA1InWant", "true"]);
    let source = cache.fetch(&repo, Some(&loose)).unwrap();
    assert_eq!(source.resolve(&loose).unwrap().subject, "No branch leads here");

    let request = repo.git(&["commit-tree", &tree, "-m", "A request"]);
    repo.git(&["update-ref", "refs/pull/1/head", &request]);
    let source = cache.fetch(&repo, Some("refs/pull/1/head")).unwrap();
    assert_eq!(source.resolve("refs/pull/1/head").unwrap().id, request);

    for unknown in ["1".repeat(40), "refs/pull/2/head".to_owned()] {
        let error = cache.fetch(&repo, Some(&unknown)).err().unwrap();
        assert!(matches!(&error, SourceError::UnknownRevision { revision, .. } if *revision == unknown), "{error:?}");
    }
    let elsewhere = repo.path.with_extension("moved");
    fs::rename(&repo.path, &elsewhere).unwrap();
    assert_eq!(cache.fetch(&repo, Some(&first)).unwrap().resolve(&first).unwrap().id, first);
    let error = cache.fetch(&repo, None).err().unwrap();
    assert!(
        matches!(&error, SourceError::Git(message) if message.starts_with(&format!("{} can't be fetched: ", repo.url()))
            && message.lines().count() == 1),
        "{error:?}"
    );
}

#[test]
fn an_empty_repository_is_one_and_may_be_filled_later() {
    let (repo, cache) = (Repo::init(&[]), Cache::new());
    assert!(matches!(cache.fetch(&repo, None).unwrap().resolve("HEAD"), Err(SourceError::Empty(_))));
    repo.fill();
    assert_eq!(cache.fetch(&repo, None).unwrap().resolve("HEAD").unwrap().subject, "First");
}

#[test]
fn the_mirror_takes_the_object_format_of_its_original() {
    let (mut repo, cache) = (Repo::init(&["--object-format=sha256"]), Cache::new());
    repo.fill();
    assert_eq!(cache.fetch(&repo, None).unwrap().resolve("main").unwrap().id.len(), 64);
    // Another repository in its place.
    fs::remove_dir_all(&repo.path).unwrap();
    let path = repo.path.clone();
    repo = {
        git_in(repo.dir.path(), &["init", "--quiet", "--initial-branch=main", "repo"]);
        Repo { path, ..repo }
    };
    repo.fill();
    let source = cache.fetch(&repo, None).unwrap();
    assert_eq!(source.resolve("main").unwrap().id, repo.git(&["rev-parse", "main"]));
}

#[test]
fn a_mirror_that_is_damaged_is_made_again() {
    let (repo, cache) = (Repo::sample(), Cache::new());
    let mirror = cache.fetch(&repo, None).unwrap().git_dir().to_owned();
    fs::remove_file(mirror.join("HEAD")).unwrap();
    assert!(cache.fetch(&repo, None).unwrap().resolve("HEAD").is_ok());
}

#[test]
fn several_may_fetch_at_once_and_waiting_can_be_cancelled() {
    let (repo, cache) = (Repo::sample(), Cache::new());
    let ids: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..4).map(|_| scope.spawn(|| cache.fetch(&repo, None).unwrap().resolve("HEAD").unwrap().id)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(ids.iter().all(|id| *id == ids[0]));

    let mirrors = cache.0.path().join("mirrors");
    let lock = fs::read_dir(&mirrors).unwrap().map(|entry| entry.unwrap().path());
    let lock = lock.filter(|path| path.extension().is_some_and(|e| e == "lock")).collect::<Vec<_>>().remove(0);
    let held = File::create(lock).unwrap();
    held.lock().unwrap();
    let cancel = Cancel::new();
    cancel.cancel();
    let error = GitSource::fetch(&repo.url(), None, &mirrors, &cancel).err().unwrap();
    assert!(error.to_string().contains("cancelled"), "{error}");
}

#[test]
fn what_is_no_address_or_leads_nowhere_is_told_without_secrets() {
    let cache = Cache::new();
    for url in ["", "http://", "https://me:s3cret@localhost:1/x.git"] {
        let error = GitSource::fetch(url, None, cache.0.path(), &Cancel::new()).err().unwrap().to_string();
        assert!(!error.contains("s3cret") && !error.is_empty(), "{error}");
    }
    let stored = Command::new("grep").args(["-r", "s3cret"]).arg(cache.0.path()).output().unwrap();
    assert!(stored.stdout.is_empty());
}
