// SPDX-License-Identifier: Apache-2.0
#include "trans/remote_messages.h"

#include <gtest/gtest.h>

#include <random>

namespace memfabric::trans {
namespace {

RegionsRequest example_request() {
    return {.target = 7,
            .from = {.instance = 8, .address = "fabric address", .service = 65536, .name = "session x"},
            .ranges = {{0x1000, 10}, {0x2000, 20}}};
}

RegionsAnswer example_answer() {
    RegionsAnswer answer;
    answer.outcome = RegionsOutcome::kCovered;
    answer.regions = {{{0x1000, 0x100}, {11, 0, 0x100}}, {{0x2000, 0x200}, {12, 0x2000, 0x200}}};
    return answer;
}

TEST(RemoteMessages, RequestForRegionsComesBackAsItWas) {
    const RemoteRequest request = decode_request(encode(example_request())).value();
    const auto& regions = std::get<RegionsRequest>(request);
    EXPECT_EQ(regions.target, 7U);
    EXPECT_EQ(regions.from.instance, 8U);
    EXPECT_EQ(regions.from.address, "fabric address");
    EXPECT_EQ(regions.from.service, 65536U);
    EXPECT_EQ(regions.from.name, "session x");
    EXPECT_EQ(regions.ranges, example_request().ranges);
}

TEST(RemoteMessages, AnswerComesBackAsItWas) {
    const RegionsAnswer answer = decode_regions(encode(example_answer())).value();
    EXPECT_EQ(answer.outcome, RegionsOutcome::kCovered);
    EXPECT_EQ(answer.regions, example_answer().regions);
    RegionsAnswer missing;
    missing.outcome = RegionsOutcome::kMissing;
    missing.missing = {0x3000, 5};
    EXPECT_EQ(decode_regions(encode(missing)).value().missing, missing.missing);
}

TEST(RemoteMessages, RevocationComesBackAsItWas) {
    const RevokeRequest revoke{.target = 1, .initiator = 2, .keys = {3, 4, 5}};
    const RemoteRequest request = decode_request(encode(revoke)).value();
    EXPECT_EQ(std::get<RevokeRequest>(request).target, 1U);
    EXPECT_EQ(std::get<RevokeRequest>(request).initiator, 2U);
    EXPECT_EQ(std::get<RevokeRequest>(request).keys, revoke.keys);
    const RevokeAnswer answer = decode_revoke(encode(RevokeAnswer{.busy = false, .dirty = true})).value();
    EXPECT_FALSE(answer.busy);
    EXPECT_TRUE(answer.dirty);
}

TEST(RemoteMessages, TheLargestOnesFitIntoAMessage) {
    constexpr size_t kLimit = size_t{64} << 10;
    RegionsRequest request = example_request();
    request.from.name = std::string(1024, 'n');
    request.ranges.assign(kMostAsked, {0x1000, 1});
    EXPECT_LE(encode(request).size(), kLimit);
    RegionsAnswer answer = example_answer();
    answer.text = std::string(100000, 't');
    answer.regions.assign(kMostAnswered, answer.regions.front());
    EXPECT_LE(encode(answer).size(), kLimit);
    EXPECT_LE(encode(RevokeRequest{1, 2, std::vector<uint64_t>(kMostRevoked)}).size(), kLimit);
}

TEST(RemoteMessages, WhatMakesNoSenseIsRefused) {
    EXPECT_FALSE(decode_request("").is_ok());
    EXPECT_FALSE(decode_request("\x09").is_ok());
    RegionsRequest request = example_request();
    request.ranges = {{0x1000, 0}};
    EXPECT_EQ(decode_request(encode(request)).status().code(), Code::kRefused);
    request.ranges = {{UINT64_MAX - 5, 10}};
    EXPECT_EQ(decode_request(encode(request)).status().code(), Code::kRefused);
    request = example_request();
    request.from.address = std::string(100000, 'a');
    EXPECT_EQ(decode_request(encode(request)).status().code(), Code::kRefused);
    request = example_request();
    request.ranges.assign(kMostAsked + 1, {0x1000, 1});
    EXPECT_EQ(decode_request(encode(request)).status().code(), Code::kRefused);
    EXPECT_EQ(
        decode_request(encode(RevokeRequest{1, 2, std::vector<uint64_t>(kMostRevoked + 1)})).status().code(),
        Code::kRefused);
    RegionsAnswer answer = example_answer();
    answer.regions.assign(kMostAnswered + 1, answer.regions.front());
    EXPECT_EQ(decode_regions(encode(answer)).status().code(), Code::kRefused);
    answer = example_answer();
    answer.regions.front().region.size = 1;  // less than the range
    EXPECT_EQ(decode_regions(encode(answer)).status().code(), Code::kRefused);
    answer = {};
    answer.outcome = RegionsOutcome::kFailed;  // without a code
    EXPECT_EQ(decode_regions(encode(answer)).status().code(), Code::kRefused);
}

TEST(RemoteMessages, GarbageNeverGetsThroughAsMoreThanItWas) {
    const std::string bytes = encode(example_request());
    for (size_t length = 0; length < bytes.size(); ++length) {
        EXPECT_FALSE(decode_request(bytes.substr(0, length)).is_ok()) << length;
    }
    std::mt19937 random(1);
    for (int round = 0; round < 10000; ++round) {
        std::string broken = encode(example_answer());
        broken[random() % broken.size()] = static_cast<char>(random());
        const Result<RegionsAnswer> answer = decode_regions(broken);
        EXPECT_TRUE(!answer.is_ok() || encode(*answer).size() <= broken.size());
    }
}

}  // namespace
}  // namespace memfabric::trans
