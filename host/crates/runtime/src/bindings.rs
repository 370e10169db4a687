//! What plugins import, as generated from wit/.
#![allow(missing_docs, clippy::all, clippy::unwrap_used)]

/// What waits for others.
pub(crate) mod waiting {
    wasmtime::component::bindgen!({
        path: "../../../wit",
        world: "springline:runtime/waiting",
        inline: "
            package springline:runtime;
            world waiting { import springline:host/kubernetes@0.1.0; }
        ",
        require_store_data_send: true,
        imports: { default: async | trappable },
    });
}

wasmtime::component::bindgen!({
    path: "../../../wit",
    world: "springline:runtime/imports",
    inline: "
        package springline:runtime;

        world imports {
            import springline:plugin/types@0.1.0;

            import springline:host/log@0.1.0;
            import springline:host/context@0.1.0;
            import springline:host/files@0.1.0;
            import springline:host/blobs@0.1.0;
            import springline:host/trees@0.1.0;
            import springline:host/directory@0.1.0;
            import springline:host/secrets@0.1.0;

            import wasi:cli/environment@0.2.12;
            import wasi:cli/exit@0.2.12;
            import wasi:cli/stdin@0.2.12;
            import wasi:cli/stdout@0.2.12;
            import wasi:cli/stderr@0.2.12;
            import wasi:cli/terminal-input@0.2.12;
            import wasi:cli/terminal-output@0.2.12;
            import wasi:cli/terminal-stdin@0.2.12;
            import wasi:cli/terminal-stdout@0.2.12;
            import wasi:cli/terminal-stderr@0.2.12;
            import wasi:clocks/monotonic-clock@0.2.12;
            import wasi:clocks/wall-clock@0.2.12;
            import wasi:random/random@0.2.12;
            import wasi:random/insecure@0.2.12;
            import wasi:random/insecure-seed@0.2.12;
            import wasi:filesystem/types@0.2.12;
            import wasi:filesystem/preopens@0.2.12;
        }
    ",
    with: {
        "wasi:io": wasmtime_wasi_io::bindings::wasi::io,
        "wasi:filesystem/types.descriptor": crate::wasi::filesystem::Descriptor,
        "wasi:filesystem/types.directory-entry-stream": crate::wasi::filesystem::Listing,
        "wasi:cli/terminal-input.terminal-input": crate::wasi::cli::Terminal,
        "wasi:cli/terminal-output.terminal-output": crate::wasi::cli::Terminal,
        "springline:host/log.sink": crate::capability::log::Sink,
        "springline:host/blobs.blob": crate::capability::blobs::OpenBlob,
        "springline:host/blobs.writer": crate::capability::blobs::Writer,
    },
    require_store_data_send: true,
    imports: { default: trappable },
    trappable_error_type: {
        "wasi:filesystem/types.error-code" => crate::wasi::filesystem::FsError,
    },
});
