//! A bearer token in a file that others renew, as the kubelet does in a Pod.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::HeaderValue;

/// How old a token may be that was read.
const AGE: Duration = Duration::from_secs(30);

/// The file and what was last in it.
pub struct TokenFile {
    path: PathBuf,
    last: Mutex<(HeaderValue, Instant)>,
}

impl TokenFile {
    /// Reads it for the first time.
    pub fn open(path: &Path) -> Result<Self, String> {
        Ok(Self { path: path.to_owned(), last: Mutex::new((read(path)?, Instant::now())) })
    }

    /// The header for a request. What was last read serves on where the file is gone.
    pub fn header(&self) -> HeaderValue {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.1.elapsed() > AGE {
            if let Ok(header) = read(&self.path) {
                last.0 = header;
            }
            last.1 = Instant::now();
        }
        last.0.clone()
    }
}

fn read(path: &Path) -> Result<HeaderValue, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("the token file {} can't be read: {error}", path.display()))?;
    let mut header = HeaderValue::try_from(format!("Bearer {}", text.trim()))
        .map_err(|_| format!("what is in the token file {} is no token", path.display()))?;
    header.set_sensitive(true);
    Ok(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_without_its_end_of_line() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        assert!(TokenFile::open(&path).err().unwrap().contains("can't be read"));
        std::fs::write(&path, "abc\n").unwrap();
        let file = TokenFile::open(&path).unwrap();
        assert_eq!(file.header(), "Bearer abc");
        assert!(file.header().is_sensitive());
        std::fs::write(&path, "secret\nlines").unwrap();
        let error = TokenFile::open(&path).err().unwrap();
        assert!(error.contains("is no token") && !error.contains("secret"), "{error}");
    }
}
