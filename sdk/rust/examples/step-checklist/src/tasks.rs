//! The tasks of one text.

/// A task of a list.
#[derive(Debug, PartialEq, Eq)]
pub struct Task<'t> {
    /// Whether it is done.
    pub is_done: bool,
    /// What is to do.
    pub text: &'t str,
}

/// Every task with the number of its line, from 1; for one with a mark that nobody knows, the mark.
pub fn of(text: &str) -> impl Iterator<Item = (u32, Result<Task<'_>, char>)> {
    (1..).zip(text.split('\n')).filter_map(|(number, line)| Some((number, task(line)?)))
}

/// The task that this line is; none if it is something else.
fn task(line: &str) -> Option<Result<Task<'_>, char>> {
    let line = line.strip_suffix('\r').unwrap_or(line).trim_start_matches([' ', '\t']);
    let mut rest = line.strip_prefix("- [")?.chars();
    let mark = rest.next()?;
    let text = rest.as_str().strip_prefix("] ")?.trim_end_matches([' ', '\t']);
    Some(match mark {
        ' ' => Ok(Task { is_done: false, text }),
        'x' | 'X' => Ok(Task { is_done: true, text }),
        other => Err(other),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_a_dash_a_mark_and_a_text() {
        assert_eq!(task("\t- [X] a b\t "), Some(Ok(Task { is_done: true, text: "a b" })));
        assert_eq!(task("- [ ] \r"), Some(Ok(Task { is_done: false, text: "" })));
        assert_eq!(task("- [ö] x"), Some(Err('ö')));
        for other in ["", "- x", "- [x]", "- [xx] y", "* [x] y", "- [", "-[x] y"] {
            assert_eq!(task(other), None, "{other:?}");
        }
    }
}
