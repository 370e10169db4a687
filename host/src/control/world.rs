//! A loop for tests: it has a state directory of its own, and has not begun.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use springline_model::Cancel;
use tempfile::TempDir;

use super::{Control, Fleet, Inner, Settings, twice};
use crate::app::App;
use crate::cli::{Color, Common, Output};
use crate::paths;
use crate::project::Project;
use crate::show::console::{Client, Screen, Stream, Wire, with};
use crate::socket::WATCH;

/// A loop, and what it tells.
pub(super) struct World {
    directory: TempDir,
    pub control: Control,
    paper: Arc<Paper>,
    now: Mutex<Instant>,
}

impl World {
    /// One with these files.
    pub(super) fn new(fleet: &str, operator: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join(paths::FLEET);
        fs::write(&file, fleet).unwrap();
        fs::write(directory.path().join(paths::OPERATOR), operator).unwrap();
        let common = Common {
            repo: None,
            app: None,
            path: None,
            state: Some(directory.path().to_owned()),
            output: Output::Json,
            color: Color::Never,
            wait: false,
            session: Default::default(),
        };
        let settings = Settings {
            environments: Vec::new(),
            every: Duration::from_secs(180),
            workers: 1,
            thorough: false,
            passes: None,
            output: Output::Json,
        };
        let cancel = Cancel::new();
        let app = App::open(&common, Project::for_many(&common).unwrap(), WATCH, &cancel).unwrap();
        let control = Control::new(app, &Fleet::File(file), settings, &cancel).unwrap();
        Self { directory, control, paper: Arc::default(), now: Mutex::new(Instant::now()) }
    }

    pub(super) fn inner(&self) -> &Inner {
        &self.control.0
    }

    pub(super) fn at(&self, file: &str) -> PathBuf {
        self.directory.path().join(file)
    }

    /// Looks at the files as often as this; what is told of them.
    pub(super) fn look(&self, times: usize) -> Vec<Value> {
        self.told(|inner| {
            for _ in 0..times {
                let mut now = self.now.lock().unwrap();
                *now += twice::EVERY * 2;
                inner.read_again(*now);
                inner.look_at_operator(*now);
            }
        })
    }

    /// Does something; what is told meanwhile.
    pub(super) fn told(&self, act: impl FnOnce(&Inner)) -> Vec<Value> {
        let plain = Screen { terminal: false, colors: false };
        let client = Client {
            actor: "somebody@here".into(),
            out: plain,
            err: plain,
            width: None,
            answers: false,
            zone: None,
            wire: self.paper.clone(),
        };
        with(Some(Arc::new(client)), || act(self.inner()));
        let text = std::mem::take(&mut *self.paper.0.lock().unwrap());
        serde_json::Deserializer::from_str(&text).into_iter().map(Result::unwrap).collect()
    }
}

#[derive(Default)]
struct Paper(Mutex<String>);

impl Wire for Paper {
    fn write(&self, _: Stream, bytes: &[u8]) -> io::Result<()> {
        self.0.lock().unwrap().push_str(&String::from_utf8_lossy(bytes));
        Ok(())
    }

    fn ask(&self, _: &str) -> Option<String> {
        None
    }
}
