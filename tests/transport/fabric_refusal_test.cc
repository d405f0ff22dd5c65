// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <thread>
#include <vector>

#include "tests/transport/fabric_pair.h"
#include "transport/fabric/refusal.h"

namespace memfabric::transport {
namespace {

using namespace std::chrono_literals;
using test::Bytes;
using test::pattern;

class FabricRefusal : public test::FabricPair {
 protected:
    void SetUp() override {
        test::FabricPair::SetUp();
        exposed_.emplace(std::move(far_->expose(memory_)).value());
    }
    Status put(const RemoteRegion& region, uint64_t offset, std::chrono::seconds limit = 20s) {
        const FabricPiece piece{sent_.data(), region, offset, sent_.size()};
        return near_->put(*peer_, {&piece, 1}, Deadline::after(limit));
    }
    Bytes memory_ = Bytes(4096);
    Bytes sent_ = pattern(64);
    std::optional<ExposedRegion> exposed_;
};

TEST_F(FabricRefusal, AStaleKeyIsNamedAndLaterPutsGoOn) {
    const RemoteRegion stale = exposed_->region();
    exposed_.reset();
    const Status refused = put(stale, 128);
    EXPECT_EQ(refused.code(), Code::kRefused);
    EXPECT_EQ(
        refused.message(),
        "put to rank 1 on host there: 64 bytes at offset 128: the owner has revoked that memory: the key "
        "is stale");
    EXPECT_EQ(memory_, Bytes(4096));
    exposed_.emplace(std::move(far_->expose(memory_)).value());
    const Status again = put(exposed_->region(), 128);
    EXPECT_TRUE(again.is_ok()) << again.message();
}

TEST_F(FabricRefusal, AnUnknownKeyIsNamed) {
    RemoteRegion wrong = exposed_->region();
    ++wrong.key;
    Bytes received(64);
    const FabricPiece piece{received.data(), wrong, 0, received.size()};
    const Status refused = near_->get(*peer_, {&piece, 1}, Deadline::after(20s));
    EXPECT_EQ(refused.code(), Code::kRefused);
    EXPECT_NE(refused.message().find("get from rank 1 on host there"), std::string::npos);
    EXPECT_NE(refused.message().find("does not know the key"), std::string::npos) << refused.message();
    EXPECT_EQ(received, Bytes(64));
}

TEST_F(FabricRefusal, BoundsThatTheCallerHasWrongAreToldByTheOwner) {
    RemoteRegion claimed = exposed_->region();
    claimed.size = 1 << 20;
    const Status refused = put(claimed, 4064);
    EXPECT_EQ(refused.code(), Code::kInvalidParam);
    EXPECT_NE(refused.message().find("64 bytes at offset 4064 are not inside its memory of 4096 bytes"),
              std::string::npos)
        << refused.message();
    EXPECT_EQ(memory_, Bytes(4096));
}

TEST_F(FabricRefusal, NeighboursOfRefusedOperationsAllSucceed) {
    RemoteRegion wrong = exposed_->region();
    ++wrong.key;
    std::atomic<bool> stop{false};
    std::vector<std::jthread> culprits;
    for (int i = 0; i < 2; ++i) {
        culprits.emplace_back([&] {
            while (!stop) {
                EXPECT_EQ(put(wrong, 0).code(), Code::kRefused);
            }
        });
    }
    constexpr size_t kSize = 1 << 20;
    Bytes big(kSize);
    auto target = far_->expose(big);
    ASSERT_TRUE(target.is_ok());
    for (unsigned round = 0; round < 60; ++round) {
        Bytes sent = pattern(kSize, round);
        const FabricPiece piece{sent.data(), target->region(), 0, kSize};
        const Status good = near_->put(*peer_, {&piece, 1}, Deadline::after(30s));
        ASSERT_TRUE(good.is_ok()) << round << ": " << good.message();
        ASSERT_EQ(big, sent) << round;
    }
    stop = true;
    culprits.clear();
    EXPECT_GT(near_->counters().retried_operations, 0U);
}

TEST_F(FabricRefusal, AQuestionThatIsNoneIsRefused) {
    const Exposures exposures;
    EXPECT_EQ(answer_refusal_question(exposures, "abc").code, Code::kInvalidParam);
    EXPECT_EQ(answer_refusal_question(exposures, std::string(24, '\0')).code, Code::kRefused);
    EXPECT_EQ(answer_refusal_question(exposures, "").code, Code::kOk);
}

}  // namespace
}  // namespace memfabric::transport
