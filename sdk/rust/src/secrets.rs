//! Values that must not be seen: passwords, tokens, keys.
//!
//! A plugin that reads one names the capability `secrets` in its description, and the operator
//! grants the secret by its name. Its value is masked in the call's log and must not be in the
//! output; the result of the call is never kept for another one.

use crate::error::{Error, Result};
use crate::host::{Current, Host as _};

/// The value of the secret that was granted under this name.
///
/// # Errors
/// [`Error::Denied`] if it was not granted, [`Error::Failed`] if it is not
/// there.
pub fn get(name: &str) -> Result<Vec<u8>> {
    Current::secret(name)
}

/// As [`get()`], for a value that is text.
///
/// # Errors
/// As [`get()`]; [`Error::Failed`] if it is no UTF-8.
pub fn text(name: &str) -> Result<String> {
    String::from_utf8(get(name)?).map_err(|_| Error::failed(format!("the secret `{name}` is no UTF-8")))
}
