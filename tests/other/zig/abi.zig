//! The part of the contract that the plugin uses, by the canonical ABI: what the WIT of
//! `springline:host` and `springline:plugin` comes to in a core module.

const std = @import("std");

/// A list, and so a string: `list<T>`, `string`.
pub fn List(comptime T: type) type {
    return extern struct {
        ptr: [*]const T,
        len: usize,

        pub fn of(items: []const T) @This() {
            return .{ .ptr = items.ptr, .len = items.len };
        }
        pub fn slice(list: @This()) []const T {
            return list.ptr[0..list.len];
        }
    };
}
pub const String = List(u8);

pub fn Option(comptime T: type) type {
    return extern struct {
        is_some: u8 = 0,
        value: T = undefined,

        pub fn of(value: ?T) @This() {
            return if (value) |some| .{ .is_some = 1, .value = some } else .{};
        }
    };
}

pub const Capability = extern struct { name: String, reason: String };

pub const Description = extern struct {
    name: String,
    version: String,
    summary: String,
    kind: u8,
    config_schema: String,
    capabilities: List(Capability),
};

pub const Violation = extern struct {
    message: String,
    file: Option(String),
    line: Option(u32),
    pointer: Option(String),
};

/// `result<outputs, error>`: its cases are told apart by `is_err` and `case`. What they carry is
/// aligned to 8 bytes, as one case of the error has a u64 in it.
pub const Outcome = extern struct {
    is_err: u8,
    of: extern union {
        summary: String align(8),
        failure: extern struct {
            case: u8,
            of: extern union {
                violations: List(Violation) align(8),
                message: String,
            },
        },
    },

    pub fn done(summary: []const u8) Outcome {
        return .{ .is_err = 0, .of = .{ .summary = .of(summary) } };
    }
    pub fn invalid(violations: []const Violation) Outcome {
        return .{ .is_err = 1, .of = .{ .failure = .{ .case = 0, .of = .{ .violations = .of(violations) } } } };
    }
    pub fn failed(message: []const u8) Outcome {
        return .{ .is_err = 1, .of = .{ .failure = .{ .case = 4, .of = .{ .message = .of(message) } } } };
    }
};

comptime {
    std.debug.assert(@sizeOf(Description) == 44 and @sizeOf(Violation) == 40);
    std.debug.assert(@offsetOf(Outcome, "of") == 8);
}

pub const Level = enum(i32) { debug, info, warn, @"error" };

/// `springline:host/log`.
pub const Sink = struct {
    handle: i32,

    extern "springline:host/log@0.1.0" fn @"[constructor]sink"(ptr: [*]const u8, len: usize) i32;
    extern "springline:host/log@0.1.0" fn @"[method]sink.write"(self: i32, level: i32, ptr: [*]const u8, len: usize) void;

    pub fn open(topic: []const u8) Sink {
        return .{ .handle = @"[constructor]sink"(topic.ptr, topic.len) };
    }
    pub fn write(sink: Sink, level: Level, line: []const u8) void {
        @"[method]sink.write"(sink.handle, @backingInt(level), line.ptr, line.len);
    }
};

/// `springline:host/context`.
pub const context = struct {
    extern "springline:host/context@0.1.0" fn application(ret: *String) void;

    pub fn name() []const u8 {
        var string: String = undefined;
        application(&string);
        return string.slice();
    }
};

/// `springline:host/files`.
pub const files = struct {
    const Mode = extern struct { is_err: u8, value: u8 };

    extern "springline:host/files@0.1.0" fn @"is-executable"(ptr: [*]const u8, len: usize, ret: *Mode) void;
    extern "springline:host/files@0.1.0" fn @"set-executable"(ptr: [*]const u8, len: usize, executable: i32, ret: *Mode) void;

    pub fn isExecutable(path: []const u8) !bool {
        var mode: Mode = undefined;
        @"is-executable"(path.ptr, path.len, &mode);
        return if (mode.is_err == 0) mode.value == 1 else error.NoMode;
    }
    pub fn setExecutable(path: []const u8) !void {
        var mode: Mode = undefined;
        @"set-executable"(path.ptr, path.len, 1, &mode);
        if (mode.is_err != 0) return error.NoMode;
    }
};

/// Where the host puts what it gives us. Nothing is freed: every call gets a fresh instance.
export fn cabi_realloc(old: ?[*]u8, old_size: usize, alignment: usize, new_size: usize) ?[*]u8 {
    const new = std.heap.wasm_allocator.rawAlloc(new_size, .fromByteUnits(alignment), 0) orelse @panic("out of memory");
    if (old) |from| @memcpy(new[0..@min(old_size, new_size)], from[0..@min(old_size, new_size)]);
    return new;
}
