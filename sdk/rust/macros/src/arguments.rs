//! What stands in the brackets of an attribute.

use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Ident, LitStr, Token, parenthesized};

/// The arguments of an attribute that makes a plugin.
#[derive(Default)]
pub struct Arguments {
    pub name: Option<LitStr>,
    pub version: Option<LitStr>,
    pub summary: Option<LitStr>,
    pub capabilities: Vec<(Ident, LitStr)>,
    /// `hooks` and `insight`: what a deploy target exports besides.
    pub exports: Vec<Ident>,
}

impl Parse for Arguments {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut arguments = Self::default();
        while !input.is_empty() {
            let key: Ident = input.parse()?;
            let place = match key.to_string().as_str() {
                "name" => &mut arguments.name,
                "version" => &mut arguments.version,
                "summary" => &mut arguments.summary,
                "capabilities" => {
                    let inner;
                    parenthesized!(inner in input);
                    let list = Punctuated::<Capability, Token![,]>::parse_terminated(&inner)?;
                    arguments.capabilities.extend(list.into_iter().map(|Capability(name, reason)| (name, reason)));
                    end_of_argument(input)?;
                    continue;
                }
                "hooks" | "insight" => {
                    arguments.exports.push(key);
                    end_of_argument(input)?;
                    continue;
                }
                _ => {
                    let known = "expected `name`, `version`, `summary`, `capabilities`, `hooks` or `insight`";
                    return Err(syn::Error::new(key.span(), known));
                }
            };
            input.parse::<Token![=]>()?;
            *place = Some(input.parse()?);
            end_of_argument(input)?;
        }
        Ok(arguments)
    }
}

fn end_of_argument(input: ParseStream<'_>) -> syn::Result<()> {
    if input.is_empty() { Ok(()) } else { input.parse::<Token![,]>().map(|_| ()) }
}

/// `NAME = "REASON"`.
struct Capability(Ident, LitStr);

impl Parse for Capability {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let name = input.parse()?;
        input.parse::<Token![=]>()?;
        Ok(Self(name, input.parse()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_argument_is_read() {
        let text = r#"name = "n", capabilities(directory = "writes", http = "asks"), hooks, summary = "s""#;
        let arguments: Arguments = syn::parse_str(text).unwrap();
        assert_eq!(arguments.name.unwrap().value(), "n");
        assert_eq!(arguments.summary.unwrap().value(), "s");
        let names: Vec<_> = arguments.capabilities.iter().map(|(name, _)| name.to_string()).collect();
        assert_eq!(names, ["directory", "http"]);
        assert_eq!(arguments.exports, ["hooks"]);
    }

    #[test]
    fn an_unknown_argument_is_refused() {
        let error = syn::parse_str::<Arguments>(r#"nme = "n""#).err().unwrap();
        assert!(error.to_string().contains("expected `name`"), "{error}");
    }
}
