// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <sstream>
#include <string>

#include "transport/fabric/fabric_types.h"

namespace memfabric::transport::test {

inline std::string to_hex(const std::string& bytes) {
    std::string text;
    for (const char byte : bytes) {
        char digits[3];
        std::snprintf(digits, sizeof digits, "%02x", static_cast<unsigned>(static_cast<unsigned char>(byte)));
        text += digits;
    }
    return text;
}

inline std::string from_hex(const std::string& text) {
    std::string bytes;
    for (size_t i = 0; i + 1 < text.size(); i += 2) {
        bytes.push_back(static_cast<char>(std::stoi(text.substr(i, 2), nullptr, 16)));
    }
    return bytes;
}

/// Memory of a process, as a text that it hands to another one.
struct FabricPlace {
    RemoteRegion region;
    FabricAddress address;

    std::string text() const {
        std::ostringstream out;
        out << region.key << ' ' << region.base << ' ' << region.size << ' ' << to_hex(address.encode());
        return out.str();
    }
    static FabricPlace read(const std::string& text) {
        FabricPlace place;
        std::istringstream in(text);
        std::string digits;
        EXPECT_TRUE(in >> place.region.key >> place.region.base >> place.region.size >> digits) << text;
        auto address = FabricAddress::decode(from_hex(digits));
        EXPECT_TRUE(address.is_ok()) << text;
        place.address = address.is_ok() ? *address : FabricAddress();
        return place;
    }
};

}  // namespace memfabric::transport::test
