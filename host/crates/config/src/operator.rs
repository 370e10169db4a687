//! Reading host.yaml.

use springline_model::operator::Operator;

use crate::document::Document;
use crate::issue::ConfigError;
use crate::load::load;
use crate::published::OPERATOR;

/// Reads the text of host.yaml. `name` is what messages call the file. An empty file, as one with
/// comments only, has everything at its default.
///
/// # Errors
/// All that is wrong with it, each issue with its line.
pub fn load_operator(name: &str, text: &str) -> Result<(Operator, Document), ConfigError> {
    let document = Document::parse(name, text)?;
    if document.is_empty() {
        return Ok((Operator { version: 1, ..Operator::default() }, document));
    }
    let operator = load(&document, &OPERATOR, |_, _| {})?;
    Ok((operator, document))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_file_is_read() {
        let text = "\
version: 1
targets:
  site:
    plugin: target-directory
    grants: { directory: { path: ../www } }
limits: { memory-mib: 64 }
plugins:
  step-site: { limits: { wall-seconds: 9 } }
plugin-directories: [plugins]
";
        let (operator, _) = load_operator("host.yaml", text).unwrap();
        assert_eq!(operator.targets["site"].grants.directory.as_ref().unwrap().path.to_str(), Some("../www"));
        assert_eq!(operator.limits.memory_mib, 64);
        assert_eq!(operator.limits_of("step-site").wall_seconds, 9);
        assert_eq!(operator.plugin_directories.len(), 1);
    }

    #[test]
    fn an_empty_file_is_all_defaults() {
        for text in ["", "# nothing yet\n"] {
            let (operator, _) = load_operator("host.yaml", text).unwrap();
            assert_eq!(operator, load_operator("host.yaml", "version: 1").unwrap().0);
        }
    }
}
