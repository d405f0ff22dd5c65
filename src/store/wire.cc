// SPDX-License-Identifier: Apache-2.0
#include "store/wire.h"

#include <algorithm>
#include <cctype>

namespace memfabric::store {
namespace {

void store_number(char* target, uint64_t value, size_t width) {
    for (size_t i = 0; i < width; ++i) {
        target[i] = static_cast<char>(value >> (8 * i));
    }
}

uint64_t load_number(const char* source, size_t width) {
    uint64_t value = 0;
    for (size_t i = 0; i < width; ++i) {
        value |= uint64_t{static_cast<unsigned char>(source[i])} << (8 * i);
    }
    return value;
}

}  // namespace

HeaderBytes encode_header(const Header& header) {
    HeaderBytes bytes{};
    store_number(bytes.data(), kWireMagic, 4);
    store_number(bytes.data() + 4, kWireVersion, 2);
    store_number(bytes.data() + 6, static_cast<uint16_t>(header.operation), 2);
    store_number(bytes.data() + 8, header.length, 4);
    store_number(bytes.data() + 16, header.request, 8);
    store_number(bytes.data() + 24, header.acknowledged, 8);
    store_number(bytes.data() + 32, header.events_seen, 8);
    return bytes;
}

Result<Header> decode_header(std::string_view bytes, uint64_t max_length) {
    if (bytes.size() < kHeaderSize || load_number(bytes.data(), 4) != kWireMagic) {
        return failure(Code::kStoreInvalidMessage, "no message of a config store: {}",
                       describe_foreign_bytes(bytes));
    }
    const uint64_t version = load_number(bytes.data() + 4, 2);
    if (version != kWireVersion) {
        return failure(Code::kStoreInvalidMessage,
                       "the other side speaks version {} of the store's protocol, this one version {}: use "
                       "the same release on "
                       "both sides",
                       version, kWireVersion);
    }
    Header header;
    header.operation = static_cast<Operation>(load_number(bytes.data() + 6, 2));
    header.length = static_cast<uint32_t>(load_number(bytes.data() + 8, 4));
    header.request = load_number(bytes.data() + 16, 8);
    header.acknowledged = load_number(bytes.data() + 24, 8);
    header.events_seen = load_number(bytes.data() + 32, 8);
    if (load_number(bytes.data() + 12, 4) != 0) {
        return failure(Code::kStoreInvalidMessage, "a reserved field of a message's header is not zero");
    }
    if (header.length > max_length) {
        return failure(Code::kStoreInvalidMessage,
                       "a message of {} bytes was announced, at most {} are taken", header.length,
                       max_length);
    }
    return header;
}

std::string describe_foreign_bytes(std::string_view bytes) {
    if (bytes.size() >= 2 && bytes[0] == 0x16 && bytes[1] == 0x03) {
        return "it speaks TLS";
    }
    for (const std::string_view word : {"HTTP/", "GET ", "POST ", "HEAD ", "PUT ", "OPTIONS ", "CONNECT "}) {
        if (bytes.starts_with(word)) {
            return "it speaks HTTP";
        }
    }
    if (bytes.starts_with("SSH-")) {
        return "it speaks SSH";
    }
    std::string shown(bytes.substr(0, 16));
    std::replace_if(
        shown.begin(), shown.end(), [](unsigned char c) { return std::isprint(c) == 0; }, '.');
    return fmt::format("it sent '{}'", shown);
}

void Writer::number(uint64_t value, size_t width) {
    char bytes[8];
    store_number(bytes, value, width);
    bytes_.append(bytes, width);
}

void Writer::put(std::string_view value) {
    number(value.size(), 4);
    bytes_.append(value);
}

uint64_t Reader::number(size_t width) {
    if (failed_ || rest_.size() < width) {
        failed_ = true;
        return 0;
    }
    const uint64_t value = load_number(rest_.data(), width);
    rest_.remove_prefix(width);
    return value;
}

void Reader::get(bool& value) {
    const uint64_t byte = number(1);
    failed_ = failed_ || byte > 1;
    value = byte == 1 && !failed_;
}

void Reader::get(std::string_view& value) {
    const uint64_t length = number(4);
    if (failed_ || length > rest_.size()) {
        failed_ = true;
        value = {};
        return;
    }
    value = rest_.substr(0, length);
    rest_.remove_prefix(length);
}

void Reader::get(std::string& value) {
    std::string_view view;
    get(view);
    value.assign(view);
}

Status Reader::finish() const {
    if (failed_) {
        return failure(Code::kStoreInvalidMessage,
                       "a field of a message of the store's protocol does not fit into its body");
    }
    if (!rest_.empty()) {
        return failure(Code::kStoreInvalidMessage,
                       "a message of the store's protocol has {} bytes behind its last field", rest_.size());
    }
    return {};
}

}  // namespace memfabric::store
