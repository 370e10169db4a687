//! Lists that come in pages, each with a `Link` to the next.

use std::collections::HashSet;

use bytes::Bytes;
use reqwest::Url;
use springline_model::registry::RegistryError;

use crate::transport::{Answer, Ask, Place, Transport, malformed};

/// How many pages of one list are read.
const MAX_PAGES: usize = 1_000;

/// The pages of a list that are still to be read.
pub(crate) struct Pages<'a> {
    next: Option<Ask<'a>>,
    seen: HashSet<Url>,
}

impl<'a> Pages<'a> {
    /// A list that begins with what this asks for.
    pub(crate) fn new(first: Ask<'a>) -> Self {
        Self { next: Some(first), seen: HashSet::new() }
    }

    /// The next page; none after the last one, and none after a failure.
    pub(crate) async fn next(&mut self, transport: &Transport) -> Result<Option<Bytes>, RegistryError> {
        let Some(ask) = self.next.take() else { return Ok(None) };
        let answer = transport.send(ask.clone()).await?;
        if let Some(place) = self.after(ask.what, &answer)? {
            self.next = Some(Ask { place, ..ask });
        }
        Ok(Some(answer.body))
    }

    /// Where the page after an answer is.
    fn after(&mut self, what: &str, answer: &Answer) -> Result<Option<Place>, RegistryError> {
        let Some(next) = answer.header("link").and_then(next_page) else { return Ok(None) };
        let next = answer.url.join(next).map_err(|error| malformed(what, error.to_string()))?;
        if !self.seen.insert(next.clone()) {
            return Err(malformed(what, "its pages lead in a circle".into()));
        }
        if self.seen.len() == MAX_PAGES {
            return Err(malformed(what, format!("there are more than {MAX_PAGES} pages")));
        }
        Ok(Some(Place::Url(next)))
    }
}

/// The next page that a `Link` header names.
fn next_page(link: &str) -> Option<&str> {
    link.split(',').find_map(|link| {
        let (url, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
        let next = parameters.split(';').any(|parameter| matches!(parameter.trim(), "rel=\"next\"" | "rel=next"));
        next.then_some(url)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_found() {
        assert_eq!(next_page("</v2/a/tags/list?last=b>; rel=\"next\""), Some("/v2/a/tags/list?last=b"));
        assert_eq!(next_page("<a>; rel=prev, <b>; rel=next"), Some("b"));
        for nonsense in ["", "<", "<a", "a; rel=next", "<a>; rel=prev"] {
            assert_eq!(next_page(nonsense), None, "{nonsense:?}");
        }
    }
}
