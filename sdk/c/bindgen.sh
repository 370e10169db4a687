#!/bin/sh
# Generates src/bindings/ from the contract. Run it after every change to wit/:
#
#     cargo install --locked wit-bindgen-cli@0.63.0 --no-default-features --features c
#     sdk/c/bindgen.sh
#
# The contract is ./wit where the SDK has been vendored, and ../../wit in Springline's repository.
# tests/tests/e2e/sdk_c.rs fails until that has been done.
set -eu

sdk=$(cd "$(dirname "$0")" && pwd)
wit=$sdk/wit
[ -d "$wit" ] || wit=$sdk/../../wit
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The SHA-256 of every `springline` WIT file, each with its path, in the order of the paths.
fingerprint() {
    (
        cd "$wit"
        for file in $(ls *.wit deps/host/*.wit | LC_ALL=C sort); do
            printf '%s\0' "$file"
            cat "$file"
            printf '\0'
        done
    ) | sha256sum | cut -d ' ' -f 1
}

# Imports are generated once, for all kinds; the worlds of the kinds have exports alone. The kinds
# share the names of their types, so that one conversion of errors serves all of them.
cp -r "$wit" "$work/wit"
cat >"$work/wit/sdk-c.wit" <<'END'
world sdk-host {
    import springline:host/log@0.1.0;
    import springline:host/context@0.1.0;
    import springline:host/files@0.1.0;
    import springline:host/blobs@0.1.0;
    import springline:host/trees@0.1.0;
    import springline:host/directory@0.1.0;
    import springline:host/secrets@0.1.0;
}
world sdk-build-step { export describe; export build-step; }
world sdk-renderer { export describe; export renderer; }
world sdk-deploy-target { export describe; export deploy-target; }
END

generate() { # WORLD RENAMED-TO FILE
    wit-bindgen c "$work/wit" --world "$1" --rename-world "$2" --no-object-file --out-dir "$work/$1" >/dev/null
    from=$(echo "$2" | tr - _)
    for extension in c h; do
        {
            echo "// Generated from wit/ by sdk/c/bindgen.sh. wit: $(fingerprint)"
            # What refers to the object with the component's type goes: the build adds the type.
            sed -e '/^\/\/ Ensure that the \*_component_type.o/,$d' -e "s/\"$from\.h\"/\"$3.h\"/" "$work/$1/$from.$extension"
        } >"$sdk/src/bindings/$3.$extension"
    done
}

mkdir -p "$sdk/src/bindings"
generate sdk-host springline-host host
for kind in build-step renderer deploy-target; do
    generate "sdk-$kind" springline-kind "$(echo "$kind" | tr - _)"
done
