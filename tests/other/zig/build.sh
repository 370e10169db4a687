#!/bin/sh
# Makes the core module; `springline plugin build` adds the world's type and makes it a component.
# Zig is the program that ZIG names, else `zig`, else the one of PyPI's package ziglang 0.17.1.
set -eu
mkdir -p build
if [ -n "${ZIG:-}" ]; then zig=$ZIG; elif command -v zig >/dev/null; then zig=zig; else zig="python3 -m ziglang"; fi
$zig build-exe plugin.zig -target wasm32-wasi -mexec-model=reactor -fno-entry -rdynamic -O ReleaseSmall \
    --name step-checklist -femit-bin=build/step-checklist.wasm
