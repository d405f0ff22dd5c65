// SPDX-License-Identifier: Apache-2.0
#include "runtime/member_entry.h"

#include "store/wire.h"

namespace memfabric {
namespace {

/// Addresses of 64 endpoints of the longest kind have half of it.
constexpr size_t kLongestAddress = size_t{32} << 10;

}  // namespace

template <>
struct store::Fields<MemberEntry> {
    static auto of(auto& m) { return std::tie(m.address, m.region.key, m.region.base, m.region.size); }
};

std::string encode_entry(const MemberEntry& entry) {
    return store::encode(entry);
}

Result<MemberEntry> decode_entry(std::string_view payload) {
    MF_ASSIGN_OR_RETURN(MemberEntry entry, store::decode<MemberEntry>(payload));
    if (entry.address.size() > kLongestAddress) {
        return failure(Code::kInvalidParam, "an address of {} bytes is none", entry.address.size());
    }
    return entry;
}

}  // namespace memfabric
