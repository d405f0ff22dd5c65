// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <utility>

#include "tests/transport/fabric_pair.h"

namespace memfabric::transport::test {

/// How long to wait for what an innocent one does beside others that hinder it.
inline constexpr std::chrono::seconds kPatience{60};

/// Puts to another region of the same process, from this one, once or more often, each of which has to
/// succeed.
class Innocent {
 public:
    explicit Innocent(FabricTransport& far)
        : target_(std::move(far.expose(memory_)).value()), peer_(connect_to(*near_, far.address())) {}
    ~Innocent() {
        stop_ = true;
        thread_.join();
        EXPECT_GT(rounds_, 0U);
    }
    Innocent(const Innocent&) = delete;
    Innocent& operator=(const Innocent&) = delete;
    uint64_t rounds() const { return rounds_; }

 private:
    void put_on() {
        do {
            const FabricPiece piece{sent_.data(), target_.region(), 0, sent_.size()};
            const Status done = near_->put(*peer_, {&piece, 1}, Deadline::after(std::chrono::seconds(60)));
            EXPECT_TRUE(done.is_ok()) << done.message();
            const auto before =
                near_->atomic(*peer_, {target_.region(), sent_.size(), 8, AtomicKind::kAdd, 1, 0},
                              Deadline::after(std::chrono::seconds(60)));
            EXPECT_TRUE(before.is_ok() && *before == rounds_) << before.status().message();
            ++rounds_;
        } while (!stop_);
    }
    Bytes memory_ = Bytes((1 << 20) + 8);
    Bytes sent_ = pattern(1 << 20);
    ExposedRegion target_;
    std::unique_ptr<FabricTransport> near_ = start_here();
    std::shared_ptr<FabricPeer> peer_;
    std::atomic<bool> stop_{false};
    std::atomic<uint64_t> rounds_{0};
    std::jthread thread_{[this] { put_on(); }};
};

}  // namespace memfabric::transport::test
