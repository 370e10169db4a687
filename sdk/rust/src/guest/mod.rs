//! A plugin as a component: the real host, and what the attributes export.

mod export;
mod imports;
#[cfg(feature = "kubernetes")]
mod kubernetes;
mod optional;

pub use export::{Renders, Steps, Targets};
pub(crate) use imports::Imports;

/// Exports a build step from the plugin's component.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_build_step {
    ($plugin:ident) => {
        type Exported = $crate::guest::Steps<$plugin>;
        $crate::bindings::build_step::export!(Exported with_types_in $crate::bindings::build_step);
    };
}

/// Exports a renderer from the plugin's component.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_renderer {
    ($plugin:ident) => {
        type Exported = $crate::guest::Renders<$plugin>;
        $crate::bindings::renderer::export!(Exported with_types_in $crate::bindings::renderer);
    };
}

/// Exports a deploy target from the plugin's component.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_deploy_target {
    ($plugin:ident) => {
        type Exported = $crate::guest::Targets<$plugin>;
        $crate::bindings::deploy_target::export!(Exported with_types_in $crate::bindings::deploy_target);
    };
}

/// Exports a deploy target's hooks besides.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_hooks {
    ($plugin:ident) => {
        type Exported = $crate::guest::Targets<$plugin>;
        $crate::bindings::deploy_target::export_hooks!(Exported with_types_in $crate::bindings::deploy_target);
    };
}

/// Exports a deploy target's insight besides.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_insight {
    ($plugin:ident) => {
        type Exported = $crate::guest::Targets<$plugin>;
        $crate::bindings::deploy_target::export_insight!(Exported with_types_in $crate::bindings::deploy_target);
    };
}
