//! A bug in one thing ends nothing else.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::cli::error::{CliError, Kind};

/// Does something; a panic in it is an error.
pub(super) fn caught<T>(act: impl FnOnce() -> T) -> Result<T, CliError> {
    catch_unwind(AssertUnwindSafe(act)).map_err(|panic| {
        let said = panic.downcast_ref::<&str>().map(|said| (*said).to_owned());
        let said = said.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        CliError::new(Kind::State, format!("springline failed here, which is a bug: {said}"))
            .hint("where it did is on the standard error of `springline watch`; please report it")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_that_says_what_it_said() {
        assert_eq!(caught(|| 7).ok(), Some(7));
        for (error, said) in [(caught(|| panic!("ouch")), "ouch"), (caught(|| panic!("number {}", 3)), "number 3")] {
            assert!(error.is_err_and(|error: CliError| error.message.ends_with(said)));
        }
    }
}
