//! The engine on fakes.

mod chain;
mod clock;
mod crash;
mod heal;
mod hooks;
mod intact;
mod moved;
mod observed;
mod pins;
mod promote;
mod removal;
mod restraint;
mod review;
mod rollback;
mod status;
mod sync;
mod waves;

use std::sync::{Arc, Mutex};

use springline_model::application::{self, OnFailure};
use springline_model::capability::Grants;
use springline_model::history::Record;
use springline_model::manifest::{Body, HealthStatus};
use springline_model::plugin::Limits;
use springline_model::port::Store as _;
use springline_model::port::{Blobs, Page, Revision};
use springline_model::run::{Cause, Inventory, Place, Release};
use springline_model::{Cancel, Digest};
use springline_testkit::{FakeClock, FakePlugins, Live, MemoryBlobs, MemoryStore, MemoryTree};

use crate::Ports;
use crate::build::Source;
use crate::chain::{Artifact, Chain, Environment, Input, Step, Target, Targets, Use};
use crate::error::{Reason, StageError};
use crate::event::{Event, Observer, Point, Waiting};
use crate::heal::{Healed, heal};
use crate::keep::read_json;
use crate::run::{Failure, Report, Request, run};
use crate::status::{Status, status};

/// The points of a chain that tells nobody what it deploys and hands nothing over.
const PLAIN: [Point; 9] = {
    let [a, b, c, d, e, f, g, h, i, ..] = Point::ALL;
    [a, b, c, d, e, f, g, h, i]
};

/// What is done at a point.
type Act = Box<dyn Fn() + Send>;

/// Remembers the points that were passed, and can be told to act at one.
#[derive(Default)]
pub struct Watcher {
    passed: Mutex<Vec<Point>>,
    resumed: Mutex<Vec<u64>>,
    details: Mutex<Vec<String>>,
    waits: Mutex<Vec<Waiting>>,
    at: Mutex<Option<(Point, Act)>>,
}

impl Watcher {
    pub fn passed(&self) -> Vec<Point> {
        self.passed.lock().unwrap().clone()
    }

    pub fn resumed(&self) -> Vec<u64> {
        self.resumed.lock().unwrap().clone()
    }

    pub fn waits(&self) -> Vec<Waiting> {
        self.waits.lock().unwrap().clone()
    }

    /// What was said of stages that ended.
    pub fn details(&self) -> Vec<String> {
        self.details.lock().unwrap().clone()
    }

    pub fn act_at(&self, point: Point, act: impl Fn() + Send + 'static) {
        *self.at.lock().unwrap() = Some((point, Box::new(act)));
    }

    pub fn calm(&self) {
        *self.at.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = None;
        self.at.clear_poison();
    }
}

impl Observer for Watcher {
    fn event(&self, event: &Event<'_>) {
        match event {
            Event::Passed(point) => {
                self.passed.lock().unwrap().push(*point);
                let at = self.at.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                if let Some((wanted, act)) = at.as_ref()
                    && wanted == point
                {
                    act();
                }
            }
            Event::StageDone { detail, .. } => self.details.lock().unwrap().push((*detail).to_owned()),
            Event::Waiting(waiting) => self.waits.lock().unwrap().push((*waiting).clone()),
            Event::Begun { run, resumed: Some(_) } => self.resumed.lock().unwrap().push(*run),
            _ => {}
        }
    }
}

/// An application in memory: one artifact of two steps, one environment.
pub struct World {
    pub store: Arc<MemoryStore>,
    pub blobs: Arc<MemoryBlobs>,
    pub plugins: FakePlugins,
    pub clock: Arc<FakeClock>,
    pub watcher: Watcher,
    pub cancel: Cancel,
    pub live: Live,
    pub chain: Chain,
    /// Targets that no environment is on now.
    pub before: Vec<Target>,
    seen: Mutex<usize>,
}

/// Files of a source: a page, something nobody reads, and the list of objects to render.
pub fn files<'a>(page: &'a str, unread: &'a str, objects: &'a str) -> Vec<(&'static str, &'a str)> {
    vec![("docs/page.md", page), ("notes/unread.txt", unread), ("deploy/objects.txt", objects)]
}

impl World {
    pub fn new() -> Self {
        let blobs = Arc::new(MemoryBlobs::new());
        let plugins = FakePlugins::new(blobs.clone());
        let live = Live::new();
        plugins.step("upper", |reader, output| {
            let text = reader.input().text("page.md")?;
            output.file("page.txt", text.to_uppercase());
            Ok("1 page".into())
        });
        plugins.step("wrap", |reader, output| {
            let text = reader.input().text("page.txt")?;
            output.file("wrapped.txt", format!("<{text}>"));
            Ok(String::new())
        });
        // Each line of objects.txt is an object; its bytes are its name and the artifact's page.
        plugins.renderer("lines", |reader| {
            let page = reader.artifact_files("site").text("wrapped.txt")?;
            let lines = reader.input().text("objects.txt")?;
            Ok(lines.lines().map(|line| (line.to_owned(), format!("{line}: {page}").into())).collect())
        });
        plugins.deploy_target("memory", &live);
        let chain = chain(&plugins);
        Self {
            store: Arc::default(),
            blobs,
            plugins,
            clock: Arc::default(),
            watcher: Watcher::default(),
            cancel: Cancel::new(),
            live,
            chain,
            before: Vec::new(),
            seen: Mutex::default(),
        }
    }

    pub fn ports(&self) -> Ports<'_> {
        Ports {
            repositories: None,
            store: self.store.as_ref(),
            blobs: self.blobs.as_ref(),
            plugins: &self.plugins,
            targets: self,
            is_secret: |bytes| bytes.starts_with(b"kind: Secret"),
            clock: self.clock.as_ref(),
            observer: &self.watcher,
            cancel: &self.cancel,
        }
    }

    pub fn place(&self) -> Place {
        Place { application: "handbook".into(), environment: "site".into() }
    }

    /// One that rolls back. What is made of the text `bad` is never healthy.
    pub fn rolling_back() -> Self {
        let mut world = Self::new();
        world.chain.environments[0].sync.on_failure = OnFailure::Rollback;
        let (live, bad) = (world.live.clone(), world.body("a: <BAD>").digest().to_string());
        world.live.judge_by(move |name| {
            let is_bad = live.get(name).is_some_and(|object| object.version() == bad);
            is_bad.then_some(HealthStatus::Progressing)
        });
        world
    }

    /// Runs the whole chain on these files, as the revision of this name.
    pub fn run(&self, revision: &str, files: &[(&'static str, &str)]) -> Result<Report, Failure> {
        self.run_with(revision, files, |_| {})
    }

    pub fn run_with(
        &self,
        revision: &str,
        files: &[(&'static str, &str)],
        change: impl FnOnce(&mut Request<'_>),
    ) -> Result<Report, Failure> {
        let tree = MemoryTree::of_files(files.iter().map(|(path, text)| (*path, (*text).to_owned())));
        let revision = Revision { id: revision.into(), time: 1_700_000_000, subject: "A change".into() };
        let environments: Vec<&Environment> = self.chain.environments.iter().collect();
        let source = Source::chosen(&revision, &tree);
        let mut request = Request::new(&self.chain, source, &Cause::Run, "somebody@somewhere");
        request.environments = &environments;
        change(&mut request);
        run(self.ports(), request)
    }

    /// Looks as a watch does.
    pub fn heal(&self) -> Result<Healed, Box<StageError>> {
        let environment = &self.chain.environments[0];
        heal(self.ports(), &self.place(), (&environment.target, &environment.sync), "watcher@somewhere")
    }

    pub fn status(&self) -> Status {
        let environment = &self.chain.environments[0];
        status(self.ports(), &self.place(), &environment.target, &environment.sync).unwrap()
    }

    /// The whole history, newest first.
    pub fn records(&self) -> Vec<Record> {
        let all = self.store.history(&Page::default()).unwrap().records;
        all.into_iter().map(|sealed| sealed.record).collect()
    }

    /// What was made of the revision of this name.
    pub fn release_of(&self, revision: &str) -> Release {
        let releases = self.store.releases(Some(&self.place()), "").unwrap();
        releases.into_iter().find(|release| release.revision == revision).unwrap()
    }

    /// The text of a live object.
    pub fn text(&self, name: &str) -> Option<String> {
        let Body::Blob(digest) = self.live.get(name)?.body else { return None };
        Some(String::from_utf8(self.blobs.get(&digest).unwrap().to_vec()).unwrap())
    }

    /// What is owned, as it is written down.
    pub fn inventory(&self) -> Inventory {
        let digest = self.store.inventory(&self.place()).unwrap().unwrap();
        read_json(self.ports(), &digest).unwrap()
    }

    /// What was applied since the last call, as `create NAME`.
    pub fn applied(&self) -> Vec<String> {
        let mut seen = self.seen.lock().unwrap();
        let applied = self.live.applied();
        let new = applied[*seen..].to_vec();
        *seen = applied.len();
        new
    }

    pub fn body(&self, text: &str) -> Body {
        Body::Blob(self.blobs.put(text.as_bytes()).unwrap())
    }

    pub fn executions(&self) -> [usize; 3] {
        ["upper", "wrap", "lines"].map(|name| self.plugins.executions(name))
    }
}

impl Targets for World {
    fn of(&self, release: &Release) -> Result<Target, Reason> {
        if let Some(before) = self.before.iter().find(|target| target.name == release.target) {
            return Ok(before.clone());
        }
        let at = |environment: &&Environment| environment.name == release.environment;
        Ok(self.chain.environments.iter().find(at).unwrap().target.clone())
    }
}

fn uses(plugins: &FakePlugins, name: &str, pointer: &str) -> Use {
    Use {
        plugin: plugins.pinned(name),
        track: "0.1".into(),
        config: "{}".into(),
        limits: Limits::default(),
        grants: Grants::default(),
        pointer: pointer.into(),
    }
}

fn chain(plugins: &FakePlugins) -> Chain {
    let step = |name: &str, input| Step { name: name.into(), uses: uses(plugins, name, "/artifacts/site"), input };
    Chain {
        application: "handbook".into(),
        artifacts: vec![Artifact {
            name: "site".into(),
            steps: vec![step("upper", Input::Source("docs".into())), step("wrap", Input::Step(0))],
            taken: None,
        }],
        deliveries: Vec::new(),
        environments: vec![Environment {
            name: "site".into(),
            render: uses(plugins, "lines", "/environments/site/render"),
            input: "deploy".into(),
            values: "{}".into(),
            target: Target {
                name: "memory".into(),
                with: Default::default(),
                uses: uses(plugins, "memory", "/targets/memory"),
                leaves: false,
                guards: false,
            },
            sync: application::Sync { health_seconds: 10, ..application::Sync::default() },
            promote_from: None,
            gates: application::Gates::default(),
            record: application::RecordIn::None,
        }],
    }
}

/// The digest of a text.
pub fn digest(text: &str) -> Digest {
    Digest::of(text)
}
