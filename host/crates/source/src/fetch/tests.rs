use std::fs;
use std::process::Command;

use springline_model::Digest;
use springline_model::port::Sources;
use springline_model::repository::Trouble;

use crate::GitSource;
use crate::testing::{Daemon, Fault, Repo, everything, git_in};

use super::*;

struct Cache(tempfile::TempDir);

impl Cache {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn fetch_from(
        &self,
        url: &str,
        revision: Option<&str>,
        patience: Duration,
        cancel: &Cancel,
    ) -> Result<GitSource, SourceError> {
        GitSource::fetch(url, revision, &self.0.path().join("mirrors"), (patience, cancel))
    }

    fn fetch(&self, repo: &Repo, revision: Option<&str>) -> Result<GitSource, SourceError> {
        self.fetch_from(&repo.url(), revision, Duration::from_secs(30), &Cancel::new())
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
    let SourceError::Remote(error) = error else { panic!("{error:?}") };
    assert_eq!(error.trouble, Trouble::Unknown, "{error}");
    assert!(error.message.starts_with(&format!("{} can't be read: ", repo.url())), "{error}");
    assert_eq!(error.message.lines().count(), 1);
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
    let error = cache.fetch_from(&repo.url(), None, Duration::from_secs(30), &cancel).err().unwrap();
    assert!(error.to_string().contains("cancelled"), "{error}");
}

#[test]
fn what_is_no_address_or_leads_nowhere_is_told_without_secrets() {
    let cache = Cache::new();
    for url in ["", "http://", "https://me:s3cret@localhost:1/x.git"] {
        let error = cache.fetch_from(url, None, Duration::from_secs(30), &Cancel::new()).err().unwrap().to_string();
        assert!(!error.contains("s3cret") && !error.is_empty(), "{error}");
    }
    let stored = Command::new("grep").args(["-r", "s3cret"]).arg(cache.0.path()).output().unwrap();
    assert!(stored.stdout.is_empty());
}

#[test]
fn a_head_that_is_on_no_branch_is_fetched() {
    let (repo, cache) = (Repo::sample(), Cache::new());
    repo.git(&["checkout", "--quiet", "--detach"]);
    let head = repo.commit("On no branch");
    assert_eq!(cache.fetch(&repo, None).unwrap().resolve("HEAD").unwrap().id, head);
    let next = repo.commit("Nor this one");
    assert_eq!(cache.fetch(&repo, None).unwrap().resolve("HEAD").unwrap().id, next);
}

#[test]
fn all_branches_may_go() {
    let (repo, cache) = (Repo::sample(), Cache::new());
    cache.fetch(&repo, None).unwrap();
    repo.git(&["update-ref", "-d", "refs/heads/main"]);
    let source = cache.fetch(&repo, None).unwrap();
    assert!(source.branches().unwrap().is_empty());
}

/// Whatever of a fetch is not whole.
fn left(mirrors: &Path) -> Vec<PathBuf> {
    let (mut open, mut found) = (vec![mirrors.to_owned()], Vec::new());
    while let Some(directory) = open.pop() {
        for path in fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                open.push(path.clone());
            }
            let is_lock = directory != mirrors && name.ends_with(".lock");
            if is_lock || name.starts_with("tmp_") || name.ends_with(".new") {
                found.push(path);
            }
        }
    }
    found
}

/// A repository whose pack does not fit into a few kilobytes.
fn heavy() -> Repo {
    let repo = Repo::sample();
    let noise: String = (0..20_000_u64).map(|at| format!("{:x}", Digest::of(at.to_string()).as_bytes()[0])).collect();
    repo.write("noise", &noise);
    repo.commit("Noise");
    repo
}

const LISTING: usize = 60;
const PACK: usize = 8_000;

#[test]
fn whoever_is_silent_or_lies_is_given_up_and_nothing_half_stays() {
    let (repo, cache) = (heavy(), Cache::new());
    for (fault, trouble) in [
        (Fault::HangAfter(0), Trouble::Unreachable),
        (Fault::HangAfter(LISTING), Trouble::Unreachable),
        (Fault::HangAfter(PACK), Trouble::Unreachable),
        (Fault::DropAfter(0), Trouble::Unreachable),
        (Fault::DropAfter(LISTING), Trouble::Unreachable),
        (Fault::DropAfter(PACK), Trouble::Unreachable),
        (Fault::Garbage, Trouble::Garbage),
    ] {
        let daemon = Daemon::start(&repo.path, fault);
        let error = cache.fetch_from(&daemon.url, None, Duration::from_secs(1), &Cancel::new()).err().unwrap();
        let SourceError::Remote(error) = error else { panic!("{fault:?}: {error:?}") };
        assert_eq!(error.trouble, trouble, "{fault:?}: {error}");
        assert_eq!(error.message.contains("of silence"), matches!(fault, Fault::HangAfter(_)), "{error}");
        assert!(error.message.contains(&daemon.url), "{error}");
        assert_eq!(left(&cache.0.path().join("mirrors")), Vec::<PathBuf>::new(), "{fault:?}");
        // And it is no worse for it.
        daemon.set(Fault::None);
        let source = cache.fetch_from(&daemon.url, None, Duration::from_secs(30), &Cancel::new()).unwrap();
        assert_eq!(source.resolve("HEAD").unwrap().subject, "Noise");
    }
}

#[test]
fn a_fetch_from_somebody_silent_can_be_cancelled() {
    let (repo, cache) = (heavy(), Cache::new());
    for fault in [Fault::HangAfter(0), Fault::HangAfter(LISTING), Fault::HangAfter(PACK)] {
        let daemon = Daemon::start(&repo.path, fault);
        let cancel = Cancel::new();
        let error = std::thread::scope(|scope| {
            let fetch =
                scope.spawn(|| cache.fetch_from(&daemon.url, None, Duration::from_secs(3600), &cancel).err().unwrap());
            daemon.hangs.recv().unwrap();
            cancel.cancel();
            fetch.join().unwrap()
        });
        assert!(matches!(&error, SourceError::Remote(error) if error.trouble == Trouble::Cancelled), "{error:?}");
        assert_eq!(left(&cache.0.path().join("mirrors")), Vec::<PathBuf>::new(), "{fault:?}");
    }
}

#[test]
fn what_a_killed_fetch_left_is_swept_away() {
    let (repo, cache) = (Repo::sample(), Cache::new());
    let mirror = cache.fetch(&repo, None).unwrap().git_dir().to_owned();
    // As a process leaves it that is killed: it is not whole, and locks are held.
    fs::write(mirror.with_extension("lock"), "fetching\n").unwrap();
    for name in ["packed-refs.lock", "HEAD.lock", "objects/pack/tmp_pack_x"] {
        fs::create_dir_all(mirror.join(name).parent().unwrap()).unwrap();
        fs::write(mirror.join(name), "").unwrap();
    }
    repo.git(&["checkout", "--quiet", "-b", "next"]);
    repo.git(&["branch", "--delete", "main"]);
    let next = repo.commit("Next");
    assert_eq!(cache.fetch(&repo, None).unwrap().resolve("HEAD").unwrap().id, next);
    assert_eq!(left(&cache.0.path().join("mirrors")), Vec::<PathBuf>::new());
}

#[test]
fn what_another_git_is_still_at_is_not_swept_away() {
    let (repo, cache) = (Repo::sample(), Cache::new());
    let mirror = cache.fetch(&repo, None).unwrap().git_dir().to_owned();
    // As it is when a process is killed and its git is not: that one holds its file, and writes.
    fs::write(mirror.with_extension("lock"), "fetching\n").unwrap();
    let held = File::open(mirror.with_extension("busy")).unwrap();
    held.lock().unwrap();
    let written = mirror.join("packed-refs.lock");
    fs::write(&written, "").unwrap();
    repo.commit("Next");
    let cancel = Cancel::new();
    cancel.cancel();
    let error = cache.fetch_from(&repo.url(), None, Duration::from_secs(3600), &cancel).err().unwrap();
    assert!(matches!(&error, SourceError::Remote(error) if error.trouble == Trouble::Cancelled), "{error:?}");
    assert!(written.exists());
    drop(held);
    assert_eq!(cache.fetch(&repo, None).unwrap().resolve("HEAD").unwrap().subject, "Next");
    assert!(!written.exists(), "it has ended");
}

#[test]
fn a_mirror_that_can_not_be_read_is_left_as_it_is() {
    let (repo, cache) = (Repo::sample(), Cache::new());
    let mirror = cache.fetch(&repo, None).unwrap().git_dir().to_owned();
    let (head, kept) = (mirror.join("HEAD"), mirror.join("kept"));
    fs::rename(&head, &kept).unwrap();
    // It leads round in a circle: nobody can say what is there.
    std::os::unix::fs::symlink("HEAD", &head).unwrap();
    let error = cache.fetch(&repo, None).err().unwrap().to_string();
    assert!(error.contains("can't be fetched") && error.contains("HEAD"), "{error}");
    fs::rename(&kept, &head).unwrap();
    assert!(cache.fetch(&repo, None).unwrap().resolve("HEAD").is_ok());
}

#[test]
fn a_revision_that_could_not_be_kept_is_not_an_unknown_one() {
    let (repo, cache) = (Repo::sample(), Cache::new());
    let mirror = cache.fetch(&repo, None).unwrap().git_dir().to_owned();
    let tree = repo.git(&["rev-parse", "HEAD^{tree}"]);
    let loose = repo.git(&["commit-tree", &tree, "-m", "No branch leads here"]);
    repo.git(&["config", "uploadpack.allowAnySHA1InWant", "true"]);
    // Stands for a disk that is full: the name that keeps it can't be written.
    let kept = mirror.join("refs/springline");
    fs::create_dir_all(&kept).unwrap();
    fs::write(kept.join(format!("{loose}.lock")), "").unwrap();
    let error = cache.fetch(&repo, Some(&loose)).err().unwrap();
    assert!(matches!(&error, SourceError::Remote(_)), "{error:?}");
}

#[test]
fn what_the_other_side_has_not_got_is_told_from_what_fails() {
    let is_told = |said: &str| is_unknown(&RepositoryError::new(Trouble::Declined, said));
    for said in [
        "fatal: couldn't find remote ref nowhere",
        "fatal: remote error: upload-pack: not our ref 1234",
        "error: Server does not allow request for unadvertised object 1234",
        "fatal: remote error: want 1234 not valid",
    ] {
        assert!(is_told(said), "{said}");
    }
    assert!(is_unknown(&RepositoryError::new(Trouble::Unknown, "")));
    for said in ["server certificate verification failed: the certificate is not valid", "No space left on device"] {
        assert!(!is_told(said), "{said}");
    }
}
