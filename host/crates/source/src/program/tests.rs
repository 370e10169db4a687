use std::io::Write as _;

use super::*;

/// What git would answer to a server of this host, with what it is handed over.
fn fill(credentials: &Credentials, before: &[(&str, &str)], host: &str) -> String {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new("git");
    command.current_dir(&home).env("HOME", home.path()).env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_TERMINAL_PROMPT", "0");
    command.env("GIT_CONFIG_GLOBAL", "/dev/null");
    for (at, (key, value)) in before.iter().enumerate() {
        command.env(format!("GIT_CONFIG_KEY_{at}"), key).env(format!("GIT_CONFIG_VALUE_{at}"), value);
    }
    hand_over(&mut command, credentials, before.len());
    command.args(["credential", "fill"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    write!(child.stdin.take().unwrap(), "url={host}\n\n").unwrap();
    String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
}

#[test]
fn a_password_is_for_its_host_alone() {
    let Remote { credentials, .. } = Remote::at("https://me:s3cret@example.org:8443/app.git").unwrap();
    let credentials = credentials.unwrap();
    let told = fill(&credentials, &[], "https://example.org:8443/app.git");
    assert!(told.contains("username=me\npassword=s3cret\n"), "{told}");
    for other in ["https://evil.example/app.git", "http://example.org:8443/app.git", "https://example.org/app.git"] {
        let told = fill(&credentials, &[], other);
        assert!(!told.contains("s3cret"), "{other}: {told}");
    }
}

#[test]
fn a_user_alone_is_what_a_helper_is_asked_with() {
    let Remote { credentials, address, .. } = Remote::at("https://ghp_TOKEN@example.org/app.git").unwrap();
    assert_eq!(address, "https://example.org/app.git");
    let before = [("credential.helper", "!f() { echo password=known; }; f")];
    let told = fill(&credentials.unwrap(), &before, "https://example.org/app.git");
    assert!(told.contains("username=ghp_TOKEN\npassword=known\n"), "{told}");
}

#[test]
fn what_is_said_too_much_is_forgotten_from_the_beginning() {
    let said = Said::gather(Some(std::io::Cursor::new([vec![b'a'; 100_000], b"end".to_vec()].concat())), 10);
    while said.count() < 100_003 {
        thread::yield_now();
    }
    let (text, is_whole) = said.text();
    assert!(text.len() <= 20 && text.ends_with("aend") && is_whole, "{text}");
}

fn calls(directory: &Path) -> Git {
    let (directory, patience) = (directory.to_owned(), Duration::from_secs(30));
    Git { directory, patience, cancel: Cancel::new(), ssh: None, held: None }
}

#[test]
fn what_is_cut_off_is_not_taken_for_all_of_it() {
    let place = tempfile::tempdir().unwrap();
    // Something in the background keeps the output open as long as its input is.
    let script = "exec 3<&0; echo cut; cat <&3 & exit 0";
    let mut command = Command::new("sh");
    command.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let input = child.stdin.take().unwrap();
    let error = calls(place.path()).wait(child, &Remote::named("origin")).err().unwrap();
    assert!(error.trouble == Trouble::Other && error.message.contains("did not come"), "{error}");
    drop(input);
}

#[test]
fn git_holds_what_it_is_given_and_asks_nobody() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("busy");
    let git = Git { held: Some(File::create(&path).unwrap()), ..calls(place.path()) };
    let script =
        format!("alias.told=!f() {{ test /dev/stdin -ef '{}' && echo held $GCM_INTERACTIVE; }}; f", path.display());
    let answer = git.call(&["-c", &script, "told"], &Remote::named("origin"), &[]).unwrap();
    assert_eq!(answer.stdout, "held never\n", "{}", answer.stderr);
}
