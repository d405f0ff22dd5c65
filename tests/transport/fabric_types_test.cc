// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/fabric_types.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace memfabric::transport {
namespace {

FabricAddress example() {
    return {"tcp;ofi_rxm", {std::string("\0one", 4), "two"}, "three", "10.0.0.1:4000", 0x0123456789abcdef};
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
    address.endpoints.assign(64, std::string(256, 'e'));
    EXPECT_FALSE(is_refused(address));
    address.endpoints.emplace_back("one more");
    EXPECT_TRUE(is_refused(address));
    address.endpoints.clear();
    EXPECT_TRUE(is_refused(address));
    const std::string too_long(257, 'e');
    address.endpoints = {"good", too_long};
    EXPECT_TRUE(is_refused(address));
    for (std::string FabricAddress::*text :
         {&FabricAddress::provider, &FabricAddress::messages, &FabricAddress::door}) {
        address = example();
        address.*text = too_long;
        EXPECT_TRUE(is_refused(address));
    }
}

}  // namespace
}  // namespace memfabric::transport
