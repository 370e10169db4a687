//! What plugins export, as generated from wit/: one module an interface, as one component never
//! exports all of them.
#![allow(missing_docs, clippy::all, clippy::unwrap_used)]

pub(super) mod describe {
    wasmtime::component::bindgen!({
        path: "../../../wit",
        world: "springline:runtime/described",
        inline: "
            package springline:runtime;
            world described { export springline:plugin/describe@0.1.0; }
        ",
        exports: { default: async },
    });
}

pub(super) mod build_step {
    wasmtime::component::bindgen!({
        path: "../../../wit",
        world: "springline:runtime/step",
        inline: "
            package springline:runtime;
            world step { export springline:plugin/build-step@0.1.0; }
        ",
        with: { "springline:plugin/types": crate::bindings::springline::plugin::types },
        exports: { default: async },
    });
}

pub(super) mod renderer {
    wasmtime::component::bindgen!({
        path: "../../../wit",
        world: "springline:runtime/renders",
        inline: "
            package springline:runtime;
            world renders { export springline:plugin/renderer@0.1.0; }
        ",
        with: { "springline:plugin/types": crate::bindings::springline::plugin::types },
        exports: { default: async },
    });
}

/// The world has all that a deploy target may export; each interface is looked up by itself.
pub(super) mod deploy_target {
    wasmtime::component::bindgen!({
        path: "../../../wit",
        world: "springline:runtime/deploys",
        inline: "
            package springline:runtime;
            world deploys {
                export springline:plugin/deploy-target@0.1.0;
                export springline:plugin/hooks@0.1.0;
                export springline:plugin/insight@0.1.0;
            }
        ",
        with: { "springline:plugin/types": crate::bindings::springline::plugin::types },
        exports: { default: async },
    });
}
