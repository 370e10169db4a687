//! Finds placeholders and replaces them.

use springline_sdk::prelude::*;

/// The text with every `${NAME}` replaced by what `lookup` finds. What it finds nothing for, and a
/// `${` that is never closed, becomes a violation.
pub fn replace(
    file: &str,
    text: &str,
    violations: &mut Vec<Violation>,
    lookup: impl Fn(&str) -> Result<Result<String, String>>,
) -> Result<String> {
    let mut replaced = String::with_capacity(text.len());
    for (number, line) in (1..).zip(text.split_inclusive('\n')) {
        let mut rest = line;
        while let Some((before, after)) = rest.split_once("${") {
            replaced.push_str(before);
            let Some((name, behind)) = after.split_once('}') else {
                violations.push(Violation::new("`${` without `}`").file(file).line(number));
                rest = "";
                break;
            };
            match lookup(name)? {
                Ok(value) => replaced.push_str(&value),
                Err(message) => violations.push(Violation::new(message).file(file).line(number)),
            }
            rest = behind;
        }
        replaced.push_str(rest);
    }
    Ok(replaced)
}
