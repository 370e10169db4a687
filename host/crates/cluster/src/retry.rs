//! When a request is sent again.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

/// How often a request is sent at most.
pub const TRIES: u32 = 4;
/// How long after its beginning a request is not sent again.
pub const PATIENCE: Duration = Duration::from_secs(10);

const FIRST: Duration = Duration::from_millis(200);

/// Whether a request may be sent again although it may have arrived already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// Once and twice come to the same.
    Harmless,
    /// Only if it surely did nothing.
    Harmful,
}

/// What became of one try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// An answer with this status.
    Answered(u16),
    /// No connection was made.
    NoConnection,
    /// The connection broke, or no answer came in time.
    NoAnswer,
}

impl Outcome {
    /// Whether it is worth another try.
    pub fn passes(self, repeat: Repeat) -> bool {
        match self {
            // Turned away before it was looked at.
            Self::Answered(429) | Self::NoConnection => true,
            Self::Answered(500 | 502 | 503 | 504) | Self::NoAnswer => repeat == Repeat::Harmless,
            Self::Answered(_) => false,
        }
    }

    /// Whether it says that the API server, not the request, is the trouble.
    pub fn is_trouble(self) -> bool {
        !matches!(self, Self::Answered(code) if code != 429 && code < 500)
    }
}

/// How long to wait after the try of this number, which is 1 for the first; none to give up.
pub fn wait(number: u32, spent: Duration, asked: Option<Duration>, chance: u64) -> Option<Duration> {
    if number >= TRIES {
        return None;
    }
    let longest = FIRST * 3_u32.pow(number - 1);
    // Between half and all of it, so that those who failed together don't come back together.
    let span = u64::try_from(longest.as_millis() / 2).unwrap_or(u64::MAX).max(1);
    let own = longest / 2 + Duration::from_millis(chance % span);
    let wait = own.max(asked.unwrap_or_default());
    (spent + wait <= PATIENCE).then_some(wait)
}

/// A number that nobody can foretell.
pub fn chance() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// Reads a `Retry-After` of seconds. API servers send no dates.
pub fn retry_after(header: &str) -> Option<Duration> {
    header.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_have_arrived_is_repeated_only_if_harmless() {
        use Outcome::{Answered, NoAnswer, NoConnection};
        for outcome in [Answered(429), NoConnection] {
            assert!(outcome.passes(Repeat::Harmful) && outcome.passes(Repeat::Harmless), "{outcome:?}");
        }
        for outcome in [Answered(500), Answered(503), Answered(504), NoAnswer] {
            assert!(!outcome.passes(Repeat::Harmful) && outcome.passes(Repeat::Harmless), "{outcome:?}");
        }
        for code in [200, 201, 400, 401, 403, 404, 409, 410, 422] {
            assert!(!Answered(code).passes(Repeat::Harmless) && !Answered(code).is_trouble(), "{code}");
        }
    }

    #[test]
    fn waits_grow_and_end() {
        let waits = |chance| {
            (1..TRIES).map(|number| wait(number, Duration::ZERO, None, chance).unwrap().as_millis()).collect::<Vec<_>>()
        };
        assert_eq!(waits(0), [100, 300, 900]);
        assert!(waits(u64::MAX).iter().zip([200, 600, 1800]).all(|(wait, most)| *wait <= most));
        assert_eq!(wait(TRIES, Duration::ZERO, None, 0), None);
        assert_eq!(wait(1, PATIENCE, None, 0), None);
    }

    #[test]
    fn what_the_server_asks_for_is_waited_for_or_told() {
        let asked = retry_after(" 3 ");
        assert_eq!(asked, Some(Duration::from_secs(3)));
        assert_eq!(wait(1, Duration::ZERO, asked, 0), asked);
        assert_eq!(wait(1, Duration::ZERO, Some(Duration::from_secs(60)), 0), None);
        assert_eq!(retry_after("Wed, 21 Oct 2026 07:28:00 GMT"), None);
    }
}
