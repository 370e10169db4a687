//! Finds secrets that were read in what leaves a call: to mask them in what people see, and to
//! refuse what is kept.

use std::borrow::Cow;
use std::io::{self, Read};
use std::sync::{Arc, PoisonError, RwLock};

use aho_corasick::{AhoCorasick, AhoCorasickKind, BuildError, MatchKind};
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// The shortest form that is looked for, in bytes.
const SHORTEST: usize = 6;

/// The secrets that a call has read. Clones are of the same call.
#[derive(Clone, Default)]
pub(crate) struct Masks(Arc<RwLock<Option<Known>>>);

struct Known {
    names: Vec<String>,
    /// Every form of every secret, and whose it is; sorted, none twice.
    forms: Vec<(Vec<u8>, usize)>,
    /// Finds the longest form, to mask it.
    longest_first: AhoCorasick,
    /// Finds any form, in a stream as well.
    any: AhoCorasick,
}

impl Masks {
    /// A secret that was read. It may have had another value when it was read before: both count.
    ///
    /// # Errors
    /// It can't be looked for, so that nobody may have it. What was known before stays known.
    pub(crate) fn add(&self, name: &str, value: &[u8]) -> Result<(), BuildError> {
        let forms = forms(value);
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.as_ref().is_none_or(|known| !known.has(name, &forms)) {
            *known = Some(Known::with(known.as_ref(), name, forms)?);
        }
        Ok(())
    }

    /// The first secret that was read of those whose name is wanted.
    pub(crate) fn name(&self, wanted: impl Fn(&str) -> bool) -> Option<String> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.as_ref()?.names.iter().find(|name| wanted(name)).cloned()
    }

    /// Whether no secret was read.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    /// How long a form may be at most, in bytes.
    pub(crate) fn longest(&self) -> usize {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.as_ref().map_or(0, |known| known.longest_first.max_pattern_len())
    }

    /// The text, each secret in it replaced by its name.
    pub(crate) fn mask<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.mask_bytes(text.as_bytes()) {
            Cow::Borrowed(_) => Cow::Borrowed(text),
            Cow::Owned(masked) => Cow::Owned(String::from_utf8_lossy(&masked).into_owned()),
        }
    }

    /// As [`Masks::mask`], and at most so many bytes of that: if the text itself was cut, the
    /// beginning of a secret across the cut would stay.
    pub(crate) fn mask_cut<'t>(&self, text: &'t str, most: usize) -> Cow<'t, str> {
        match self.mask(text) {
            Cow::Borrowed(text) => Cow::Borrowed(&text[..text.floor_char_boundary(most)]),
            Cow::Owned(mut masked) => {
                masked.truncate(masked.floor_char_boundary(most));
                Cow::Owned(masked)
            }
        }
    }

    /// The bytes, each secret in them replaced by its name.
    pub(crate) fn mask_bytes<'t>(&self, bytes: &'t [u8]) -> Cow<'t, [u8]> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let Some(known) = known.as_ref() else { return Cow::Borrowed(bytes) };
        let (mut masked, mut end) = (Vec::new(), 0);
        for found in known.longest_first.find_iter(bytes) {
            masked.extend_from_slice(&bytes[end..found.start()]);
            let name = &known.names[known.forms[found.pattern().as_usize()].1];
            masked.extend_from_slice(format!("[secret {name}]").as_bytes());
            end = found.end();
        }
        if end == 0 {
            return Cow::Borrowed(bytes);
        }
        masked.extend_from_slice(&bytes[end..]);
        Cow::Owned(masked)
    }

    /// The name of a secret that these bytes hold.
    pub(crate) fn find(&self, bytes: &[u8]) -> Option<String> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let known = known.as_ref()?;
        let found = known.any.find(bytes)?;
        Some(known.names[known.forms[found.pattern().as_usize()].1].clone())
    }

    /// The name of a secret that this stream holds.
    ///
    /// # Errors
    /// The stream can't be read.
    pub(crate) fn find_in(&self, stream: impl Read) -> io::Result<Option<String>> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let Some(known) = known.as_ref() else { return Ok(None) };
        match known.any.stream_find_iter(stream).next() {
            Some(found) => Ok(Some(known.names[known.forms[found?.pattern().as_usize()].1].clone())),
            None => Ok(None),
        }
    }
}

impl Known {
    /// What was known before, and a secret of this name in these forms.
    fn with(before: Option<&Self>, name: &str, more: Vec<Vec<u8>>) -> Result<Self, BuildError> {
        let (mut names, mut forms) = before.map(|known| (known.names.clone(), known.forms.clone())).unwrap_or_default();
        let at = names.iter().position(|known| known == name).unwrap_or(names.len());
        if at == names.len() {
            names.push(name.to_owned());
        }
        forms.extend(more.into_iter().map(|form| (form, at)));
        forms.sort_unstable();
        forms.dedup_by(|(later, _), (earlier, _)| later == earlier);
        let build = |kind| {
            let patterns = forms.iter().map(|(form, _)| form);
            // What is chosen for few patterns, a DFA, has gigabytes for a long secret.
            AhoCorasick::builder().match_kind(kind).kind(Some(AhoCorasickKind::ContiguousNFA)).build(patterns)
        };
        let (longest_first, any) = (build(MatchKind::LeftmostLongest)?, build(MatchKind::Standard)?);
        Ok(Self { names, forms, longest_first, any })
    }

    fn has(&self, name: &str, forms: &[Vec<u8>]) -> bool {
        let known = |form: &Vec<u8>| self.forms.binary_search_by(|(known, _)| known.cmp(form)).is_ok();
        self.names.iter().any(|known| known == name) && forms.iter().all(known)
    }
}

/// The forms in which a secret is looked for: as it is, each of its lines, in Base64 wherever in a
/// longer text it stands, in hexadecimal, percent-encoded, and escaped as JSON and HTML do.
fn forms(value: &[u8]) -> Vec<Vec<u8>> {
    let mut forms = vec![value.to_vec()];
    let lines = value.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    forms.extend(lines.map(<[u8]>::to_vec));
    for offset in 0..3 {
        forms.push(base64(&STANDARD_NO_PAD, value, offset));
        forms.push(base64(&URL_SAFE_NO_PAD, value, offset));
    }
    let hex: String = value.iter().map(|byte| format!("{byte:02x}")).collect();
    forms.push(hex.to_ascii_uppercase().into_bytes());
    forms.push(hex.into_bytes());
    for keeps in [b"-._~".as_slice(), b"-._~!*'()", b"-._~/", b""] {
        let kept = |byte: u8| !keeps.is_empty() && (byte.is_ascii_alphanumeric() || keeps.contains(&byte));
        for upper in [true, false] {
            let percent = percent(value, kept, upper);
            forms.push(percent.replace("%20", "+").into_bytes());
            forms.push(percent.into_bytes());
        }
    }
    if let Ok(text) = std::str::from_utf8(value) {
        let json = serde_json::Value::from(text).to_string();
        forms.push(json.as_bytes()[1..json.len() - 1].to_vec());
        forms.push(text.escape_debug().to_string().into_bytes());
        let html = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        forms.push(html.clone().into_bytes());
        forms.push(html.replace('"', "&quot;").replace('\'', "&#39;").into_bytes());
    }
    forms.retain(|form| form.len() >= SHORTEST);
    forms.sort_unstable();
    forms.dedup();
    forms
}

/// What of the value's Base64 does not depend on what stands around it, after so many bytes modulo
/// three.
fn base64(engine: &impl base64::Engine, value: &[u8], offset: usize) -> Vec<u8> {
    let mut bytes = vec![0; offset];
    bytes.extend_from_slice(value);
    let encoded = engine.encode(&bytes).into_bytes();
    let start = (offset * 8).div_ceil(6);
    let end = bytes.len() * 8 / 6;
    encoded.get(start..end).unwrap_or_default().to_vec()
}

fn percent(value: &[u8], kept: impl Fn(u8) -> bool, upper: bool) -> String {
    let one = |byte: &u8| match (kept(*byte), upper) {
        (true, _) => char::from(*byte).to_string(),
        (false, true) => format!("%{byte:02X}"),
        (false, false) => format!("%{byte:02x}"),
    };
    value.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};

    use super::*;

    fn masks(value: &str) -> Masks {
        let masks = Masks::default();
        masks.add("token", value.as_bytes()).unwrap();
        masks
    }

    #[test]
    fn a_secret_is_found_in_every_form() {
        let value = "s3cr3t/+\"<tok en>ü";
        let masks = masks(value);
        for around in ["", "x", "us", "usr:"] {
            let whole = format!("{around}{value}{around}");
            for text in [
                whole.clone(),
                STANDARD.encode(&whole),
                URL_SAFE.encode(&whole),
                whole.bytes().map(|byte| format!("{byte:02x}")).collect(),
                whole.bytes().map(|byte| format!("{byte:02X}")).collect(),
                percent(whole.as_bytes(), |byte| byte.is_ascii_alphanumeric(), true),
                percent(whole.as_bytes(), |_| false, false),
                serde_json::Value::from(whole.as_str()).to_string(),
                format!("{whole:?}"),
            ] {
                assert_eq!(masks.find(text.as_bytes()).as_deref(), Some("token"), "{text}");
                assert_eq!(masks.find_in(text.as_bytes()).unwrap().as_deref(), Some("token"), "{text}");
                let masked = masks.mask(&text);
                assert!(masked.contains("[secret token]") && masks.find(masked.as_bytes()).is_none(), "{masked}");
            }
        }
        assert_eq!(masks.mask("nothing here"), "nothing here");
        assert_eq!(masks.find(b"s3cr3t"), None);
    }

    #[test]
    fn each_line_of_a_key_is_masked() {
        let masks = masks("-----BEGIN KEY-----\nMIIEvQIBADANBg\r\nabc\n-----END KEY-----\n");
        assert_eq!(masks.mask("a MIIEvQIBADANBg b"), "a [secret token] b");
        assert_eq!(masks.mask("abc"), "abc", "a short line would mask too much");
    }

    #[test]
    fn a_secret_across_the_pieces_of_a_stream_is_found() {
        struct Dripping<'b>(&'b [u8]);
        impl Read for Dripping<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let count = self.0.len().min(buffer.len()).min(1);
                buffer[..count].copy_from_slice(&self.0[..count]);
                self.0 = &self.0[count..];
                Ok(count)
            }
        }
        let masks = masks("a-long-secret");
        assert!(masks.find_in(Dripping(b"xxxxa-long-secretxxxx")).unwrap().is_some());
        assert!(masks.find_in(Dripping(b"xxxxa-long-secre")).unwrap().is_none());
    }

    #[test]
    fn secrets_are_told_apart() {
        let masks = masks("first-secret");
        assert!(!masks.is_empty() && Masks::default().is_empty());
        masks.add("other", b"second-secret").unwrap();
        masks.add("other", b"second-secret").unwrap();
        assert_eq!(masks.mask("first-secret second-secret"), "[secret token] [secret other]");
        assert!(masks.longest() >= 36);
    }

    #[test]
    fn every_value_that_a_secret_had_is_known() {
        let masks = masks("first-value");
        masks.add("other", b"another-secret").unwrap();
        masks.add("token", b"second-value").unwrap();
        assert_eq!(masks.mask("first-value second-value"), "[secret token] [secret token]");
        for value in ["first-value", "second-value"] {
            assert_eq!(masks.find(value.as_bytes()).as_deref(), Some("token"));
        }
        assert_eq!(masks.mask("another-secret"), "[secret other]");
    }

    #[test]
    fn two_secrets_of_one_value_are_both_known() {
        let masks = masks("the-same-value");
        masks.add("other", b"the-same-value").unwrap();
        assert_eq!(masks.mask("the-same-value"), "[secret token]");
        assert_eq!(masks.name(|name| name != "token").as_deref(), Some("other"));
    }

    #[test]
    fn the_longest_secret_is_masked() {
        let value: Vec<u8> = (0..64_u32 << 10).map(|at| at.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
        let masks = Masks::default();
        masks.add("token", &value).unwrap();
        let text = [b"a ".as_slice(), &value, b" z"].concat();
        assert_eq!(&*masks.mask_bytes(&text), b"a [secret token] z");
        assert_eq!(masks.find(STANDARD.encode(&text).as_bytes()).as_deref(), Some("token"));
    }

    #[test]
    fn a_secret_across_the_cut_is_masked() {
        let masks = masks("hunter2-hunter2");
        assert_eq!(masks.mask_cut("is hunter2-hunter2", 10), "is [secret");
        assert_eq!(masks.mask_cut("is hünter", 5), "is h");
    }
}
