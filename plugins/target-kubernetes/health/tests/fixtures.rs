//! The verdicts that Argo CD's own tests state, on the objects that they state them on.
//!
//! Three are not ours: a KafkaConnect and a KafkaConnector that are healthy there though they are
//! being deleted, which Argo CD itself finds out before it asks the script that those tests are of;
//! and a User whose file has one key twice, which our reader refuses.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{env, fs};

use serde_json::Value as Json;
use springline_health::{Rules, Status, Verdict};
use springline_yaml::{Node, Schema};

/// The kinds of the objects that are judged otherwise.
const MISSED: [&str; 3] = ["KafkaConnect", "KafkaConnector", "unreadable"];

#[derive(Debug)]
struct Case {
    file: PathBuf,
    object: Json,
    expected: Verdict,
}

#[test]
fn verdicts_agree_with_argo_cd() {
    let Some(root) = fixtures() else { return };
    let cases = cases(&root.join("argo-health"));
    let (mut missed, mut silent, mut alike) = (Vec::new(), Vec::new(), 0);
    let rules = Rules::builtin();
    for case in &cases {
        let verdict = match &case.object {
            Json::Null => Verdict { status: Status::Missing, message: "its file cannot be read".to_owned() },
            object => rules.judge(object),
        };
        let place = case.file.strip_prefix(&root).unwrap_or(&case.file).display();
        if verdict.status != case.expected.status {
            missed.push(case.object["kind"].as_str().unwrap_or("unreadable").to_owned());
            println!("{place}\n    theirs {:?}\n    ours   {verdict:?}", case.expected);
        }
        if verdict.status != Status::Healthy && verdict.message.is_empty() && !case.expected.message.is_empty() {
            silent.push(format!("{place}: {}", case.expected.message));
        }
        if same(&verdict.message, &case.expected.message) {
            alike += 1;
        } else if env::var_os("MESSAGES").is_some() && verdict.status == case.expected.status {
            println!("{place}\n    theirs {:?}\n    ours   {:?}", case.expected.message, verdict.message);
        }
    }
    let all = cases.len();
    println!("{} of {all} statuses agree; {alike} messages say the same", all - missed.len());
    assert!(silent.is_empty(), "no message where theirs has one:\n{}", silent.join("\n"));
    missed.sort_unstable();
    assert_eq!(missed, MISSED);
    assert!(alike * 100 >= all * 95, "only {alike} of {all} messages say the same");
}

#[test]
fn no_rule_keys_on_what_a_fixture_is_called() {
    let Some(root) = fixtures() else { return };
    let mut called = BTreeSet::new();
    let mut messages = BTreeSet::new();
    for case in cases(&root.join("argo-health")) {
        let metadata = &case.object["metadata"];
        let texts = ["name", "namespace", "uid", "generateName"].map(|field| metadata[field].as_str());
        called.extend(texts.into_iter().flatten().filter(|text| text.len() > 2).map(str::to_owned));
        messages.insert(case.expected.message);
    }
    let mut problems = Vec::new();
    for file in files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("rules")) {
        let text = fs::read_to_string(&file).expect("a rule file");
        // Groups and kinds may be what somebody called a namespace.
        let rules = text.split("kinds:").filter_map(|document| document.split_once("rules:"));
        let text: String = rules.map(|(_, rules)| rules).collect();
        let literals: BTreeSet<&str> = text.split('\'').collect();
        let word = |c: char| c.is_alphanumeric() || c == '-';
        let words: BTreeSet<&str> = text.split(|c| !word(c)).collect();
        for name in &called {
            // A name of one word may be a word of a sentence; it may not be compared with.
            if literals.contains(name.as_str()) || name.contains('-') && words.contains(name.as_str()) {
                problems.push(format!("{}: `{name}`", file.display()));
            }
        }
        for message in messages.iter().filter(|message| message.len() > 60 && text.contains(message.as_str())) {
            problems.push(format!("{}: {message:?}", file.display()));
        }
    }
    assert!(called.len() > 300, "only {} names", called.len());
    assert!(problems.is_empty(), "rules name fixtures:\n{}", problems.join("\n"));
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = children(directory).iter().flat_map(|child| self::files(child)).collect();
    let entries = fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry").path());
    files.extend(entries.filter(|path| path.is_file()));
    files
}

/// Whether most of what theirs says stands in ours.
fn same(ours: &str, theirs: &str) -> bool {
    let words = |text: &str| -> Vec<String> {
        let split = text.split(|c: char| !c.is_alphanumeric()).filter(|word| word.len() > 2);
        split.map(str::to_lowercase).collect()
    };
    let (ours, theirs) = (words(ours), words(theirs));
    let shared = theirs.iter().filter(|word| ours.contains(word)).count();
    shared * 2 >= theirs.len()
}

fn cases(root: &Path) -> Vec<Case> {
    let mut cases = Vec::new();
    for group in children(root) {
        for kind in children(&group) {
            let list = kind.join("cases.yaml");
            if !list.is_file() {
                continue;
            }
            let list = read(&list).expect("a list of cases");
            for case in list["cases"].as_array().expect("cases") {
                let text = |field: &str| case[field].as_str().unwrap_or_default().to_owned();
                let file = kind.join(text("input"));
                let status = serde_json::from_value(case["status"].clone()).expect("a status");
                let expected = Verdict { status, message: text("message") };
                // A file that our reader refuses is judged as nothing, and so is a miss.
                let object = read(&file).unwrap_or_else(|problem| {
                    println!("{problem}");
                    Json::Null
                });
                cases.push(Case { object, file, expected });
            }
        }
    }
    assert!(cases.len() >= 700, "only {} cases in {}", cases.len(), root.display());
    cases
}

fn children(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_dir()).collect();
    paths.sort();
    paths
}

fn read(file: &Path) -> Result<Json, String> {
    let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let documents =
        springline_yaml::read(&text, Schema::Kubernetes).map_err(|error| format!("{}: {error}", file.display()))?;
    documents
        .into_iter()
        .map(Node::into_json)
        .find(|document| !document.is_null())
        .ok_or_else(|| format!("{}: empty", file.display()))
}

/// The fixtures, or none where they are absent; on CI they must be there.
fn fixtures() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/fixtures");
    let path = env::var_os("SPRINGLINE_FIXTURES").map_or_else(beside, PathBuf::from);
    if path.is_dir() {
        return Some(path);
    }
    assert!(env::var_os("CI").is_none(), "the fixtures are absent: {}", path.display());
    println!("skipped: the fixtures are absent: {}", path.display());
    None
}
