// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/message_format.h"

#include <endian.h>

#include <cstring>

#include "transport/fabric/engine_endpoint.h"

namespace memfabric::transport {
namespace {

constexpr uint32_t kMagic = 0x314d464d;  // "MFM1"

/// As it lies on the wire, every number little-endian.
struct Header {
    uint32_t magic;
    uint16_t type;
    uint16_t address_size;
    uint32_t service;
    uint32_t code;
    uint64_t id;
    uint64_t oldest;
    uint64_t from;
    uint64_t to;
};
static_assert(sizeof(Header) == 48);

}  // namespace

size_t Message::encoded_size() const {
    return sizeof(Header) + reply_to.size() + payload.size();
}

void Message::encode(std::byte* place) const {
    const Header header{htole32(kMagic),
                        htole16(static_cast<uint16_t>(type)),
                        htole16(static_cast<uint16_t>(reply_to.size())),
                        htole32(service),
                        htole32(static_cast<uint32_t>(code)),
                        htole64(id),
                        htole64(oldest),
                        htole64(from),
                        htole64(to)};
    std::memcpy(place, &header, sizeof header);
    place += sizeof header;
    if (!reply_to.empty()) {
        std::memcpy(place, reply_to.data(), reply_to.size());
    }
    if (!payload.empty()) {
        std::memcpy(place + reply_to.size(), payload.data(), payload.size());
    }
}

Result<Message> Message::decode(std::string_view bytes) {
    Header header{};
    if (bytes.size() < sizeof header) {
        return failure(Code::kInvalidParam, "{} bytes are no message of a fabric peer", bytes.size());
    }
    std::memcpy(&header, bytes.data(), sizeof header);
    bytes.remove_prefix(sizeof header);
    const size_t address_size = le16toh(header.address_size);
    const auto type = static_cast<MessageType>(le16toh(header.type));
    const bool known = type == MessageType::kRequest || type == MessageType::kAnswer;
    if (le32toh(header.magic) != kMagic || !known || address_size > kLongestEngineAddress ||
        address_size > bytes.size() || bytes.size() - address_size > kLargestPayload) {
        return failure(Code::kInvalidParam, "{} bytes are no message of a fabric peer", bytes.size());
    }
    Message message;
    message.type = type;
    message.service = le32toh(header.service);
    message.code = static_cast<Code>(static_cast<int32_t>(le32toh(header.code)));
    message.id = le64toh(header.id);
    message.oldest = le64toh(header.oldest);
    message.from = le64toh(header.from);
    message.to = le64toh(header.to);
    message.reply_to = bytes.substr(0, address_size);
    message.payload = bytes.substr(address_size);
    return message;
}

}  // namespace memfabric::transport
