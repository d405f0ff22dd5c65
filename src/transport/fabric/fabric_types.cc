// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/fabric_types.h"

#include <algorithm>
#include <utility>

#include "store/wire.h"

namespace memfabric::store {

template <>
struct Fields<transport::FabricPort> {
    static auto of(auto& m) { return std::tie(m.endpoints, m.messages, m.door, m.standby); }
};

template <>
struct Fields<transport::FabricAddress> {
    static auto of(auto& m) { return std::tie(m.provider, m.instance, m.ports, m.settings); }
};

}  // namespace memfabric::store

namespace memfabric::transport {
namespace {

constexpr size_t kLongestText = 256;  // the longest engine address known is below 100 bytes

bool fits(const std::string& text) {
    return text.size() <= kLongestText;
}

bool is_sound(const FabricPort& port) {
    return !port.endpoints.empty() && port.endpoints.size() <= FabricAddress::kMostEndpoints &&
           std::ranges::all_of(port.endpoints, fits) && fits(port.messages) && fits(port.door);
}

bool is_sound(const FabricAddress& address) {
    return !address.ports.empty() && address.ports.size() <= FabricAddress::kMostPorts &&
           fits(address.provider) && fits(address.settings) &&
           std::ranges::all_of(address.ports, [](const FabricPort& port) { return is_sound(port); }) &&
           address.endpoints().size() <= FabricAddress::kMostEndpoints;
}

}  // namespace

std::vector<std::string> FabricAddress::endpoints() const {
    std::vector<std::string> all;
    for (const FabricPort& port : ports) {
        all.insert(all.end(), port.endpoints.begin(), port.endpoints.end());
    }
    return all;
}

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
