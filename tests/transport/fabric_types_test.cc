// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/fabric_types.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace memfabric::transport {
namespace {

FabricAddress example() {
    return {
        "tcp;ofi_rxm",
        {{{std::string("\0one", 4), "two"}, "three", "10.0.0.1:4000", false}, {{"four"}, "five", "", true}},
        0x0123456789abcdef,
        "SETTING=1"};
}

bool is_refused(const FabricAddress& address) {
    const auto read = FabricAddress::decode(address.encode());
    return read.status().code() == Code::kInvalidParam;
}

TEST(FabricAddress, IsReadAsItWasWritten) {
    const auto read = FabricAddress::decode(example().encode());
    ASSERT_TRUE(read.is_ok()) << read.status().message();
    EXPECT_EQ(*read, example());
}

TEST(FabricAddress, BytesThatAreNoneAreRefused) {
    const std::string good = example().encode();
    for (size_t size = 0; size < good.size(); ++size) {
        EXPECT_FALSE(FabricAddress::decode(std::string_view(good).substr(0, size)).is_ok()) << size;
    }
    const auto longer = FabricAddress::decode(good + "x");
    EXPECT_EQ(longer.status().code(), Code::kInvalidParam);
    EXPECT_EQ(longer.status().message(),
              std::to_string(good.size() + 1) + " bytes are no address of a fabric peer");
}

TEST(FabricAddress, HasOneTo64EndpointsAndTextsOfAtMost256Bytes) {
    FabricAddress address = example();
    address.ports.front().endpoints.assign(63, std::string(256, 'e'));
    EXPECT_FALSE(is_refused(address)) << "64 with the other port's";
    address.ports.front().endpoints.emplace_back("one more");
    EXPECT_TRUE(is_refused(address));
    address.ports.front().endpoints.clear();
    EXPECT_TRUE(is_refused(address));
    const std::string too_long(257, 'e');
    address.ports.front().endpoints = {"good", too_long};
    EXPECT_TRUE(is_refused(address));
    address = example();
    address.provider = too_long;
    EXPECT_TRUE(is_refused(address));
    address = example();
    address.settings = too_long;
    EXPECT_TRUE(is_refused(address));
    for (std::string FabricPort::*text : {&FabricPort::messages, &FabricPort::door}) {
        address = example();
        address.ports.back().*text = too_long;
        EXPECT_TRUE(is_refused(address));
    }
}

TEST(FabricAddress, HasOneToEightPorts) {
    FabricAddress address = example();
    address.ports.assign(8, example().ports.front());
    EXPECT_FALSE(is_refused(address));
    address.ports.push_back(example().ports.front());
    EXPECT_TRUE(is_refused(address));
    address.ports.clear();
    EXPECT_TRUE(is_refused(address));
}

}  // namespace
}  // namespace memfabric::transport
