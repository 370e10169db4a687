//! The attributes of springline-sdk. Use them through that crate, which documents them too.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod arguments;
mod expand;

use proc_macro::TokenStream;
use syn::{DeriveInput, ItemFn, ItemImpl, parse_macro_input};

use arguments::Arguments;

/// Makes a build step of a function `fn(CONFIG, &mut Step) -> Result<String>`; the text it returns
/// is one line for the person who waits.
///
/// Arguments, all optional: `name`, `version` and `summary`. Without them, they are the crate's name
/// and version, and the first paragraph of the doc comment or else the crate's description.
#[proc_macro_attribute]
pub fn build_step(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let arguments = parse_macro_input!(arguments as Arguments);
    let function = parse_macro_input!(item as ItemFn);
    expand::build_step(&arguments, &function).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes a renderer of a function `fn(CONFIG, &mut Render) -> Result<Vec<Object>>`. It takes the
/// arguments of [`macro@build_step`].
#[proc_macro_attribute]
pub fn renderer(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let arguments = parse_macro_input!(arguments as Arguments);
    let function = parse_macro_input!(item as ItemFn);
    expand::renderer(&arguments, &function).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes a deploy target of an `impl Target for CONFIG`. It takes the arguments of
/// [`macro@build_step`], and `capabilities(NAME = "REASON", …)`: the powers it needs, such as
/// `directory`, each with a reason that an operator can judge. With `hooks` and `insight` it exports
/// `impl Hooks for CONFIG` and `impl Insight for CONFIG` as well.
#[proc_macro_attribute]
pub fn deploy_target(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let arguments = parse_macro_input!(arguments as Arguments);
    let implementation = parse_macro_input!(item as ItemImpl);
    expand::deploy_target(&arguments, &implementation).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes a config of a struct: derives `Debug`, `Clone`, `Deserialize` and `JsonSchema`, names its
/// fields in kebab-case, and refuses unknown ones. The crate needs neither serde nor schemars among
/// its dependencies. A struct or an enum inside the config takes the attribute as well.
#[proc_macro_attribute]
pub fn config(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let item = parse_macro_input!(item as DeriveInput);
    expand::config(&arguments.into(), &item).unwrap_or_else(syn::Error::into_compile_error).into()
}
