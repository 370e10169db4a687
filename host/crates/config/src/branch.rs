//! Which branch of `anyOf` or `oneOf` a value was meant for.

use jsonschema::ValidationError;

use crate::words::Expected;

/// What there is to say when a value fits no branch.
pub(crate) enum Reduced<'a> {
    /// It was meant for this branch; these are its errors.
    Branch(&'a [ValidationError<'static>]),
    /// It is of none of the types, or has none of the values, that the branches want at `at`.
    Expected { at: String, expected: Expected },
}

/// Reduces the errors of all branches, for a value at the pointer `here`.
pub(crate) fn reduce<'a>(branches: &'a [Vec<ValidationError<'static>>], here: &str) -> Reduced<'a> {
    let nearest: Vec<&Vec<_>> = branches.iter().filter(|errors| choice_at(errors, here).is_none()).collect();
    if nearest.is_empty() {
        return expected(branches.iter(), here);
    }
    // A tagged union: every branch wants another value in one place, and what is there is none.
    if let Some(at) = shared_choice(&nearest) {
        return expected(nearest.into_iter(), &at);
    }
    let best = nearest.into_iter().min_by_key(|errors| {
        let choices = errors.iter().filter(|error| Expected::of(error).is_some()).count();
        (choices, errors.len())
    });
    Reduced::Branch(best.map(Vec::as_slice).unwrap_or_default())
}

/// The error of a branch about the type or the choice of the value at that pointer.
fn choice_at(errors: &[ValidationError<'static>], at: &str) -> Option<Expected> {
    errors.iter().filter(|error| error.instance_path().as_str() == at).find_map(Expected::of)
}

/// A place where every one of several branches wants another value.
fn shared_choice(branches: &[&Vec<ValidationError<'static>>]) -> Option<String> {
    let (first, rest) = branches.split_first().filter(|(_, rest)| !rest.is_empty())?;
    let mut places =
        first.iter().filter(|error| Expected::of(error).is_some()).map(|error| error.instance_path().as_str());
    places.find(|at| rest.iter().all(|errors| choice_at(errors, at).is_some())).map(str::to_owned)
}

fn expected<'a, 'b>(branches: impl Iterator<Item = &'b Vec<ValidationError<'static>>>, at: &str) -> Reduced<'a> {
    let mut expected = Expected::default();
    branches.filter_map(|errors| choice_at(errors, at)).for_each(|branch| expected.or(branch));
    Reduced::Expected { at: at.to_owned(), expected }
}
