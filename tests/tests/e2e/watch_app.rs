//! Verbs that name an application of a fleet by `--app`: from any directory, with and without a running watch.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::code::{DEPLOY, SOURCE, UNCONFIRMED, USAGE};
use crate::git_server::{Fault, HttpServer};
use crate::sandbox::{Outcome, names};
use crate::watching::{Loop, Origin};

/// springline.yaml with such environments, whose targets are called `NAME-ENVIRONMENT`.
fn application(name: &str, environments: &[(&str, &str)]) -> String {
    let environment = |(environment, more): &(&str, &str)| {
        format!(
            "  {environment}:\n    render: {{ plugin: render-template, in: deploy }}\n    target: \
             {name}-{environment}\n{more}"
        )
    };
    let environments: String = environments.iter().map(environment).collect();
    format!("application: {name}\nenvironments:\n{environments}")
}

/// Two applications whose environments are called the same. What the fleet calls `store` calls itself `shop`.
/// `pruning` is how both of its environments are synced.
fn two(pruning: &str) -> Option<Origin> {
    let origin = Origin::new()?;
    let mut targets = Vec::new();
    let staging = format!("    sync: {{ {pruning} }}\n");
    let production = format!(
        "    promote-from: staging\n    gates: {{ approval: true }}\n    sync: {{ automated: false, {pruning} }}\n"
    );
    for name in ["shop", "blog"] {
        let yaml = application(name, &[("staging", &staging), ("production", &production)]);
        origin.sandbox.write(&format!("apps/{name}/springline.yaml"), yaml);
        origin.sandbox.write(&format!("apps/{name}/deploy/name.txt"), format!("{name}\n"));
        targets.extend(["staging", "production"].map(|environment| format!("{name}-{environment}")));
    }
    origin.targets(&targets.iter().map(String::as_str).collect::<Vec<_>>());
    origin.fleet(
        "applications:\n  - { name: store, repo: ORIGIN, revision: main, path: apps/shop }\n  - { repo: ORIGIN, \
         revision: main, path: apps/blog }\n",
    );
    fs::create_dir(origin.sandbox.path("elsewhere")).unwrap();
    origin.push("First");
    Some(origin)
}

/// Runs a verb in a directory that is no repository.
fn elsewhere(origin: &Origin, arguments: &[&str]) -> Outcome {
    let mut command = origin.command(arguments);
    command.current_dir(origin.sandbox.path("elsewhere"));
    origin.sandbox.finish(command)
}

/// The first command of a text that begins so, as it stands there.
#[track_caller]
fn command<'t>(text: &'t str, verb: &str) -> Vec<&'t str> {
    let mut commands = text.split("`springline ").skip(1).filter_map(|rest| rest.split('`').next());
    let found = commands.find(|command| command.starts_with(verb));
    found.unwrap_or_else(|| panic!("no `springline {verb}` in\n{text}")).split(' ').collect()
}

/// Promotes `store`, which has a release that waits for that, and looks at it in every way.
fn by_name(origin: &Origin) {
    let text = |arguments: &[&str]| elsewhere(origin, arguments).ok();
    let json = |arguments: &[&str]| elsewhere(origin, &[arguments, &["-o", "json"]].concat()).json();
    let store = |verb: &[&'static str]| [verb, &["--app", "store"]].concat();

    let status = json(&store(&["status"]));
    assert_eq!(status["application"], "store");
    let pending = status["environments"].as_array().unwrap().iter().find(|row| row["environment"] == "production");
    assert_eq!(pending.unwrap()["promotion"]["waits"][0]["is"], "approval", "{status:#}");
    // Every hint can be typed as it stands.
    let promote = store(&["promote", "--to", "production", "--yes"]);
    let refused = elsewhere(origin, &promote).fails(DEPLOY, &["approve --app store --env production"]);
    text(&command(&refused, "status"));
    text(&command(&text(&store(&["status"])), "approve"));
    text(&promote);
    let live = |target: &str| origin.deployed(target, "name.txt");
    assert_eq!(live("shop-production"), live("shop-staging"));

    text(&store(&["diff"]));
    text(&store(&["sync", "--env", "staging"]));
    assert!(text(&store(&["render", "--env", "staging"])).contains("name.txt"));
    let why = text(&store(&["why", "production", "name.txt", "1"]));
    assert!(why.contains("apps/shop/deploy/name.txt"), "{why}");
    let history = json(&store(&["history", "--env", "production"]));
    let of_store = |record: &Value| record["application"] == "store" && record["environment"] == "production";
    assert!(history.as_array().unwrap().iter().all(of_store), "{history:#}");
    let release = history[0]["release"].as_str().unwrap();
    elsewhere(origin, &["redeploy", "--app", "blog", "--env", "production", release]).fails(USAGE, &["no release"]);
    let pinned = text(&["redeploy", "--app", "store", "--env", "production", release]);
    text(&command(&pinned, "unpin"));

    // What is not known, or is somebody else's, is told.
    elsewhere(origin, &["status", "--app", "stor"]).fails(USAGE, &["did you mean `store`?"]);
    elsewhere(origin, &["sync", "--app", "shop"]).fails(USAGE, &["`shop` is known here"]);
    let other = origin.sandbox.path("other");
    origin.sandbox.git(&["init", "-q", other.to_str().unwrap()]);
    let other = [&store(&["sync"])[..], &["--repo", other.to_str().unwrap()]].concat();
    elsewhere(origin, &other).fails(USAGE, &["apps/shop of", &origin.url(), "nowhere else"]);
    text(&[&store(&["diff"])[..], &["--repo", &origin.url(), "--path", "apps/shop"]].concat());
    elsewhere(origin, &store(&["gc"])).fails(USAGE, &["takes no --app"]);
    elsewhere(origin, &["remove", "store", "--app", "store"]).fails(USAGE, &["`springline remove APPLICATION`"]);
}

#[test]
fn an_application_of_a_fleet_is_meant_by_its_name_from_anywhere() {
    let Some(origin) = two("") else { return };
    origin.run(&["watch", "--passes", "1"]).ok();
    by_name(&origin);
    // And again, by the loop.
    origin.sandbox.write("apps/shop/deploy/name.txt", "second\n");
    let second = origin.push("Second");
    let mut watch = origin.watch(&[]);
    watch.deploys("store", &second);
    let left = watch.tells(|line| line["application"] == "store" && line["environment"] == "production");
    let why = left["why"].as_str().unwrap_or_default();
    assert!(why.contains("`springline approve --app store --env production --why TEXT`"), "{left:#}");
    by_name(&origin);
    assert_eq!(origin.deployed("shop-production", "name.txt"), "second\n");
    assert_eq!(origin.deployed("blog-production", "name.txt"), "");
    assert_eq!(watch.stop(), Some(0));
}

#[test]
fn the_credentials_of_the_fleet_file_are_taken_where_no_watch_runs() {
    let Some(origin) = two("") else { return };
    let server = HttpServer::start(&origin.sandbox.path(""));
    server.set(Fault::Password("s3cr3t"));
    let fleet = |who: &str| {
        let url = server.url(who, "origin.git");
        let text = format!("applications: [{{ repo: \"{url}\", revision: main, path: apps/shop }}]\n");
        fs::write(origin.state().join("fleet.yaml"), text).unwrap();
    };
    fleet("me:s3cr3t@");
    origin.run(&["watch", "--passes", "1"]).ok();
    let Outcome { code, stdout, stderr } = elsewhere(&origin, &["diff", "--app", "shop", "--env", "staging"]);
    assert!(code == 0 && !stdout.contains("s3cr3t") && !stderr.contains("s3cr3t"), "{stdout}{stderr}");
    fleet("");
    elsewhere(&origin, &["diff", "--app", "shop"]).fails(SOURCE, &["could not read Username"]);
}

/// A repository of those who run the fleet, in whose `.springline` the state is, and no application.
struct Platform {
    origin: Origin,
    watch: Option<Loop>,
}

impl Platform {
    fn new(is_watched: bool) -> Option<Self> {
        let origin = two("confirm-prune: { objects: 1 }")?;
        let repository = origin.sandbox.path("elsewhere");
        origin.sandbox.git(&["init", "-q", repository.to_str().unwrap()]);
        fs::rename(origin.state(), repository.join(".springline")).unwrap();
        let mut platform = Self { origin, watch: None };
        if is_watched {
            platform.watch = Some(Loop::start(platform.command("watch -o json --every 1")));
        }
        platform.settle();
        Some(platform)
    }

    /// A command as it would be typed there.
    fn command(&self, line: &str) -> Command {
        let program = self.origin.sandbox.command::<&str>(&[]).get_program().to_owned();
        let mut shell = Command::new("sh");
        shell.args(["-c", "springline() { exec \"$PROGRAM\" \"$@\"; }; eval \"$LINE\""]);
        shell.env("PROGRAM", program).env("LINE", format!("springline {line}"));
        shell.current_dir(self.origin.sandbox.path("elsewhere"));
        // What a loop is started with as well.
        self.origin.sandbox.surround(&mut shell);
        shell
    }

    fn types(&self, line: &str) -> Outcome {
        self.origin.sandbox.finish(self.command(line))
    }

    /// Executes the first command of a text that begins so, as it stands there, and returns that.
    #[track_caller]
    fn pastes(&self, text: &str, begin: &str) -> Outcome {
        let found = text.find(&format!("springline {begin}"));
        let found = found.unwrap_or_else(|| panic!("no `springline {begin}` in\n{text}"));
        let line = text[found + "springline ".len()..].split(['`', '\n']).next().unwrap();
        assert!(line.contains(" --app store") || begin == "remove store", "{line}");
        self.types(line)
    }

    /// Waits until a watch has looked at what is there now; what it tells of it in text, if it is one for this alone.
    fn settle(&mut self) -> String {
        let Some(watch) = &mut self.watch else {
            return self.types("watch --passes 1").stdout;
        };
        // The one under way may have begun before.
        (0..3).for_each(|_| drop(watch.passes()));
        String::new()
    }

    fn push(&mut self, message: &str) -> String {
        self.origin.push(message);
        self.settle()
    }

    /// What is told of an application, and of all of them.
    fn status(&self) -> String {
        let Outcome { stdout, stderr, .. } = self.types("status --app store");
        stdout + &stderr
    }
}

/// What is suggested, executed as it is printed.
fn suggested(is_watched: bool) {
    let Some(mut platform) = Platform::new(is_watched) else { return };
    let write = |platform: &Platform, file: &str, text: &str| {
        platform.origin.sandbox.write(&format!("apps/shop/{file}"), text);
    };
    let live = |platform: &Platform, target: &str| names(&platform.origin.live(&format!("shop-{target}")));

    // It waits for an approval.
    for file in ["deploy/x.txt", "deploy/y.txt"] {
        write(&platform, file, "x\n");
    }
    platform.push("Two more");
    platform.types("promote --app store --to production --yes").fails(DEPLOY, &["approve --app store --env"]);
    platform.pastes(&platform.status(), "approve").ok();
    platform.types("promote --app store --to production --yes").ok();
    assert_eq!(live(&platform, "production").len(), 3);

    // Removals wait for a confirmation, of what is pushed and of what is promoted.
    for file in ["x.txt", "y.txt"] {
        fs::remove_file(platform.origin.sandbox.repo().join("apps/shop/deploy").join(file)).unwrap();
    }
    let told = platform.push("Two less");
    let told = if is_watched { platform.types("apps").ok() } else { told };
    assert_eq!(live(&platform, "staging").len(), 3);
    platform.pastes(&told, "sync").ok();
    assert_eq!(live(&platform, "staging").len(), 1);
    platform.settle();
    platform.pastes(&platform.status(), "approve").ok();
    let promote = platform.types("promote --app store --to production --yes").fails(UNCONFIRMED, &[]);
    platform.pastes(&promote, "status").ok();
    platform.pastes(&platform.status(), "promote").ok();
    assert_eq!(live(&platform, "production").len(), 1);

    // It is suspended.
    platform.types("suspend --app store --env staging --why 'it is looked into'").ok();
    platform.settle();
    platform.pastes(&platform.status(), "resume").ok();
    assert!(!platform.status().contains("suspended"), "{}", platform.status());

    // It is pinned.
    let history = platform.types("history --app store --env staging -o json").json();
    let release = &history[0]["release"].as_str().unwrap()[..12];
    platform.types(&format!("redeploy --app store --env staging {release}")).ok();
    let held = platform.types("sync --app store --env staging").fails(DEPLOY, &["pinned"]);
    platform.pastes(&held, "history").ok();
    platform.pastes(&platform.status(), "unpin").ok();
    assert!(!platform.status().contains("pinned"), "{}", platform.status());

    // Nothing declares it any more.
    write(&platform, "springline.yaml", &application("shop", &[("staging", "")]));
    let told = platform.push("No more production");
    let told = if is_watched { platform.status() } else { told };
    platform.types("suspend --app store --env production --why x").ok();
    let held = platform.pastes(&told, "remove store").fails(DEPLOY, &["suspended"]);
    platform.pastes(&held, "resume").ok();
    let told = platform.pastes(&told, "remove store").fails(UNCONFIRMED, &[]);
    platform.pastes(&told, "remove store").ok();
    assert_eq!(live(&platform, "production").len(), 0);
    if let Some(watch) = platform.watch {
        assert_eq!(watch.stop(), Some(0));
    }
}

#[test]
fn what_is_suggested_works_as_it_is_printed_where_a_watch_runs() {
    suggested(true);
}

#[test]
fn what_is_suggested_works_as_it_is_printed_where_none_runs() {
    suggested(false);
}
