//! MiniJinja, set up for desired state: strict, bounded, and with the input directory as the only
//! source of templates.

use std::borrow::Cow;
use std::path::PathBuf;

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior};
use springline_sdk::files;

use crate::encode;

/// How much one template may compute: roughly one unit an instruction, and one for 64 bytes made.
pub const FUEL: u64 = 5_000_000;
/// How deep includes, macros and blocks may nest; an include counts tenfold.
const RECURSION: usize = 300;

/// The environment of every template of a render.
///
/// # Errors
/// None that an input could cause.
pub fn environment(input: PathBuf) -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    environment
        .set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build()?);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    // Errors then name the expression that is undefined.
    environment.set_debug(true);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(RECURSION);
    environment.set_path_join_callback(join);
    environment.set_loader(move |name| load(&input, name));
    environment.add_filter("toyaml", encode::toyaml);
    environment.add_filter("b64encode", encode::b64encode);
    environment.add_filter("sha256", encode::sha256);
    Ok(environment)
}

fn load(input: &std::path::Path, name: &str) -> Result<Option<String>, Error> {
    if !files::is_clean(name) || !input.join(name).is_file() {
        return Ok(None);
    }
    let text = files::read_text(input, name);
    text.map(Some).map_err(|error| Error::new(ErrorKind::BadInclude, error.to_string()))
}

/// Names start at the input directory; `./` and `../` start at the template they stand in.
fn join<'n>(name: &'n str, parent: &'n str) -> Cow<'n, str> {
    if !name.starts_with("./") && !name.starts_with("../") {
        return Cow::Borrowed(name);
    }
    let mut parts: Vec<&str> = parent.split('/').collect();
    parts.pop();
    for part in name.split('/') {
        match part {
            "." => {}
            // What leads out stays a name that no file has.
            ".." if parts.pop().is_none() => return Cow::Borrowed(name),
            ".." => {}
            part => parts.push(part),
        }
    }
    Cow::Owned(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_relative_only_if_they_say_so() {
        assert_eq!(join("_lib/a.j2", "x/y.yaml"), "_lib/a.j2");
        assert_eq!(join("./a.j2", "x/y.yaml"), "x/a.j2");
        assert_eq!(join("../_lib/a.j2", "x/y.yaml"), "_lib/a.j2");
        assert_eq!(join("../../a.j2", "x/y.yaml"), "../../a.j2");
    }
}
