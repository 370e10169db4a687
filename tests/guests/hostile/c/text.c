// Text that is too long, that is none, or that a terminal would obey. `count` is a length in MiB.
#include "host.h"

// Everything that a terminal or a line of a log could be fooled with.
static const char poison[] =
    "\x1b[2J\x1b[31mred\x1b]8;;https://example.org/\x1b\\click\x1b]8;;\x1b\\ \x1b]0;title\x07\x1b]52;c;cGF3bmVk\x07"
    "over\rwritten\b\b\x7f \xc2\x9b" "31m c1 \xe2\x80\xae" "reversed\xe2\x80\xac \xe2\x81\xa6isolated\xe2\x81\xa9 "
    "\xd8\x9cmark \xe2\x80\xa8separated\xe2\x80\xa9 \xc2\x85next";
static const char lines[] = "first\nerror: forged line\r\n2026-01-01 INFO forged";

static char *many(u64 mib, char byte) {
    char *text = allocate((u32)(mib << 20));
    memset(text, byte, mib << 20);
    return text;
}

// Ends the call with so much text that it says.
static void say(Call *call, int as_error) {
    call->text = many(call->count, 'x');
    call->length = (u32)(call->count << 20);
    call->failed = as_error;
}

static void flood_log(Call *call) {
    u32 sink = sink_new(TEXT("flood"));
    for (u64 done = 0; !call->count || done < call->count; done++)
        sink_write(sink, INFO, TEXT("a line of a great many, none of which says anything"));
    finish(call, "flooded");
}

static void log_poison(Call *call) {
    u32 sink = sink_new(TEXT("\x1b[2Jtopic\nof its own\r"));
    sink_write(sink, INFO, TEXT(poison));
    sink_write(sink, INFO, TEXT(lines));
    sink_write(sink, INFO, "nul\0nul", 7);
    Result result;
    output_write(get_stdout(), TEXT(poison), &result);
    output_write(get_stdout(), TEXT("\n\xff\xfe\xed\xa0\x80 no text\n"), &result);
    finish(call, poison);
}

int attack_text(const char *name, u32 length, Call *call) {
    u32 sink = sink_new(0, 0);
    if (equal(name, "log-long", length)) {
        sink_write(sink, INFO, many(call->count, 'x'), (u32)(call->count << 20));
        finish(call, "logged");
    } else if (equal(name, "log-breaks", length)) {
        sink_write(sink, INFO, many(call->count, '\n'), (u32)(call->count << 20));
        finish(call, "logged");
    } else if (equal(name, "topic-long", length)) {
        sink = sink_new(many(call->count, 't'), (u32)(call->count << 20));
        sink_write(sink, INFO, TEXT("short"));
        finish(call, "logged");
    } else if (equal(name, "log-flood", length))
        flood_log(call);
    else if (equal(name, "log-poison", length))
        log_poison(call);
    else if (equal(name, "fail-poison", length))
        fail(call, poison);
    else if (equal(name, "log-no-text", length)) {
        sink_write(sink, INFO, TEXT("\xff\xfe"));
        finish(call, "logged what is no text");
    } else if (equal(name, "log-surrogate", length)) {
        sink_write(sink, INFO, TEXT("\xed\xa0\x80"));
        finish(call, "logged half a character");
    } else if (equal(name, "log-beyond", length)) {
        sink_write(sink, INFO, (void *)0x10, 0xffffffff);
        finish(call, "logged what is not there");
    } else if (equal(name, "return-beyond", length)) {
        call->text = (void *)0xfffffff0;
        call->length = 0x1000;
    } else if (equal(name, "summary-long", length))
        say(call, 0);
    else if (equal(name, "error-long", length))
        say(call, 1);
    else
        return 0;
    return 1;
}
