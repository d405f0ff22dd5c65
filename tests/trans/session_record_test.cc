// SPDX-License-Identifier: Apache-2.0
#include "trans/session_record.h"

#include <gtest/gtest.h>

#include <random>

namespace memfabric::trans {
namespace {

SessionRecord example() {
    SessionRecord record;
    record.incarnation = {.host_id = "host", .pid = 12, .start_time = 34, .random_id = 56};
    record.instance = 78;
    record.hand_over = "12-0123456789abcdef";
    record.token = "secret";
    record.nonce_address = 0x7f0000001000;
    record.nonce = 90;
    record.fabric = {.address = "fabric address", .service = 65536, .problem = {}};
    return record;
}

TEST(SessionRecord, ComesBackAsItWas) {
    const SessionRecord record = decode_record(encode_record(example())).value();
    EXPECT_EQ(record.incarnation, example().incarnation);
    EXPECT_EQ(record.instance, 78U);
    EXPECT_EQ(record.hand_over, "12-0123456789abcdef");
    EXPECT_EQ(record.token, "secret");
    EXPECT_EQ(record.nonce_address, 0x7f0000001000U);
    EXPECT_EQ(record.nonce, 90U);
    EXPECT_EQ(record.fabric, example().fabric);
}

TEST(SessionRecord, SaysWhetherItIsKnownHowOtherHostsReachIt) {
    EXPECT_TRUE(example().fabric.is_known());
    EXPECT_TRUE((FabricReach{.address = {}, .service = 0, .problem = "MF_FABRIC is off"}).is_known());
    EXPECT_FALSE(FabricReach{}.is_known());
}

TEST(SessionRecord, GarbageIsRefused) {
    const std::string bytes = encode_record(example());
    for (size_t length = 0; length < bytes.size(); ++length) {
        EXPECT_FALSE(decode_record(bytes.substr(0, length)).is_ok()) << length;
    }
    EXPECT_FALSE(decode_record(bytes + "x").is_ok());
    std::mt19937 random(1);
    for (int round = 0; round < 10000; ++round) {
        std::string broken = bytes;
        broken[random() % broken.size()] = static_cast<char>(random());
        const Result<SessionRecord> record = decode_record(broken);
        // Either it is refused or it is another record, and never more than it was.
        EXPECT_TRUE(!record.is_ok() || encode_record(*record).size() == bytes.size());
    }
}

TEST(SessionRecord, ObjectsOfDifferentLivesHaveDifferentNames) {
    SessionRecord next = example();
    next.instance = 79;
    EXPECT_NE(next.table_object(), example().table_object());
    EXPECT_NE(next.table_object(), next.flights_object());
    EXPECT_NE(next.segment_object(1), next.segment_object(2));
}

}  // namespace
}  // namespace memfabric::trans
