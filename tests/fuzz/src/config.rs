//! springline.yaml, host.yaml and springline.lock: whatever the text is, an error can be shown on a
//! terminal, and a lock that is read is written as it was.

use springline_config::{ConfigError, Lock, load_application, load_operator};

/// Reads the bytes as each of the three files.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Err(error) = load_application("springline.yaml", text) {
        can_be_shown(&error);
    }
    if let Err(error) = load_operator("host.yaml", text) {
        can_be_shown(&error);
    }
    match Lock::parse("springline.lock", text) {
        Ok(lock) => {
            let written = lock.to_text();
            let again = Lock::parse("springline.lock", &written).expect("what was written can be read");
            assert_eq!(again.to_text(), written);
        }
        Err(error) => can_be_shown(&error),
    }
}

fn can_be_shown(error: &ConfigError) {
    let shown = error.to_string();
    let harmful = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    assert!(!shown.contains(harmful), "a control character would reach the terminal: {shown:?}");
}
