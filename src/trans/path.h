// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/deadline.h"
#include "base/status.h"
#include "copy/engine.h"

namespace memfabric::trans {

enum class Direction : uint8_t { kWrite, kRead };

/// How bytes get to a peer's memory; also what option MF_TRANS_PATH forces, in the order of its words.
enum class PathChoice : uint8_t {
    kAuto,     // mapped where the library allocated the memory, else attach, else staging
    kMapped,   // copied directly; memory that the program allocated itself is refused
    kAttach,   // cross-memory attach for everything
    kStaging,  // the target copies out of or into a shared ring
    kFabric,   // as between hosts, also where both are on one
};

/// A way to memory of a peer that is not mapped here.
class PeerPath {
 public:
    virtual ~PeerPath() = default;
    virtual PathChoice kind() const = 0;
    /// Moves every byte before it returns success. The remote addresses (destinations of a write, sources of
    /// a read) are the peer's, and were checked against its table. kPeerLost: the peer is gone.
    virtual Status move(Direction direction, std::span<const copy::Piece> pieces, Deadline deadline) = 0;
};

}  // namespace memfabric::trans
