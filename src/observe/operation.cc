// SPDX-License-Identifier: Apache-2.0
#include "observe/operation.h"

#include <array>

namespace memfabric::observe {
namespace {

constexpr std::array<std::string_view, kOperations> kOperationNames = {
    "other",      "bm.put",      "bm.get",        "bm.local",       "shm.put",       "shm.get",
    "shm.atomic", "trans.write", "trans.read",    "shmem.put",      "shmem.get",     "shmem.atomic",
    "fabric.put", "fabric.get",  "fabric.atomic", "fabric.request", "store.request", "store.wait"};
constexpr std::array<std::string_view, kPaths> kPathNames = {"-",       "mapped", "attach",
                                                             "staging", "fabric", "store"};
static_assert(!kOperationNames.back().empty() && !kPathNames.back().empty(), "each has a name");

}  // namespace

std::string_view name_of(Operation operation) {
    return kOperationNames.at(static_cast<size_t>(operation));
}

std::string_view name_of(Path path) {
    return kPathNames.at(static_cast<size_t>(path));
}

}  // namespace memfabric::observe
