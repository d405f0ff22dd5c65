// SPDX-License-Identifier: Apache-2.0
// The environment variables of OpenSHMEM that make the library talk. Any value counts, also an empty one.
#include "shmem/announce.h"

#include <cstdio>

#include "base/version.h"
#include "memfabric-shmem/shmem.h"
#include "shmem/environment.h"
#include "shmem/state.h"
#include "smem.h"

namespace memfabric::shmem {
namespace {

constexpr int kDebugLevel = 0;

struct Variable {
    const char* name;
    const char* meaning;
};

constexpr Variable kVariables[] = {
    {"SHMEM_VERSION", "any value: print the library's version at the start"},
    {"SHMEM_INFO", "any value: print this text at the start"},
    {"SHMEM_SYMMETRIC_SIZE",
     "bytes of symmetric heap of each PE: a number, may be a fraction, with K, M, G or T; 1G by default"},
    {"SHMEM_DEBUG", "any value: debugging messages on standard error"},
    {"SMA_SYMMETRIC_SIZE", "the older name of SHMEM_SYMMETRIC_SIZE"},
    {"MF_SHMEM_CHECK", "1: also find PEs and threads that use calls against their rules, at some cost"},
};

bool is_set(const char* name) {
    return environment_variable(name) != nullptr;
}

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
    if (is_set("SHMEM_DEBUG")) {
        smem_set_log_level(kDebugLevel);
    }
}

void announce() {
    if (is_set("SHMEM_DEBUG")) {
        print_layout();
    }
    if (state().me != 0) {
        return;
    }
    if (is_set("SHMEM_VERSION")) {
        print_version();
    }
    if (is_set("SHMEM_INFO")) {
        print_variables();
    }
    std::fflush(stdout);
}

}  // namespace memfabric::shmem
