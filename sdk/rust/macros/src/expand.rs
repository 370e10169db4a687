//! What each attribute becomes.
//!
//! The exports hold `unsafe` (`#[unsafe(export_name = …)]`, raw pointers): the component model's ABI
//! has no other way. It comes from the SDK's macros alone, and the compiler does not apply a crate's
//! lints to what macros of other crates expand to. So a plugin can keep `unsafe_code = "forbid"`,
//! which still holds for every line its author wrote.

use proc_macro2::TokenStream;
use quote::{ToTokens as _, format_ident, quote};
use syn::{Attribute, Data, DeriveInput, Expr, ExprLit, FnArg, ItemFn, ItemImpl, Lit, Meta, Result, Type};

use crate::arguments::Arguments;

/// `#[build_step]`. The arguments are named so that they hide no function of the plugin's.
pub fn build_step(arguments: &Arguments, function: &ItemFn) -> Result<TokenStream> {
    no_exports(arguments)?;
    let (name, config) = signature(function)?;
    let plugin = plugin(arguments, "BuildStep", &config, &function.attrs);
    Ok(quote! {
        #function
        #plugin
        impl ::springline_sdk::plugin::BuildStep for Plugin {
            fn run(
                __config: &str,
                __step: &mut ::springline_sdk::Step,
            ) -> ::springline_sdk::Result<::std::string::String> {
                #name(::springline_sdk::plugin::parse_config(__config)?, __step)
            }
        }
        #[cfg(target_family = "wasm")]
        const _: () = { ::springline_sdk::__export_build_step!(Plugin); };
    })
}

/// `#[renderer]`.
pub fn renderer(arguments: &Arguments, function: &ItemFn) -> Result<TokenStream> {
    no_exports(arguments)?;
    let (name, config) = signature(function)?;
    let plugin = plugin(arguments, "Renderer", &config, &function.attrs);
    Ok(quote! {
        #function
        #plugin
        impl ::springline_sdk::plugin::Renderer for Plugin {
            fn render(
                __config: &str,
                __render: &mut ::springline_sdk::Render,
            ) -> ::springline_sdk::Result<::std::vec::Vec<::springline_sdk::Object>> {
                #name(::springline_sdk::plugin::parse_config(__config)?, __render)
            }
        }
        #[cfg(target_family = "wasm")]
        const _: () = { ::springline_sdk::__export_renderer!(Plugin); };
    })
}

/// `#[deploy_target]`.
pub fn deploy_target(arguments: &Arguments, implementation: &ItemImpl) -> Result<TokenStream> {
    if implementation.trait_.is_none() {
        return Err(syn::Error::new_spanned(&implementation.self_ty, "expected `impl Target for …`"));
    }
    let config = &implementation.self_ty;
    let plugin = plugin(arguments, "DeployTarget", config, &implementation.attrs);
    let besides = arguments.exports.iter().map(|export| besides(export, config));
    Ok(quote! {
        #implementation
        #plugin
        impl ::springline_sdk::plugin::DeployTarget for Plugin {
            fn configure(config: ::std::string::String) -> ::springline_sdk::Result<impl ::springline_sdk::Target> {
                ::springline_sdk::plugin::parse_config::<#config>(&config)
            }
        }
        #[cfg(target_family = "wasm")]
        const _: () = { ::springline_sdk::__export_deploy_target!(Plugin); };
        #(#besides)*
    })
}

/// What a deploy target exports besides: `hooks` or `insight`.
fn besides(export: &syn::Ident, config: &Type) -> TokenStream {
    let of = |name: &str| format_ident!("{name}", span = export.span());
    let (plugin, target, configure, macro_name) = if export == "hooks" {
        (of("TargetHooks"), of("Hooks"), of("configure_hooks"), of("__export_hooks"))
    } else {
        (of("TargetInsight"), of("Insight"), of("configure_insight"), of("__export_insight"))
    };
    quote! {
        impl ::springline_sdk::plugin::#plugin for Plugin {
            fn #configure(config: ::std::string::String) -> ::springline_sdk::Result<impl ::springline_sdk::#target> {
                ::springline_sdk::plugin::parse_config::<#config>(&config)
            }
        }
        #[cfg(target_family = "wasm")]
        const _: () = { ::springline_sdk::#macro_name!(Plugin); };
    }
}

/// Refuses what only a deploy target exports.
fn no_exports(arguments: &Arguments) -> Result<()> {
    match arguments.exports.first() {
        Some(export) => Err(syn::Error::new_spanned(export, "only a deploy target exports this")),
        None => Ok(()),
    }
}

/// `#[config]`.
pub fn config(arguments: &TokenStream, item: &DeriveInput) -> Result<TokenStream> {
    if !arguments.is_empty() {
        return Err(syn::Error::new_spanned(arguments, "expected no arguments"));
    }
    // An enum has no fields of its own to be unknown.
    let strict = matches!(item.data, Data::Struct(_)).then(|| quote!(deny_unknown_fields,));
    Ok(quote! {
        #[derive(
            Debug,
            Clone,
            ::springline_sdk::serde::Deserialize,
            ::springline_sdk::schemars::JsonSchema,
        )]
        #[serde(crate = "::springline_sdk::serde", #strict rename_all = "kebab-case")]
        #[schemars(crate = "::springline_sdk::schemars")]
        #item
    })
}

/// The name of a plugin's function, and the type of its config.
fn signature(function: &ItemFn) -> Result<(&syn::Ident, Type)> {
    let inputs = &function.sig.inputs;
    let expected = "expected two arguments: the config and the context";
    match (inputs.len(), inputs.first()) {
        (2, Some(FnArg::Typed(config))) => Ok((&function.sig.ident, (*config.ty).clone())),
        _ => Err(syn::Error::new_spanned(&function.sig, expected)),
    }
}

/// The type `Plugin` and what it says of itself.
fn plugin(arguments: &Arguments, kind: &str, config: &Type, attributes: &[Attribute]) -> TokenStream {
    let kind = format_ident!("{kind}");
    let or = |given: &Option<syn::LitStr>, variable: &str| match given {
        Some(text) => text.to_token_stream(),
        None => quote!(::core::env!(#variable)),
    };
    let name = or(&arguments.name, "CARGO_PKG_NAME");
    let version = or(&arguments.version, "CARGO_PKG_VERSION");
    let summary = match (&arguments.summary, documented(attributes)) {
        (None, Some(text)) => text.to_token_stream(),
        (given, _) => or(given, "CARGO_PKG_DESCRIPTION"),
    };
    let capabilities = arguments.capabilities.iter().map(|(name, reason)| {
        let name = name.to_string().replace('_', "-");
        quote!((#name, #reason))
    });
    quote! {
        /// This plugin, as the host and the tests call it.
        #[derive(Debug)]
        pub struct Plugin;

        impl ::springline_sdk::plugin::Describe for Plugin {
            fn describe() -> ::springline_sdk::plugin::Description {
                ::springline_sdk::plugin::Description {
                    name: #name,
                    version: #version,
                    summary: #summary,
                    kind: ::springline_sdk::plugin::Kind::#kind,
                    config_schema: ::springline_sdk::plugin::schema_of::<#config>(),
                    capabilities: &[#(#capabilities),*],
                }
            }
        }
    }
}

/// The first paragraph of a doc comment, as one line.
fn documented(attributes: &[Attribute]) -> Option<String> {
    let lines = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value().trim().to_owned()),
            _ => None,
        },
        _ => None,
    });
    let paragraph: Vec<_> = lines.skip_while(String::is_empty).take_while(|line| !line.is_empty()).collect();
    if paragraph.is_empty() { None } else { Some(paragraph.join(" ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_paragraph_is_the_summary() {
        let function: ItemFn = syn::parse_quote! {
            /// Greets somebody,
            /// politely.
            ///
            /// And more.
            fn hello() {}
        };
        assert_eq!(documented(&function.attrs).unwrap(), "Greets somebody, politely.");
    }

    #[test]
    fn a_function_without_a_config_is_refused() {
        let function: ItemFn = syn::parse_quote! { fn hello(step: &mut Step) -> Result<String> { todo() } };
        let error = build_step(&Arguments::default(), &function).unwrap_err();
        assert!(error.to_string().contains("two arguments"), "{error}");
    }
}
