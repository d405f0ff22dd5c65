// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "transport/fabric/fabric_types.h"

namespace memfabric::transport {

class Transfer;

/// One operation of the engine: a place of an endpoint's window, filled from a transfer. A completion's
/// context is the place's number and generation, never a pointer: the engine reports some failures several
/// times, the last ones after their operation is gone.
struct FabricOperation {
    static constexpr size_t kMostPieces = 16;

    Transfer* transfer = nullptr;  // null where the place is free
    uint64_t generation = 0;
    int failures = 0;  // that were none of the connection
    int error = 0;     // the last one's, of libfabric
    size_t count = 0;
    size_t size = 0;  // bytes of all pieces
    std::array<FabricPiece, kMostPieces> pieces{};
};

}  // namespace memfabric::transport
