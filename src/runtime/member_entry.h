// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"
#include "transport/fabric/fabric_types.h"

namespace memfabric {

/// What a rank says of itself when it enters an object's group: how other hosts reach its region.
struct MemberEntry {
    std::string address;  // as RemoteMemory::own_address
    transport::RemoteRegion region;
    bool operator==(const MemberEntry&) const = default;
};

std::string encode_entry(const MemberEntry& entry);
/// Of whatever a member of the group sent: trusts nothing in it.
Result<MemberEntry> decode_entry(std::string_view payload);

}  // namespace memfabric
