//! Which version of a file gave a value the one it has: found by trying earlier ones, the newest first.

use super::search::{Came, State, Without};
use crate::cli::error::CliError;

/// Where a value became what it is: at the change before which this came.
#[derive(Debug, PartialEq)]
pub struct Turn {
    /// The change, from the newest.
    pub at: usize,
    /// What came of the version before it.
    pub without: Without,
    /// Whether everything since was tried.
    pub state: State,
}

/// What came of a version; none if no more may be tried.
pub type Tried = Result<Option<Came>, CliError>;

/// A change that may be it, found with few tries: with the version before it another value came, and with the
/// one after it the same. What was before and since is not known.
pub fn guess(changes: usize, came: &mut dyn FnMut(usize) -> Tried) -> Result<Option<Turn>, CliError> {
    let Some(oldest) = changes.checked_sub(1) else { return Ok(None) };
    let turn = |at, without| Some(Turn { at, without, state: State::Candidate });
    let mut same = match came(0)? {
        None => return Ok(None),
        Some(Came::Other(without)) => return Ok(turn(0, without)),
        Some(Came::Same) => 0,
    };
    let Some(Came::Other(mut without)) = came(oldest)? else { return Ok(None) };
    let mut other = oldest;
    while same + 1 < other {
        let middle = same + (other - same) / 2;
        match came(middle)? {
            None => break,
            Some(Came::Same) => same = middle,
            Some(Came::Other(found)) => (other, without) = (middle, found),
        }
    }
    Ok(turn(other, without))
}

/// The newest change before which another value came: everything since is tried. It is proven, but for what can't
/// be rendered in between.
pub fn newest(changes: usize, came: &mut dyn FnMut(usize) -> Tried) -> Result<Option<Turn>, CliError> {
    let mut broken = None;
    for at in 0..changes {
        match came(at)? {
            None => return Ok(None),
            Some(Came::Same) => broken = None,
            Some(Came::Other(without @ Without::Failed(_))) => broken = broken.or(Some((at, without))),
            Some(Came::Other(without)) => {
                let state = if broken.is_some() { State::Candidate } else { State::Proven };
                return Ok(Some(Turn { at, without, state }));
            }
        }
    }
    Ok(broken.map(|(at, without)| Turn { at, without, state: State::Candidate }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What comes of versions, the newest first: a number is a value, `-` the same, `!` nothing at all.
    fn tried(versions: &str, most: usize) -> (Option<Turn>, Option<Turn>) {
        let versions: Vec<char> = versions.chars().collect();
        let look = |mut left: usize| {
            let versions = versions.clone();
            move |at: usize| -> Tried {
                let Some(fewer) = left.checked_sub(1) else { return Ok(None) };
                left = fewer;
                Ok(Some(match versions[at] {
                    '-' => Came::Same,
                    '!' => Came::Other(Without::Failed("broken".into())),
                    other => Came::Other(Without::Value(json!(other))),
                }))
            }
        };
        let number = versions.len();
        (guess(number, &mut look(most)).unwrap(), newest(number, &mut look(most)).unwrap())
    }

    fn at(turn: Option<&Turn>) -> Option<(usize, State)> {
        turn.map(|turn| (turn.at, turn.state))
    }

    #[test]
    fn the_newest_turn_is_proven() {
        for (versions, turn) in [
            ("5", Some((0, State::Proven))),
            ("--5", Some((2, State::Proven))),
            // There and back: what was before does not count.
            ("-5--0", Some((1, State::Proven))),
            ("-5-", Some((1, State::Proven))),
            ("---", None),
            ("", None),
        ] {
            let (_, newest) = tried(versions, 100);
            assert_eq!(at(newest.as_ref()), turn, "{versions}");
        }
    }

    #[test]
    fn what_can_not_be_rendered_proves_nothing() {
        for (versions, turn) in [
            ("-!5", Some((2, State::Candidate))),
            ("-!-5", Some((3, State::Proven))),
            ("-!!", Some((1, State::Candidate))),
        ] {
            let (_, newest) = tried(versions, 100);
            assert_eq!(at(newest.as_ref()), turn, "{versions}");
        }
    }

    #[test]
    fn with_few_tries_there_is_a_guess() {
        let long = format!("{}{}", "-".repeat(40), "5".repeat(24));
        let (guess, newest) = tried(&long, 8);
        assert_eq!((at(guess.as_ref()), at(newest.as_ref())), (Some((40, State::Candidate)), None));
        let (guess, _) = tried(&long, 0);
        assert_eq!(guess, None);
    }
}
