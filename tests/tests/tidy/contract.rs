//! The contract as its users see it: every function and type of `springline:host`, as text that
//! changes when and only when a component that uses it would no longer fit.

use std::collections::BTreeMap;
use std::path::Path;

use wit_parser::{Function, Handle, Resolve, Type, TypeDefKind};

/// Parses a `wit/` directory with everything vendored in it.
pub fn parse(wit: &Path) -> Resolve {
    let mut resolve = Resolve::default();
    if let Err(error) = resolve.push_dir(wit) {
        panic!("{}: {}", wit.display(), resolve.render_error(&error));
    }
    resolve
}

/// The functions and types of `springline:host`, each with what it looks like.
pub fn host_items(resolve: &Resolve) -> BTreeMap<String, String> {
    let mut items = BTreeMap::new();
    for (_, package) in resolve.packages.iter().filter(|(_, package)| is_host(&package.name)) {
        for (name, interface) in &package.interfaces {
            let interface = &resolve.interfaces[*interface];
            for (function, definition) in &interface.functions {
                items.insert(format!("{name}.{function}"), signature(resolve, definition));
            }
            for (item, id) in &interface.types {
                items.insert(format!("{name}.{item}"), definition(resolve, &resolve.types[*id].kind));
            }
        }
    }
    items
}

fn is_host(name: &wit_parser::PackageName) -> bool {
    name.namespace == "springline" && name.name == "host"
}

fn signature(resolve: &Resolve, function: &Function) -> String {
    let params = function.params.iter().map(|param| format!("{}: {}", param.name, named(resolve, &param.ty)));
    format!("func({}) -> {}", join(params), optional(resolve, function.result.as_ref()))
}

/// A type where it is used: by its name, if it has one.
fn named(resolve: &Resolve, ty: &Type) -> String {
    let Type::Id(id) = ty else { return format!("{ty:?}").to_lowercase() };
    let definition = &resolve.types[*id];
    definition.name.clone().unwrap_or_else(|| self::definition(resolve, &definition.kind))
}

fn optional(resolve: &Resolve, ty: Option<&Type>) -> String {
    ty.map_or_else(|| "_".to_owned(), |ty| named(resolve, ty))
}

/// A type where it is defined.
fn definition(resolve: &Resolve, kind: &TypeDefKind) -> String {
    let named = |ty: &Type| named(resolve, ty);
    match kind {
        TypeDefKind::Record(record) => {
            format!(
                "record {{ {} }}",
                join(record.fields.iter().map(|field| format!("{}: {}", field.name, named(&field.ty))))
            )
        }
        TypeDefKind::Variant(variant) => {
            let cases =
                variant.cases.iter().map(|case| format!("{}({})", case.name, optional(resolve, case.ty.as_ref())));
            format!("variant {{ {} }}", join(cases))
        }
        TypeDefKind::Enum(cases) => format!("enum {{ {} }}", join(cases.cases.iter().map(|case| case.name.clone()))),
        TypeDefKind::Flags(flags) => format!("flags {{ {} }}", join(flags.flags.iter().map(|flag| flag.name.clone()))),
        TypeDefKind::Tuple(tuple) => format!("tuple<{}>", join(tuple.types.iter().map(named))),
        TypeDefKind::Handle(Handle::Own(id)) => format!("own<{}>", named(&Type::Id(*id))),
        TypeDefKind::Handle(Handle::Borrow(id)) => format!("borrow<{}>", named(&Type::Id(*id))),
        TypeDefKind::Option(ty) => format!("option<{}>", named(ty)),
        TypeDefKind::List(ty) => format!("list<{}>", named(ty)),
        TypeDefKind::Result(result) => {
            format!("result<{}, {}>", optional(resolve, result.ok.as_ref()), optional(resolve, result.err.as_ref()))
        }
        TypeDefKind::Type(ty) => named(ty),
        TypeDefKind::Resource => "resource".to_owned(),
        other => panic!("the contract uses no {}: a component of this track could not use it", other.as_str()),
    }
}

fn join(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}
