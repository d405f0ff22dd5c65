// SPDX-License-Identifier: Apache-2.0
#include "runtime/process_directory.h"

#include <gtest/gtest.h>

#include "tests/store/store_fixture.h"

namespace memfabric {
namespace {

using store::test::soon;
using store::test::status_of;

class ProcessDirectory : public testing::Test {
 protected:
    std::vector<ProcessRecord> listed(store::Client& client) {
        auto records = list_processes(client, soon());
        EXPECT_TRUE(records.is_ok()) << records.status().message();
        return std::move(records).value();
    }

    std::unique_ptr<store::Server> server_ = store::test::start_server();
    std::shared_ptr<store::Client> reader_ = store::test::connect(server_->endpoint(), "host-a", 1);
};

TEST_F(ProcessDirectory, WhatAProcessTellsIsReadByOthersAndALaterRecordReplacesIt) {
    EXPECT_TRUE(listed(*reader_).empty());
    const auto writer = store::test::connect(server_->endpoint(), "host-b", 2);
    ProcessRecord record = own_process_record({"host-b", 2, 3, 4});
    EXPECT_FALSE(record.host_name.empty());
    EXPECT_FALSE(record.program.empty());
    record.fabric_address = std::string("\0address", 8);
    record.hand_over = "socket";
    MF_EXPECT_OK(announce_process(*writer, record, soon()));
    record.size = 4096;
    record.key = 17;
    MF_EXPECT_OK(announce_process(*writer, record, soon()));

    const std::vector<ProcessRecord> records = listed(*reader_);
    ASSERT_EQ(records.size(), 1U);
    EXPECT_EQ(records[0].incarnation, (Incarnation{"host-b", 2, 3, 4}));
    EXPECT_EQ(records[0].fabric_address, record.fabric_address);
    EXPECT_EQ(records[0].hand_over, "socket");
    EXPECT_EQ(records[0].size, 4096U);
    EXPECT_EQ(records[0].key, 17U);
}

TEST_F(ProcessDirectory, AProcessThatHasGoneIsNotListed) {
    auto writer = store::test::connect(server_->endpoint(), "host-b", 2);
    MF_EXPECT_OK(announce_process(*writer, own_process_record({"host-b", 2, 3, 4}), soon()));
    ASSERT_EQ(listed(*reader_).size(), 1U);
    writer.reset();  // says goodbye
    EXPECT_TRUE(listed(*reader_).empty());
}

TEST_F(ProcessDirectory, WhatIsNoRecordIsLeftOut) {
    MF_EXPECT_OK(reader_->set("process/nonsense", "nonsense", soon()));
    EXPECT_TRUE(listed(*reader_).empty());
}

}  // namespace
}  // namespace memfabric
