// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"
#include "transport/fabric/exposures.h"
#include "transport/fabric/fabric_types.h"

namespace memfabric::transport {

/// kInvalidParam where the size, the alignment or the place inside its region is wrong: found before anything
/// is sent.
Status check_atomic(const RemoteAtomic& atomic, std::string_view peer);

std::string encode_atomic(const RemoteAtomic& atomic);

/// Applies what encode_atomic() made to memory of this process with the CPU's own atomics, so that everybody
/// who maps it sees one order. Gives the value before; of 4 byte operands the upper half is zero.
Result<uint64_t> apply_atomic(const Exposures& exposures, std::string_view encoded);

/// The same on memory of one's own, which is aligned to `size` (4 or 8).
uint64_t apply_atomic_at(std::byte* place, uint32_t size, AtomicKind kind, uint64_t operand,
                         uint64_t comparand);

}  // namespace memfabric::transport
