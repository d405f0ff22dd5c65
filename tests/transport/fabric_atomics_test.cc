// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <thread>
#include <vector>

#include "tests/transport/fabric_pair.h"
#include "transport/fabric/atomics.h"

namespace memfabric::transport {
namespace {

using namespace std::chrono_literals;

class FabricAtomics : public test::FabricPair {
 protected:
    void SetUp() override {
        test::FabricPair::SetUp();
        auto exposed = far_->expose(std::as_writable_bytes(std::span(words_)));
        ASSERT_TRUE(exposed.is_ok());
        exposed_.emplace(std::move(exposed).value());
    }
    Result<uint64_t> apply(AtomicKind kind, uint64_t operand, uint64_t comparand = 0, uint64_t offset = 8,
                           uint32_t size = 8) {
        return near_->atomic(*peer_, {exposed_->region(), offset, size, kind, operand, comparand},
                             Deadline::after(20s));
    }
    /// Whose thread applied the operation is told to this one by libfabric, of which ThreadSanitizer sees
    /// nothing: so words that were changed are read and written as whole ones.
    std::atomic_ref<uint64_t> word(size_t index) { return std::atomic_ref(words_[index]); }

    std::vector<uint64_t> words_ = std::vector<uint64_t>(4);
    std::optional<ExposedRegion> exposed_;
};

TEST_F(FabricAtomics, EveryKindDoesWhatItSaysAndGivesTheValueBefore) {
    struct Step {
        AtomicKind kind;
        uint64_t operand;
        uint64_t comparand;
        uint64_t after;
    };
    const uint64_t big = 0xf0f0f0f0f0f0f0f0;
    const std::vector<Step> steps = {
        {AtomicKind::kSet, big, 0, big},
        {AtomicKind::kFetch, 1, 0, big},
        {AtomicKind::kAdd, ~uint64_t{0}, 0, big - 1},
        {AtomicKind::kSwap, 0xff, 0, 0xff},
        {AtomicKind::kAnd, 0x0f, 0, 0x0f},
        {AtomicKind::kOr, 0x30, 0, 0x3f},
        {AtomicKind::kXor, 0x0f, 0, 0x30},
        {AtomicKind::kCompareSwap, 7, 0x31, 0x30},
        {AtomicKind::kCompareSwap, 7, 0x30, 7},
    };
    uint64_t before = 0;
    for (const Step& step : steps) {
        const auto old = apply(step.kind, step.operand, step.comparand);
        ASSERT_TRUE(old.is_ok()) << old.status().message();
        EXPECT_EQ(*old, before) << static_cast<int>(step.kind);
        EXPECT_EQ(word(1).load(), step.after) << static_cast<int>(step.kind);
        before = step.after;
    }
    EXPECT_EQ(words_[0], 0U);
    EXPECT_EQ(words_[2], 0U);
}

TEST_F(FabricAtomics, FourBytesLeaveTheirNeighboursAlone) {
    word(1).store(0x1111111122222222);
    const auto old = apply(AtomicKind::kAdd, 0xffffffff, 0, 12, 4);
    ASSERT_TRUE(old.is_ok()) << old.status().message();
    EXPECT_EQ(*old, 0x11111111U);
    EXPECT_EQ(word(1).load(), 0x1111111022222222U);
}

TEST_F(FabricAtomics, AddsOfManyThreadsAndOfTheOwnersCpuAreAllCounted) {
    constexpr uint64_t kEach = 300;
    {
        std::vector<std::jthread> threads;
        for (int thread = 0; thread < 3; ++thread) {
            threads.emplace_back([&] {
                for (uint64_t i = 0; i < kEach; ++i) {
                    EXPECT_TRUE(apply(AtomicKind::kAdd, 1).is_ok());
                }
            });
        }
        threads.emplace_back([&] {
            for (uint64_t i = 0; i < kEach; ++i) {
                word(1).fetch_add(1);
                std::this_thread::yield();
            }
        });
    }
    EXPECT_EQ(word(1).load(), 4 * kEach);
}

TEST_F(FabricAtomics, WhatIsMisalignedOrOutsideIsNotSent) {
    for (const auto& [offset, size] : {std::pair{4U, 8U}, {2U, 4U}, {0U, 2U}, {32U, 8U}}) {
        const uint64_t sent = near_->counters().begun_operations;
        const auto old = apply(AtomicKind::kSet, 1, 0, offset, size);
        EXPECT_EQ(old.status().code(), Code::kInvalidParam) << offset << ' ' << size;
        EXPECT_EQ(near_->counters().begun_operations, sent);
    }
    EXPECT_EQ(words_, std::vector<uint64_t>(4));
}

TEST_F(FabricAtomics, AStaleKeyIsNamed) {
    const RemoteRegion stale = exposed_->region();
    exposed_.reset();
    const auto old = near_->atomic(*peer_, {stale, 8, 8, AtomicKind::kSet, 1, 0}, Deadline::after(20s));
    EXPECT_EQ(old.status().code(), Code::kRefused);
    EXPECT_NE(old.status().message().find("the key is stale"), std::string::npos) << old.status().message();
    const auto unknown =
        near_->atomic(*peer_, {{stale.key + 1, 0, 64}, 8, 8, AtomicKind::kSet, 1, 0}, Deadline::after(20s));
    EXPECT_EQ(unknown.status().code(), Code::kRefused);
    EXPECT_NE(unknown.status().message().find("does not know the key"), std::string::npos);
    EXPECT_EQ(words_, std::vector<uint64_t>(4));
}

TEST_F(FabricAtomics, TheOwnerChecksBoundsThatThePeerClaims) {
    RemoteRegion claimed = exposed_->region();
    claimed.size = 1 << 20;
    const auto old = near_->atomic(*peer_, {claimed, 4096, 8, AtomicKind::kSet, 1, 0}, Deadline::after(20s));
    EXPECT_EQ(old.status().code(), Code::kInvalidParam);
    EXPECT_NE(old.status().message().find("memory of 32 bytes"), std::string::npos) << old.status().message();
}

TEST(FabricAtomicFormat, WhatIsNoOperationIsRefused) {
    Exposures exposures;
    uint64_t word = 5;
    exposures.add(1, std::as_writable_bytes(std::span(&word, 1)));
    const std::string good = encode_atomic({{1, 0, 8}, 0, 8, AtomicKind::kAdd, 1, 0});
    for (size_t size = 0; size < good.size(); ++size) {
        EXPECT_EQ(apply_atomic(exposures, std::string_view(good).substr(0, size)).status().code(),
                  Code::kInvalidParam);
    }
    std::string strange = good;
    strange[8 + 8 + 4] = 99;  // its kind
    EXPECT_EQ(apply_atomic(exposures, strange).status().code(), Code::kInvalidParam);
    EXPECT_EQ(word, 5U);
    const auto old = apply_atomic(exposures, good);
    ASSERT_TRUE(old.is_ok());
    EXPECT_EQ(*old, 5U);
    EXPECT_EQ(word, 6U);
}

}  // namespace
}  // namespace memfabric::transport
