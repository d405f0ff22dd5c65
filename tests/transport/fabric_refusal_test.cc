// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <rdma/fi_errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "store/wire.h"
#include "tests/transport/fabric_pair.h"
#include "transport/fabric/refusal.h"
#include "transport/fabric/transfer.h"

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

TEST_F(FabricRefusal, WhatFailedWithoutFaultIsToBeHandedToALane) {
    const FabricPiece piece{sent_.data(), exposed_->region(), 0, sent_.size()};
    FlowCounts counts;
    Transfer transfer(*peer_, FabricFlow::kPut, {&piece, 1}, {}, Deadline::after(20s), counts);
    FabricOperation operation;
    ASSERT_TRUE(transfer.take(operation));
    EXPECT_TRUE(transfer.judge().is_ok());
    EXPECT_FALSE(transfer.take_need_for_lane());
    transfer.finish(operation, FI_ENOTCONN);
    // Asked and answered by one judge() or by several: the one that hears the answer says so.
    ASSERT_TRUE(test::wait_until([&] { return !transfer.judge().is_ok() || !transfer.has_doubts(); }));
    EXPECT_TRUE(transfer.take_need_for_lane());
    EXPECT_FALSE(transfer.take_need_for_lane());
    ASSERT_TRUE(transfer.take(operation));
    transfer.finish(operation, 0);
    EXPECT_TRUE(transfer.has_ended() && transfer.outcome().is_ok());
}

/// The parameter: whether the sockets of connections are found, else the endpoint is opened again.
class FabricRefusals : public FabricRefusal, public ::testing::WithParamInterface<bool> {
 protected:
    void SetUp() override {
        FabricRefusal::SetUp();
        peer_.reset();
        near_ = test::start_here(GetParam());
        peer_ = test::connect_to(*near_, far_->address());
    }
};

INSTANTIATE_TEST_SUITE_P(Sockets, FabricRefusals, ::testing::Values(true, false),
                         [](const auto& finds) { return finds.param ? "Found" : "NotFound"; });

TEST_P(FabricRefusals, NeighboursOfThemAllSucceed) {
    RemoteRegion wrong = exposed_->region();
    ++wrong.key;
    std::atomic<bool> stop{false};
    std::vector<std::jthread> culprits;
    for (int i = 0; i < 2; ++i) {
        culprits.emplace_back([&] {
            while (!stop && !HasFailure()) {
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

/// Question about `size` bytes at offset 0 under key 1.
std::string question(bool put, uint64_t size) {
    store::Writer writer;
    writer.put(put);
    writer.put(uint32_t{1});  // piece
    for (const uint64_t number : {uint64_t{1}, uint64_t{0}, size}) {
        writer.put(number);
    }
    return writer.take();
}

TEST_F(FabricRefusal, AQuestionThatIsNoneIsRefused) {
    const Exposures exposures;
    EXPECT_EQ(answer_refusal_question(exposures, "abc").code, Code::kInvalidParam);
    EXPECT_EQ(answer_refusal_question(exposures, "").code, Code::kInvalidParam);
    const std::string good = question(true, 0);
    for (size_t size = 0; size < good.size(); ++size) {
        const Answer answer = answer_refusal_question(exposures, good.substr(0, size));
        EXPECT_EQ(answer.code, Code::kInvalidParam) << size;
        EXPECT_EQ(answer.bytes, std::to_string(size) + " bytes are no question about pieces");
    }
    EXPECT_EQ(answer_refusal_question(exposures, good).code, Code::kRefused);
    EXPECT_EQ(answer_refusal_question(exposures, std::string(5, '\0')).code, Code::kOk);  // about nothing
}

TEST(FabricPages, MemoryThatItsOwnerFreedOrProtectedIsSaidToBe) {
    const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
    const size_t size = 4 * page;
    void* mapped = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(mapped, MAP_FAILED);
    auto* memory = static_cast<std::byte*>(mapped);
    Exposures exposures;
    exposures.add(1, {memory, size});
    const auto put = [&](size_t bytes) { return answer_refusal_question(exposures, question(true, bytes)); };
    const auto get = [&](size_t bytes) { return answer_refusal_question(exposures, question(false, bytes)); };
    EXPECT_EQ(put(size).code, Code::kOk);
    EXPECT_EQ(get(size).code, Code::kOk);
    ASSERT_EQ(::mprotect(memory + 2 * page, page, PROT_READ), 0);
    EXPECT_EQ(get(size).code, Code::kOk);
    EXPECT_EQ(put(2 * page).code, Code::kOk);
    EXPECT_EQ(put(2 * page + 1).code, Code::kError);
    EXPECT_NE(put(size).bytes.find("has freed that memory, or made it read-only"), std::string::npos)
        << put(size).bytes;
    ASSERT_EQ(::munmap(memory + 3 * page, page), 0);
    EXPECT_EQ(get(3 * page).code, Code::kOk);
    EXPECT_EQ(get(size).code, Code::kError);
    EXPECT_NE(get(size).bytes.find("has freed that memory"), std::string::npos);
    ::munmap(memory, 3 * page);
}

}  // namespace
}  // namespace memfabric::transport
