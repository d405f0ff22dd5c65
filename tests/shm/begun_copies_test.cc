// SPDX-License-Identifier: Apache-2.0
#include "shm/begun_copies.h"

#include <gtest/gtest.h>

#include <atomic>
#include <vector>

namespace memfabric::shm {
namespace {

using transport::RemotePeer;
using transport::RemoteTransfer;

/// What the test lets happen to a transfer.
struct Fate {
    std::atomic<bool> done{false};
    Status outcome;
    std::atomic<int> waits{0};
};

class FatedTransfer final : public RemoteTransfer {
 public:
    explicit FatedTransfer(Fate& fate) : fate_(fate) {}
    bool is_done() override { return fate_.done; }
    /// Waiting without an end is what ends it.
    Status wait(Deadline deadline) override {
        ++fate_.waits;
        fate_.done = fate_.done || deadline.is_never();
        return fate_.done ? fate_.outcome : Status(Code::kTimeout, "goes on");
    }

 private:
    Fate& fate_;
};

class NotedPeer final : public RemotePeer {
 public:
    void abandon(const Status& reason) override { abandoned = reason; }
    Status abandoned;
};

class BegunCopiesTest : public testing::Test {
 protected:
    BegunCopiesTest() : peer_(std::make_shared<NotedPeer>()) {
        member_.rank = 3;
        member_.host = "there";
        member_.peer = peer_;
    }
    void begin(Fate& fate, uint64_t address = 0x1000) {
        copies_.add({&member_, true, address, 64, std::make_unique<FatedTransfer>(fate)});
    }

    std::shared_ptr<NotedPeer> peer_;
    RemoteMember member_;
    BegunCopies copies_;
};

TEST_F(BegunCopiesTest, NothingToWaitFor) {
    EXPECT_FALSE(copies_.wait_all());
}

TEST_F(BegunCopiesTest, WaitsForAllAndForgetsThem) {
    std::vector<Fate> fates(5);
    for (Fate& fate : fates) {
        begin(fate);
    }
    EXPECT_FALSE(copies_.wait_all());
    for (Fate& fate : fates) {
        EXPECT_TRUE(fate.done);
        fate.waits = 0;
    }
    EXPECT_FALSE(copies_.wait_all());
    for (const Fate& fate : fates) {
        EXPECT_EQ(fate.waits, 0);
    }
}

TEST_F(BegunCopiesTest, TellsTheFirstFailureOnce) {
    std::vector<Fate> fates(3);
    fates[1].outcome = failure(Code::kPeerLost, "it is gone");
    fates[2].outcome = failure(Code::kRefused, "and this one too");
    begin(fates[0]);
    begin(fates[1], 0x2000);
    begin(fates[2]);
    const auto failed = copies_.wait_all();
    ASSERT_TRUE(failed);
    EXPECT_EQ(failed->status.code(), Code::kPeerLost);
    EXPECT_EQ(failed->address, 0x2000U);
    EXPECT_NE(failed->status.message().find("writing 64 bytes at 0x2000, to rank 3 on host 'there'"),
              std::string::npos)
        << failed->status.message();
    EXPECT_FALSE(copies_.wait_all());
}

TEST_F(BegunCopiesTest, TooManyUnderWayWaitForTheOldest) {
    std::vector<Fate> fates(300);
    for (Fate& fate : fates) {
        begin(fate);
    }
    EXPECT_TRUE(fates[0].done);
    EXPECT_FALSE(fates[299].done);
    EXPECT_EQ(peer_->abandoned.code(), Code::kOk);
    EXPECT_FALSE(copies_.wait_all());
    EXPECT_TRUE(fates[299].done);
}

TEST_F(BegunCopiesTest, FailureOfOneThatWasSettledEarlyIsToldAtTheEnd) {
    std::vector<Fate> fates(300);
    fates[0].outcome = failure(Code::kPeerLost, "it is gone");
    for (Fate& fate : fates) {
        begin(fate);
    }
    ASSERT_TRUE(copies_.wait_all());
    EXPECT_FALSE(copies_.wait_all());
}

TEST_F(BegunCopiesTest, EndBreaksOffWhatIsUnderWayAtTheDeadline) {
    std::vector<Fate> fates(2);
    fates[0].done = true;
    for (Fate& fate : fates) {
        begin(fate);
    }
    copies_.end(Deadline::after(std::chrono::milliseconds(0)));
    EXPECT_EQ(peer_->abandoned.code(), Code::kTimeout);
    EXPECT_TRUE(fates[1].done);
}

}  // namespace
}  // namespace memfabric::shm
