//! `--app`: which application a verb is about, where that comes from, and commands in which it is named.

use std::borrow::Cow;
use std::path::Path;

use springline_model::Cancel;
use springline_model::port::Store as _;
use springline_model::run::Origin;
use springline_source::GitSource;

use super::confirm::word;
use super::error::{CliError, Kind};
use super::{Common, Verb};
use crate::app::{App, Owner};
use crate::control::whole_address;
use crate::project::{Picked, Project};
use crate::site;
use crate::socket::controls::same_repository;

/// The verbs that take `--app` and read what the application's source says.
const OF_SOURCE: [&str; 10] =
    ["run", "sync", "build", "render", "diff", "status", "verify", "why", "promote", "approve"];
/// Those that need no more than its name.
const OF_NAME: [&str; 7] = ["redeploy", "unpin", "suspend", "resume", "cancel", "notify", "history"];
/// What of `history` is of all applications.
const OF_ALL: [&str; 4] = ["show", "diff", "verify", "compact"];

impl Verb {
    /// Its name, if it takes `--app`: the others are about no single application.
    fn of_one(&self) -> Option<&'static str> {
        Some(match self {
            Self::Run(_) => "run",
            Self::Sync(_) => "sync",
            Self::Build(_) => "build",
            Self::Render(_) => "render",
            Self::Diff(_) => "diff",
            Self::Status(_) => "status",
            Self::Verify(_) => "verify",
            Self::Why(_) => "why",
            Self::Promote(_) => "promote",
            Self::Approve(_) => "approve",
            Self::Redeploy(_) => "redeploy",
            Self::Unpin(_) => "unpin",
            Self::Suspend(_) => "suspend",
            Self::Resume(_) => "resume",
            Self::Cancel(_) => "cancel",
            Self::Notify(_) => "notify",
            Self::History(verb) if verb.is_of_one() => "history",
            _ => return None,
        })
    }
}

/// The application that `--app` names, for a verb that reads its source.
#[derive(Debug, Clone)]
pub struct Meant {
    /// Its name.
    pub name: String,
    /// The revision that a watch follows; none if no watch has found it, and its source has to say that it is it.
    pub followed: Option<String>,
}

impl Meant {
    /// Refuses what the source declares, if that is another application.
    ///
    /// # Errors
    /// It is; a springline.yaml that is wrong.
    pub fn check(&self, picked: &Picked) -> Result<(), CliError> {
        if self.followed.is_some() {
            return Ok(());
        }
        let declared = picked.application()?.value.application;
        if declared == self.name {
            return Ok(());
        }
        let message = format!("the repository declares `{declared}` here, and `{}` is asked for", self.name);
        Err(CliError::new(Kind::Usage, message).hint("name where it comes from: `--repo PATH|URL` and `--path DIR`"))
    }
}

impl Common {
    /// What is to be given to this verb: if it reads the source of the application that `--app` names, with where
    /// that is, as the state knows it.
    ///
    /// # Errors
    /// A verb that is about no single application; an application that nobody knows, or that comes from
    /// somewhere else.
    pub fn of_app(&self, verb: &Verb, cancel: &Cancel) -> Result<Cow<'_, Self>, CliError> {
        let Some(name) = &self.app else { return Ok(Cow::Borrowed(self)) };
        match verb.of_one() {
            Some(verb) if OF_SOURCE.contains(&verb) => self.located(name, verb, cancel).map(Cow::Owned),
            Some(_) => Ok(Cow::Borrowed(self)),
            None => {
                let error = CliError::new(Kind::Usage, "this verb takes no --app: it is about no single application");
                Err(match verb {
                    Verb::Remove(_) => error.hint("`springline remove APPLICATION` names it"),
                    Verb::Watch(_) => error.hint("the fleet file names what is watched; or --repo and --path do"),
                    _ => error,
                })
            }
        }
    }

    /// A text, with the application named in its commands if `--app` names it here.
    pub fn named(&self, text: &str) -> String {
        named(text, self.app.as_deref())
    }

    /// A command, with the application named in it if `--app` names it here.
    pub fn in_command(&self, command: &str) -> String {
        in_command(command, self.app.as_deref())
    }

    fn located(&self, name: &str, verb: &str, cancel: &Cancel) -> Result<Self, CliError> {
        let mut common = self.clone();
        let mut meant = Meant { name: name.to_owned(), followed: None };
        let state = Project::state_of(self).map_err(|error| match self.repo {
            Some(_) => error.into(),
            None => CliError::from(error).hint("name the state directory that knows the application with --state DIR"),
        })?;
        if state.is_dir() {
            let owner = App::owner_of(self, &state, verb, cancel)?;
            let known = Known::of(&owner, name)?;
            if let Some(origin) = known.pick(self, name)? {
                let whole = whole_address(&state, &origin.repository);
                common.repo.get_or_insert_with(|| whole.unwrap_or(origin.repository));
                common.path = Some(origin.path);
                meant.followed = Some(origin.revision);
            } else if self.repo.is_none() && !known.is_known {
                return Err(unknown(&owner, name)?);
            }
            (common.session.owner, common.state) = (Some(owner), Some(state));
        }
        if meant.followed.is_none() && self.repo.is_none() && GitSource::open(Path::new(&self.repository())).is_err() {
            let message = format!("where `{name}` comes from is not known: no `springline watch` has found it");
            return Err(CliError::new(Kind::Usage, message).hint("name it: `--repo PATH|URL` and `--path DIR`"));
        }
        common.session.meant = Some(meant);
        Ok(common)
    }
}

/// What a state knows of an application.
#[derive(Default)]
struct Known {
    is_known: bool,
    /// Where it comes from, each place once.
    origins: Vec<Origin>,
}

impl Known {
    /// As it is looked after now; else as it was when somebody looked after it last.
    fn of(owner: &Owner, name: &str) -> Result<Self, CliError> {
        if let Some(origin) = owner.controls().and_then(|controls| controls.origin(name)) {
            return Ok(Self { is_known: true, origins: vec![origin] });
        }
        let mut known = Self::default();
        for place in owner.store.places()?.into_iter().filter(|place| place.application == name) {
            known.is_known = true;
            if let Some(origin) = owner.store.standing(&place)?.origin {
                let origin = Origin { by_itself: true, ..origin };
                if !known.origins.contains(&origin) {
                    known.origins.push(origin);
                }
            }
        }
        Ok(known)
    }

    /// Where it comes from, if that is known; never something else than what is asked for.
    fn pick(&self, common: &Common, name: &str) -> Result<Option<Origin>, CliError> {
        let path = common.path.as_deref().map(|path| site::directory(Some(path))).transpose()?;
        let repository = common.repo.as_deref().map(root);
        let is_meant = |origin: &&Origin| {
            path.as_ref().is_none_or(|path| *path == origin.path)
                && repository.as_ref().is_none_or(|asked| same_repository(asked, &root(&origin.repository)))
        };
        let meant: Vec<&Origin> = self.origins.iter().filter(is_meant).collect();
        let wrong = |message: String| CliError::new(Kind::Usage, message);
        let all = |origins: &[&Origin]| origins.iter().map(|origin| shown(origin)).collect::<Vec<_>>().join("; ");
        match (meant.as_slice(), self.origins.as_slice()) {
            ([], []) => Ok(None),
            ([], known) => {
                let known = all(&known.iter().collect::<Vec<_>>());
                Err(wrong(format!("`{name}` comes from {known}, and from nowhere else as far as the state knows"))
                    .hint("leave --repo and --path out, or --app if another application is meant"))
            }
            ([origin], _) => Ok(Some((*origin).clone())),
            (several, _) => Err(wrong(format!("environments of `{name}` come from several places: {}", all(several)))
                .hint("say which: `--repo PATH|URL` and `--path DIR`, or leave --app out")),
        }
    }
}

/// A repository's address, or the path of its root.
fn root(repository: &str) -> String {
    if GitSource::is_address(repository) {
        return repository.to_owned();
    }
    let root = GitSource::open(Path::new(repository)).map(|source| source.root_dir().to_owned());
    let root = root.unwrap_or_else(|_| repository.into());
    root.canonicalize().unwrap_or(root).display().to_string()
}

fn shown(origin: &Origin) -> String {
    let path = if origin.path.is_empty() { "the root" } else { &origin.path };
    format!("{path} of {} at {}", GitSource::shown(&origin.repository), origin.revision)
}

/// That a state knows no application of this name.
///
/// # Errors
/// What the store reports.
pub fn unknown(owner: &Owner, name: &str) -> Result<CliError, CliError> {
    let mut known: Vec<String> = owner.store.places()?.into_iter().map(|place| place.application).collect();
    let controls = owner.controls();
    known.extend(controls.iter().flat_map(|controls| controls.applications()).map(|looked| looked.application));
    let error = CliError::new(Kind::Usage, format!("nothing of an application `{name}` is known here"));
    Ok(match springline_config::nearest(name, known.iter().map(String::as_str)) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None if controls.is_some() => error.hint("`springline apps` lists what is looked after"),
        None => error.hint("`springline history` shows what was deployed, `springline apps` what a running watch has"),
    })
}

/// Refuses a name that the state does not know.
///
/// # Errors
/// It does not; what the store reports.
pub fn check_known(owner: &Owner, name: &str) -> Result<(), CliError> {
    if Known::of(owner, name)?.is_known { Ok(()) } else { Err(unknown(owner, name)?) }
}

/// A command, without the program, in which the application is named if it has to be and the verb takes that.
pub fn in_command(command: &str, app: Option<&str>) -> String {
    let verb = command.split(' ').next().unwrap_or_default();
    let rest = &command[verb.len()..];
    let is_of_all = verb == "history" && rest.split(' ').nth(1).is_some_and(|next| OF_ALL.contains(&next));
    let is_named = [" --app ", " --repo "].iter().any(|option| rest.contains(option));
    let is_of_one = (OF_SOURCE.contains(&verb) || OF_NAME.contains(&verb)) && !is_of_all;
    match app.filter(|_| is_of_one && !is_named) {
        Some(name) => format!("{verb} --app {}{rest}", word(name)),
        None => command.to_owned(),
    }
}

/// A text, with the application named in its commands if it has to be.
pub fn named(text: &str, app: Option<&str>) -> String {
    const BEGIN: &str = "`springline ";
    let (mut done, mut rest) = (String::new(), text);
    while let Some((before, command)) = rest.split_once(BEGIN) {
        let (command, after) = command.split_at(command.find('`').unwrap_or(command.len()));
        done += &format!("{before}{BEGIN}{}", in_command(command, app));
        rest = after;
    }
    done + rest
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn commands_name_the_application_where_the_verb_takes_it() {
        for (text, told) in [
            ("`springline sync --env live` deploys it", "`springline sync --app shop --env live` deploys it"),
            ("`springline status`; `springline logs 3`", "`springline status --app shop`; `springline logs 3`"),
            (
                "`springline history verify`, `springline history`",
                "`springline history verify`, `springline history --app shop`",
            ),
            ("`springline unpin --app blog`", "`springline unpin --app blog`"),
            ("`springline run --repo ELSEWHERE`", "`springline run --repo ELSEWHERE`"),
            ("sync `springline", "sync `springline"),
        ] {
            assert_eq!(named(text, Some("shop")), told);
            assert_eq!(named(text, None), text);
        }
        assert_eq!(named("`springline run`", Some("a b")), "`springline run --app 'a b'`");
    }

    #[test]
    fn the_verbs_that_hints_name_it_for_are_those_that_take_it() {
        let needed: &[(&str, &[&str])] = &[
            ("why", &["live", "a", "1"]),
            ("promote", &["--to", "live"]),
            ("approve", &["--env", "live", "--why", "x"]),
            ("redeploy", &["--env", "live", "abcd"]),
            ("unpin", &["--env", "live"]),
            ("suspend", &["--why", "x"]),
            ("remove", &["shop"]),
            ("health", &["-f", "-"]),
            ("artifact", &["list"]),
            ("plugin", &["list"]),
            ("key", &["show"]),
            ("completion", &["bash"]),
        ];
        for verb in Cli::command().get_subcommands().map(clap::Command::get_name) {
            let more = needed.iter().find(|(name, _)| *name == verb).map_or(&[][..], |(_, more)| more);
            let line = [&["springline", verb], more].concat();
            let cli = Cli::try_parse_from(line).unwrap_or_else(|error| panic!("{error}"));
            let known = OF_SOURCE.iter().chain(&OF_NAME).find(|known| **known == verb);
            assert_eq!(cli.verb.of_one(), known.copied(), "{verb}");
        }
        for verb in OF_ALL {
            let more: &[&str] = match verb {
                "show" => &["live/1"],
                "diff" => &["live/1", "live/2"],
                _ => &[],
            };
            let line = [&["springline", "history", verb], more].concat();
            assert_eq!(Cli::try_parse_from(line).unwrap().verb.of_one(), None, "{verb}");
        }
    }

    #[test]
    fn where_it_comes_from_is_told_apart_and_never_guessed() {
        let origin = |repository: &str, path: &str| Origin {
            repository: repository.into(),
            revision: "main".into(),
            path: path.into(),
            by_itself: true,
        };
        let one = origin("https://git.example.com/team/shop.git", "apps/shop");
        let asked = |more: &[&str]| Cli::try_parse_from([&["springline", "status"], more].concat()).unwrap().common;
        let known = |origins: &[&Origin]| Known { is_known: true, origins: origins.iter().copied().cloned().collect() };
        let pick = |origins: &[&Origin], more: &[&str]| known(origins).pick(&asked(more), "shop");
        assert_eq!(pick(&[], &[]).unwrap(), None);
        for same in [&[][..], &["--repo", "git@git.example.com:team/shop"], &["--path", "./apps/shop/"]] {
            assert_eq!(pick(&[&one], same).unwrap().as_ref(), Some(&one), "{same:?}");
        }
        for other in [&["--repo", "https://git.example.com/team/blog"], &["--path", "apps/blog"]] {
            let error = pick(&[&one], other).unwrap_err();
            assert!(error.message.contains("apps/shop of https://git.example.com/team/shop.git at main"), "{error:?}");
        }
        let two = origin("https://git.example.com/team/old.git", "");
        let error = pick(&[&one, &two], &[]).unwrap_err();
        assert!(error.message.contains("several") && error.message.contains("the root of"), "{error:?}");
        assert_eq!(pick(&[&one, &two], &["--path", "."]).unwrap(), Some(two));
    }
}
