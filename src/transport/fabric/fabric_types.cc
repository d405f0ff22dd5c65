// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/fabric_types.h"

namespace memfabric::transport {
namespace {

constexpr uint64_t kLongestText = 256;  // the longest engine address known is below 100 bytes
constexpr uint64_t kMostEndpoints = 64;

/// Numbers are little-endian, so that hosts of both orders understand each other.
void append_number(std::string& bytes, uint64_t value) {
    for (unsigned shift = 0; shift < 64; shift += 8) {
        bytes.push_back(static_cast<char>(value >> shift));
    }
}

void append_text(std::string& bytes, std::string_view text) {
    append_number(bytes, text.size());
    bytes += text;
}

/// Reads from the front; after the first failure everything else fails too.
class Reader {
 public:
    explicit Reader(std::string_view bytes) : bytes_(bytes) {}

    uint64_t number() {
        const std::string_view taken = take(8);
        uint64_t value = 0;
        for (size_t i = 0; i < taken.size(); ++i) {
            value |= uint64_t{static_cast<unsigned char>(taken[i])} << (8 * i);
        }
        return value;
    }
    std::string text() {
        const uint64_t size = number();
        return size <= kLongestText ? std::string(take(size)) : (good_ = false, std::string());
    }
    bool finished() const { return good_ && bytes_.empty(); }
    bool good() const { return good_; }

 private:
    std::string_view take(size_t size) {
        good_ = good_ && size <= bytes_.size();
        if (!good_) {
            return {};
        }
        const std::string_view taken = bytes_.substr(0, size);
        bytes_.remove_prefix(size);
        return taken;
    }
    std::string_view bytes_;
    bool good_ = true;
};

}  // namespace

std::string FabricAddress::encode() const {
    std::string bytes;
    append_text(bytes, provider);
    append_number(bytes, instance);
    append_number(bytes, endpoints.size());
    for (const std::string& endpoint : endpoints) {
        append_text(bytes, endpoint);
    }
    append_text(bytes, messages);
    append_text(bytes, door);
    return bytes;
}

Result<FabricAddress> FabricAddress::decode(std::string_view bytes) {
    Reader reader(bytes);
    FabricAddress address;
    address.provider = reader.text();
    address.instance = reader.number();
    const uint64_t count = reader.number();
    for (uint64_t i = 0; i < count && count <= kMostEndpoints && reader.good(); ++i) {
        address.endpoints.push_back(reader.text());
    }
    address.messages = reader.text();
    address.door = reader.text();
    if (!reader.finished() || count == 0 || address.endpoints.size() != count) {
        return failure(Code::kInvalidParam, "{} bytes are no address of a fabric peer", bytes.size());
    }
    return address;
}

std::string RemoteRegion::encode() const {
    std::string bytes;
    append_number(bytes, key);
    append_number(bytes, base);
    append_number(bytes, size);
    return bytes;
}

Result<RemoteRegion> RemoteRegion::decode(std::string_view bytes) {
    Reader reader(bytes);
    RemoteRegion region;
    region.key = reader.number();
    region.base = reader.number();
    region.size = reader.number();
    if (!reader.finished()) {
        return failure(Code::kInvalidParam, "{} bytes are no region of a fabric peer", bytes.size());
    }
    return region;
}

}  // namespace memfabric::transport
