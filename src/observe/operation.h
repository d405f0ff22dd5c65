// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace memfabric::observe {

/// What is counted. The numbers are those of one build: readers compare the layout's version.
enum class Operation : uint8_t {
    kOther,  // of peers for which the table had no room
    kBmPut,
    kBmGet,
    kBmLocal,  // neither side is another rank's
    kShmPut,
    kShmGet,
    kShmAtomic,
    kTransWrite,
    kTransRead,
    kShmemPut,
    kShmemGet,
    kShmemAtomic,
    kFabricPut,
    kFabricGet,
    kFabricAtomic,
    kFabricRequest,
    kStoreRequest,
    kStoreWait,  // requests that are answered when other processes have done something
    kCount
};

/// How bytes move. kMapped: by loads and stores of this process, without the kernel.
enum class Path : uint8_t { kNone, kMapped, kAttach, kStaging, kFabric, kStore, kCount };

inline constexpr size_t kOperations = static_cast<size_t>(Operation::kCount);
inline constexpr size_t kPaths = static_cast<size_t>(Path::kCount);

/// "bm.put".
std::string_view name_of(Operation operation);
/// "mapped"; "-" where there is none.
std::string_view name_of(Path path);

}  // namespace memfabric::observe
