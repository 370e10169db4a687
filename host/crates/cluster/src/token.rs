//! Bearer tokens, also in a file that others renew, as the kubelet does in a Pod.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::HeaderValue;

/// How old a token may be that was read.
const AGE: Duration = Duration::from_secs(30);

/// A token.
pub enum Token {
    /// One that stays.
    Fixed(HeaderValue),
    /// One in a file, and what was last in it.
    File(PathBuf, Mutex<(HeaderValue, Instant)>),
}

impl Token {
    /// One that stays.
    pub fn fixed(token: &str) -> Result<Self, String> {
        header(token).map(Self::Fixed).ok_or_else(|| "what a credential plugin gives is no token".to_owned())
    }

    /// One in a file, read for the first time.
    pub fn of_file(path: &Path) -> Result<Self, String> {
        Ok(Self::File(path.to_owned(), Mutex::new((read(path)?, Instant::now()))))
    }

    /// The header for a request. What was last read serves on where the file is gone.
    pub fn header(&self) -> HeaderValue {
        let (path, last) = match self {
            Self::Fixed(header) => return header.clone(),
            Self::File(path, last) => (path, last),
        };
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.1.elapsed() > AGE {
            if let Ok(header) = read(path) {
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
    header(&text).ok_or_else(|| format!("what is in the token file {} is no token", path.display()))
}

fn header(token: &str) -> Option<HeaderValue> {
    let mut header = HeaderValue::try_from(format!("Bearer {}", token.trim())).ok()?;
    header.set_sensitive(true);
    Some(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_without_its_end_of_line() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token");
        assert!(Token::of_file(&path).err().unwrap().contains("can't be read"));
        std::fs::write(&path, "abc\n").unwrap();
        let file = Token::of_file(&path).unwrap();
        assert_eq!(file.header(), "Bearer abc");
        assert!(file.header().is_sensitive());
        std::fs::write(&path, "secret\nlines").unwrap();
        let error = Token::of_file(&path).err().unwrap();
        assert!(error.contains("is no token") && !error.contains("secret"), "{error}");
    }
}
