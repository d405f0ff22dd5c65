// SPDX-License-Identifier: Apache-2.0
// Copies between hosts, and requests, where neither side has memory for a moment.
#include <chrono>
#include <cstring>

#include "base/attempt.h"
#include "tests/shortage/shortage.h"
#include "tests/transport/fabric_pair.h"

namespace memfabric::transport {
namespace {

using shortage::fail_each_allocation;
using shortage::Shortage;
using std::chrono::milliseconds;

constexpr uint32_t kEcho = 0x20000;
constexpr size_t kSize = 3U << 20;  // more than one operation, and over more than one lane

Deadline soon() {
    return Deadline::after_seconds(30);
}

void expect_done_or_without_memory(const Status& status) {
    EXPECT_TRUE(status.is_ok() || status.code() == Code::kMallocFailed)
        << static_cast<int>(status.code()) << ": " << status.message();
}

class FabricShortage : public test::FabricPair {
 protected:
    void SetUp() override {
        FabricPair::SetUp();
        auto exposed = far_->expose(there_);
        ASSERT_TRUE(exposed.is_ok()) << exposed.status().message();
        exposed_ = std::make_unique<ExposedRegion>(std::move(exposed).value());
    }
    Status put(size_t size) {
        const FabricPiece piece{here_.data(), exposed_->region(), 0, size};
        return attempt([&] { return near_->put(*peer_, {&piece, 1}, soon()); });
    }
    Status get(size_t size) {
        const FabricPiece piece{here_.data(), exposed_->region(), 0, size};
        return attempt([&] { return near_->get(*peer_, {&piece, 1}, soon()); });
    }
    void expect_that_copies_work(size_t size, unsigned seed) {
        const test::Bytes wanted = test::pattern(size, seed);
        std::memcpy(here_.data(), wanted.data(), size);
        const Status written = put(size);
        ASSERT_TRUE(written.is_ok()) << written.message();
        EXPECT_EQ(std::memcmp(there_.data(), wanted.data(), size), 0);
        std::memset(here_.data(), 0, size);
        const Status read = get(size);
        ASSERT_TRUE(read.is_ok()) << read.message();
        EXPECT_EQ(std::memcmp(here_.data(), wanted.data(), size), 0);
    }

    test::Bytes there_ = test::Bytes(kSize);
    test::Bytes here_ = test::Bytes(kSize);
    std::unique_ptr<ExposedRegion> exposed_;
};

TEST_F(FabricShortage, a_put_is_done_or_fails_and_the_next_one_works) {
    unsigned seed = 0;
    fail_each_allocation([&] { return put(kSize); },
                         [&](const Status& status) {
                             expect_done_or_without_memory(status);
                             expect_that_copies_work(kSize, ++seed);
                         });
}

TEST_F(FabricShortage, an_answer_comes_whatever_the_allocation_that_failed) {
    far_->serve(kEcho, [](std::string_view bytes) { return std::string(bytes); });
    const std::string payload(500, 'e');
    fail_each_allocation(
        [&] { return attempt([&] { return near_->request(*peer_, kEcho, payload, soon()); }); },
        [&](const Result<std::string>& answer) {
            expect_done_or_without_memory(answer.status());
            if (answer.is_ok()) {
                EXPECT_EQ(*answer, payload);
            }
        });
}

TEST_F(FabricShortage, an_atomic_is_done_once_or_not_at_all) {
    uint64_t least = 0;
    uint64_t most = 0;
    const RemoteAtomic atomic{exposed_->region(), 0, sizeof(uint64_t), AtomicKind::kAdd, 1, 0};
    fail_each_allocation(
        [&] { return attempt([&] { return near_->atomic(*peer_, atomic, soon()); }).status(); },
        [&](const Status& status) {
            expect_done_or_without_memory(status);
            least += status.is_ok() ? 1 : 0;
            ++most;
        });
    uint64_t sum = 0;
    std::memcpy(&sum, there_.data(), sizeof sum);
    EXPECT_GE(sum, least);
    EXPECT_LE(sum, most);
}

TEST_F(FabricShortage, everything_works_after_one_that_lasts) {
    for (unsigned round = 0; round < 5; ++round) {
        {
            const Shortage shortage(milliseconds(30));
            while (!put(kSize).is_ok()) {
            }
        }
        expect_that_copies_work(kSize, round);
    }
}

TEST_F(FabricShortage, memory_goes_out_of_reach_within_one_that_lasts) {
    expect_that_copies_work(kSize, 1);
    const FabricPiece piece{here_.data(), exposed_->region(), 0, kSize};
    {
        const Shortage shortage(milliseconds(50));
        exposed_.reset();
        EXPECT_TRUE(shortage.has_struck());
    }
    const test::Bytes before = there_;
    std::memset(here_.data(), 7, kSize);
    EXPECT_FALSE(near_->put(*peer_, {&piece, 1}, soon()).is_ok());
    EXPECT_EQ(there_, before);
}

TEST_F(FabricShortage, connecting_is_done_or_fails) {
    fail_each_allocation(
        [&] { return attempt([&] { return near_->connect(far_->address(), "far"); }).status(); },
        expect_done_or_without_memory);
}

TEST_F(FabricShortage, starting_is_done_or_fails) {
    const FabricConfig config{"tcp;ofi_rxm", {{.address = "127.0.0.1"}}, "here"};
    fail_each_allocation([&] { return attempt([&] { return FabricTransport::start(config); }).status(); },
                         expect_done_or_without_memory);
}

}  // namespace
}  // namespace memfabric::transport
