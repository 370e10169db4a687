//! Collects the check boxes of Markdown files into one list: `step-checklist` in Zig, without an SDK.

const std = @import("std");
const abi = @import("abi.zig");

const Io = std.Io;
const Allocator = std.mem.Allocator;

const Config = struct {
    title: []const u8,
    exclude: []const []const u8 = &.{},
    script: bool = true,
};

const description: abi.Description = .{
    .name = .of("step-checklist"),
    .version = .of("0.1.0"),
    .summary = .of("Collects the check boxes of Markdown files into one list."),
    .kind = 0,
    .config_schema = .of(
        \\{"type":"object","properties":{"title":{"type":"string"},
        \\"exclude":{"type":"array","items":{"type":"string"},"default":[]},
        \\"script":{"type":"boolean","default":true}},"required":["title"],"additionalProperties":false}
    ),
    .capabilities = .of(&.{}),
};

export fn @"springline:plugin/describe@0.1.0#describe"() *const abi.Description {
    return &description;
}

var outcome: abi.Outcome = undefined;

export fn @"springline:plugin/build-step@0.1.0#run"(config: [*]const u8, size: usize) *const abi.Outcome {
    var step: Step = .{};
    outcome = if (step.run(config[0..size])) |summary|
        .done(summary)
    else |err| switch (err) {
        error.Invalid => .invalid(step.violations.items),
        else => .failed(@errorName(err)),
    };
    return &outcome;
}

/// One call. Every call gets a fresh instance, so nothing is ever freed.
const Step = struct {
    gpa: Allocator = std.heap.wasm_allocator,
    io: Io = Io.Threaded.global_single_threaded.io(),
    in: Io.Dir = undefined,
    out: Io.Dir = undefined,
    log: abi.Sink = undefined,
    violations: std.ArrayList(abi.Violation) = .empty,
    items: std.ArrayList(u8) = .empty,
    count: usize = 0,
    done: usize = 0,

    fn run(step: *Step, config_text: []const u8) ![]const u8 {
        const preopens = try std.process.Preopens.init(step.gpa);
        step.in = (preopens.get("/in") orelse return error.NoInput).dir;
        step.out = (preopens.get("/out") orelse return error.NoOutput).dir;
        step.log = .open("checklist");

        const config = try std.json.parseFromSliceLeaky(Config, step.gpa, config_text, .{});
        for (try step.paths(config)) |path| try step.read(path);
        if (step.violations.items.len > 0) return error.Invalid;
        if (step.count == 0) step.log.write(.warn, "no items");
        const summary = try step.print("{d} of {d} done", .{ step.done, step.count });
        try step.write("checklist.txt", try step.print("{s} ({s})\n{s}{s}\n", .{
            config.title, abi.context.name(), step.items.items, summary,
        }));
        if (config.script) {
            try step.write("check.sh", if (step.done < step.count) "#!/bin/sh\nexit 1\n" else "#!/bin/sh\nexit 0\n");
            try abi.files.setExecutable("/out/check.sh");
        }
        return summary;
    }

    /// The Markdown files of the input, sorted by the bytes of their paths.
    fn paths(step: *Step, config: Config) ![]const []const u8 {
        var found: std.ArrayList([]const u8) = .empty;
        var walker = try step.in.walk(step.gpa);
        while (try walker.next(step.io)) |entry| {
            if (entry.kind != .file or !std.mem.endsWith(u8, entry.path, ".md")) continue;
            for (config.exclude) |excluded| {
                if (std.mem.eql(u8, excluded, entry.path)) break;
            } else try found.append(step.gpa, try step.gpa.dupe(u8, entry.path));
        }
        std.mem.sort([]const u8, found.items, {}, isBefore);
        return found.items;
    }

    fn read(step: *Step, path: []const u8) !void {
        step.log.write(.info, try step.print("reading {s}", .{path}));
        const bytes = try step.in.readFileAlloc(step.io, path, step.gpa, .unlimited);
        if (!std.unicode.utf8ValidateSlice(bytes)) return step.violate(path, null, "not UTF-8");
        var lines = std.mem.splitScalar(u8, bytes, '\n');
        var number: u32 = 1;
        while (lines.next()) |line| : (number += 1) {
            const end = if (std.mem.endsWith(u8, line, "\r")) line.len - 1 else line.len;
            try step.readLine(path, number, line[0..end]);
        }
        try step.keep(path, bytes);
    }

    fn readLine(step: *Step, path: []const u8, number: u32, line: []const u8) !void {
        const shape = std.mem.trimStart(u8, line, " \t");
        if (!std.mem.startsWith(u8, shape, "- [") or shape.len < 4) return;
        const mark = shape[3..][0..try std.unicode.utf8ByteSequenceLength(shape[3])];
        const rest = shape[3 + mark.len ..];
        if (!std.mem.startsWith(u8, rest, "] ")) return;
        const is_done = std.ascii.eqlIgnoreCase(mark, "x");
        if (!is_done and !std.mem.eql(u8, mark, " ")) {
            return step.violate(path, number, try step.print("unknown mark `{s}`: use `[ ]` or `[x]`", .{mark}));
        }
        const text = std.mem.trimEnd(u8, rest[2..], " \t");
        const box = if (is_done) "[x]" else "[ ]";
        try step.items.appendSlice(step.gpa, try step.print("{s} {s}:{d} {s}\n", .{ box, path, number, text }));
        step.count += 1;
        step.done += @intFromBool(is_done);
    }

    /// Copies a file below `sources`, its executable bit kept.
    fn keep(step: *Step, path: []const u8, bytes: []const u8) !void {
        const copy = try step.print("sources/{s}", .{path});
        try step.out.createDirPath(step.io, std.fs.path.dirname(copy).?);
        try step.write(copy, bytes);
        if (try abi.files.isExecutable(try step.print("/in/{s}", .{path}))) {
            try abi.files.setExecutable(try step.print("/out/{s}", .{copy}));
        }
    }

    fn violate(step: *Step, path: []const u8, line: ?u32, message: []const u8) !void {
        try step.violations.append(step.gpa, .{
            .message = .of(message),
            .file = .of(.of(path)),
            .line = .of(line),
            .pointer = .of(null),
        });
    }

    fn write(step: *Step, path: []const u8, bytes: []const u8) !void {
        try step.out.writeFile(step.io, .{ .sub_path = path, .data = bytes });
    }

    fn print(step: *Step, comptime format: []const u8, arguments: anytype) ![]const u8 {
        return std.fmt.allocPrint(step.gpa, format, arguments);
    }
};

fn isBefore(_: void, left: []const u8, right: []const u8) bool {
    return std.mem.lessThan(u8, left, right);
}
