// SPDX-License-Identifier: Apache-2.0
// The environment variables of OpenSHMEM that make the library talk. Any value counts, also an empty one.
#include "shmem/announce.h"

#include <cstdio>

#include "base/environment.h"
#include "base/version.h"
#include "memfabric-shmem/shmem.h"
#include "shmem/state.h"
#include "smem.h"

namespace memfabric::shmem {
namespace {

constexpr int kDebugLevel = 0;

struct Variable {
    const char* name;
    const char* meaning;
};

/// Under the name that it has had since OpenSHMEM 1.4, and under the older one.
struct Switch {
    const char* name;
    const char* older_name;

    bool is_on() const {
        return environment_variable(name) != nullptr || environment_variable(older_name) != nullptr;
    }
};

constexpr Switch kVersionSwitch{"SHMEM_VERSION", "SMA_VERSION"};
constexpr Switch kInfoSwitch{"SHMEM_INFO", "SMA_INFO"};
constexpr Switch kDebugSwitch{"SHMEM_DEBUG", "SMA_DEBUG"};

constexpr Variable kVariables[] = {
    {"SHMEM_VERSION", "any value: print the library's version at the start"},
    {"SHMEM_INFO", "any value: print this text at the start"},
    {"SHMEM_SYMMETRIC_SIZE",
     "bytes of symmetric heap of each PE: a number, may be a fraction, with K, M, G or T; 1G by default"},
    {"SHMEM_DEBUG", "any value: debugging messages on standard error"},
    {"SMA_VERSION", "the older name of SHMEM_VERSION"},
    {"SMA_INFO", "the older name of SHMEM_INFO"},
    {"SMA_SYMMETRIC_SIZE", "the older name of SHMEM_SYMMETRIC_SIZE"},
    {"SMA_DEBUG", "the older name of SHMEM_DEBUG"},
    {"MF_SHMEM_CHECK", "1: also find PEs and threads that use calls against their rules, at some cost"},
};

void print_version() {
    std::printf("%s %s, OpenSHMEM %d.%d\n", SHMEM_VENDOR_STRING, kVersion, SHMEM_MAJOR_VERSION,
                SHMEM_MINOR_VERSION);
}

void print_variables() {
    std::printf("Environment variables of %s:\n", SHMEM_VENDOR_STRING);
    for (const Variable& variable : kVariables) {
        const char* value = environment_variable(variable.name);
        std::printf("  %-21s %s (%s%s)\n", variable.name, variable.meaning,
                    value == nullptr ? "not set" : "set to ", value == nullptr ? "" : value);
    }
    std::printf("All others: mf options\n");
}

void print_layout() {
    const State& now = state();
    std::fprintf(stderr, "SHMEM PE %d of %d: heap %#llx + %llu bytes, static data %#llx + %llu bytes\n",
                 now.me, now.pes, static_cast<unsigned long long>(now.heap_begin),
                 static_cast<unsigned long long>(now.heap_size),
                 static_cast<unsigned long long>(now.all_statics.begin),
                 static_cast<unsigned long long>(now.all_statics.size));
}

}  // namespace

void follow_debug_variable() {
    if (kDebugSwitch.is_on()) {
        smem_set_log_level(kDebugLevel);
    }
}

void announce() {
    if (kDebugSwitch.is_on()) {
        print_layout();
    }
    if (state().me != 0) {
        return;
    }
    if (kVersionSwitch.is_on()) {
        print_version();
    }
    if (kInfoSwitch.is_on()) {
        print_variables();
    }
    std::fflush(stdout);
}

}  // namespace memfabric::shmem
