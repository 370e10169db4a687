# Builds a Springline plugin in C or C++ (GNU make). The plugin's Makefile sets
#
#     PLUGIN   the plugin's name
#     SOURCES  its .c, .cc and .cpp files
#     TESTS    its unit tests: each a file with main() (optional)
#     SDK      where this file is
#
# and includes this. `make check` runs the unit tests natively; `make module` makes a core module
# for WASI, of which `springline plugin build` makes the component (it runs this Makefile itself).
# For a debugger's sake: `make module DEBUG=1` keeps DWARF.

.DEFAULT_GOAL := module
BUILD ?= build
DEBUG ?=

# ------------------------------------------------------------------------------ the wasm toolchain
# `springline plugin build` says where it found these. By hand: WASI_SDK_PATH is honoured, else the
# newest clang-NN that Debian and Ubuntu have in PATH.

ifneq ($(WASI_SDK_PATH),)
CLANG ?= $(WASI_SDK_PATH)/bin/clang
WASM_LD ?= $(WASI_SDK_PATH)/bin/wasm-ld
WASI_SYSROOT ?= $(WASI_SDK_PATH)/share/wasi-sysroot
endif
NEWEST = $(or $(shell for v in 30 29 28 27 26 25 24 23 22 21 20 19 18 17 16 15; do \
    command -v $(1)-$$v && break; done),$(1))
CLANG ?= $(call NEWEST,clang)
WASM_LD ?= $(shell command -v $(call NEWEST,wasm-ld))
WASI_SYSROOT ?= /usr
# Both names of the one target are in use; the directory with the C library says which one fits.
WASM_TARGET ?= $(if $(wildcard $(WASI_SYSROOT)/lib/wasm32-wasip1/crt1-reactor.o),wasm32-wasip1,wasm32-wasi)

WASM_OPTIMIZE ?= -Oz
# Paths of this machine stay out of what is made.
WASM_FLAGS = --target=$(WASM_TARGET) --sysroot=$(WASI_SYSROOT) -Wno-deprecated $(WASM_OPTIMIZE) \
    $(if $(DEBUG),-g,-g0) -ffunction-sections -fdata-sections -fno-exceptions \
    -ffile-prefix-map=$(abspath $(SDK))=springline-sdk -ffile-prefix-map=$(SDK)=springline-sdk \
    -ffile-prefix-map=$(CURDIR)=.
# Names stay in it for backtraces; they are never loaded at run time.
# The stack lies below everything else, so that a recursion without end traps instead of writing over it.
WASM_STACK ?= 1048576
WASM_LINK = -mexec-model=reactor -fuse-ld=$(WASM_LD) -Wl,--gc-sections $(if $(DEBUG),,-Wl,--strip-debug) \
    -Wl,--stack-first -Wl,-z,stack-size=$(WASM_STACK)

# ---------------------------------------------------------------------------------------- sources

WARNINGS ?= -Wall -Wextra
CSTD ?= -std=gnu11
CXXSTD ?= -std=c++20
INCLUDES = -I$(SDK)/include -I.
SDK_SOURCES := $(sort $(wildcard $(SDK)/src/*.c))
SDK_WASM_SOURCES := $(SDK_SOURCES) $(sort $(wildcard $(SDK)/src/export/*.c $(SDK)/src/bindings/host.c))
SDK_FAKE_SOURCES := $(SDK_SOURCES) $(sort $(wildcard $(SDK)/fake/*.c))

# An object for each source, in a directory of its own for each of plugin, SDK, module and test.
objects = $(foreach source,$(2),$(BUILD)/$(1)/$(source).o)
sdk_objects = $(foreach source,$(2),$(BUILD)/$(1)/sdk/$(patsubst $(SDK)/%,%,$(source)).o)

MODULE = $(BUILD)/$(PLUGIN).module.wasm
WASM_OBJECTS = $(call objects,wasm,$(SOURCES))
WASM_SDK_OBJECTS = $(call sdk_objects,wasm,$(SDK_WASM_SOURCES))

.PHONY: module check clean FORCE
module: $(MODULE)

# Other flags, other objects.
FLAGS = $(BUILD)/wasm/flags
WASM_ALL_FLAGS = $(CLANG) $(WASM_FLAGS) $(WASM_LINK) $(CSTD) $(CXXSTD) $(CPPFLAGS)
$(FLAGS): FORCE
	@mkdir -p $(@D)
	@echo '$(WASM_ALL_FLAGS)' | cmp -s - $@ || echo '$(WASM_ALL_FLAGS)' > $@
$(WASM_OBJECTS) $(WASM_SDK_OBJECTS): $(FLAGS)

# Of the SDK only what the plugin's kind uses is linked in, as from a library.
$(MODULE): $(WASM_OBJECTS) $(WASM_SDK_OBJECTS)
	$(CLANG) $(WASM_FLAGS) $(WASM_LINK) -o $@ $(WASM_OBJECTS) \
	    -Wl,--start-lib $(WASM_SDK_OBJECTS) -Wl,--end-lib $(LDLIBS)

$(BUILD)/wasm/sdk/%.c.o: $(SDK)/%.c
	@mkdir -p $(@D)
	$(CLANG) $(WASM_FLAGS) -std=gnu11 -I$(SDK)/include -MMD -MP -c -o $@ $<
$(BUILD)/wasm/%.c.o: %.c
	@mkdir -p $(@D)
	$(CLANG) $(WASM_FLAGS) $(CSTD) $(WARNINGS) $(INCLUDES) $(CPPFLAGS) -MMD -MP -c -o $@ $<
$(BUILD)/wasm/%.cc.o: %.cc
	@mkdir -p $(@D)
	$(CLANG) -x c++ $(WASM_FLAGS) $(CXXSTD) -fno-rtti $(WARNINGS) $(INCLUDES) $(CPPFLAGS) -MMD -MP -c -o $@ $<
$(BUILD)/wasm/%.cpp.o: %.cpp
	@mkdir -p $(@D)
	$(CLANG) -x c++ $(WASM_FLAGS) $(CXXSTD) -fno-rtti $(WARNINGS) $(INCLUDES) $(CPPFLAGS) -MMD -MP -c -o $@ $<

# ------------------------------------------------------------------------------------- unit tests
# Natively, with the fake host in place of the real one.

SANITIZE ?= -fsanitize=address,undefined -fno-sanitize-recover=all
NATIVE_FLAGS = -g -O1 -UNDEBUG $(SANITIZE) -I$(SDK)/fake $(INCLUDES) $(CPPFLAGS)
NATIVE_OBJECTS = $(call objects,native,$(SOURCES))
NATIVE_SDK_OBJECTS = $(call sdk_objects,native,$(SDK_FAKE_SOURCES))
TEST_PROGRAMS = $(foreach test,$(TESTS),$(BUILD)/$(basename $(test)))

ifneq ($(TESTS),)
check: $(TEST_PROGRAMS)
	@set -e; for test in $(TEST_PROGRAMS); do $$test; echo "ok $$(basename $$test)"; done
endif

LINK_NATIVE = $(if $(filter %.cc %.cpp,$(SOURCES) $(TESTS)),$(CXX),$(CC))
$(BUILD)/%: $(BUILD)/native/%.c.o $(NATIVE_OBJECTS) $(NATIVE_SDK_OBJECTS)
	$(LINK_NATIVE) $(SANITIZE) -o $@ $^
$(BUILD)/%: $(BUILD)/native/%.cc.o $(NATIVE_OBJECTS) $(NATIVE_SDK_OBJECTS)
	$(LINK_NATIVE) $(SANITIZE) -o $@ $^

$(BUILD)/native/sdk/%.c.o: $(SDK)/%.c
	@mkdir -p $(@D)
	$(CC) -std=gnu11 $(NATIVE_FLAGS) -MMD -MP -c -o $@ $<
$(BUILD)/native/%.c.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CSTD) $(WARNINGS) $(NATIVE_FLAGS) -MMD -MP -c -o $@ $<
$(BUILD)/native/%.cc.o: %.cc
	@mkdir -p $(@D)
	$(CXX) $(CXXSTD) $(WARNINGS) $(NATIVE_FLAGS) -MMD -MP -c -o $@ $<
$(BUILD)/native/%.cpp.o: %.cpp
	@mkdir -p $(@D)
	$(CXX) $(CXXSTD) $(WARNINGS) $(NATIVE_FLAGS) -MMD -MP -c -o $@ $<

clean:
	rm -rf $(BUILD)

.SECONDARY:
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
