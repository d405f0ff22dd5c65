// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/fabric_types.h"

#include <algorithm>
#include <utility>

#include "store/wire.h"

namespace memfabric::store {

template <>
struct Fields<transport::FabricAddress> {
    static auto of(auto& m) { return std::tie(m.provider, m.instance, m.endpoints, m.messages, m.door); }
};

}  // namespace memfabric::store

namespace memfabric::transport {
namespace {

constexpr size_t kLongestText = 256;  // the longest engine address known is below 100 bytes
constexpr size_t kMostEndpoints = 64;

bool is_sound(const FabricAddress& address) {
    const auto fits = [](const std::string& text) { return text.size() <= kLongestText; };
    return !address.endpoints.empty() && address.endpoints.size() <= kMostEndpoints &&
           std::ranges::all_of(address.endpoints, fits) && fits(address.provider) && fits(address.messages) &&
           fits(address.door);
}

}  // namespace

std::string FabricAddress::encode() const {
    return store::encode(*this);
}

Result<FabricAddress> FabricAddress::decode(std::string_view bytes) {
    Result<FabricAddress> address = store::decode<FabricAddress>(bytes);
    if (!address.is_ok() || !is_sound(*address)) {
        return failure(Code::kInvalidParam, "{} bytes are no address of a fabric peer", bytes.size());
    }
    return address;
}

}  // namespace memfabric::transport
