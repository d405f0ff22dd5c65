// SPDX-License-Identifier: Apache-2.0
#include "trans/exposures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "tests/runtime/plain_remote_memory.h"

namespace memfabric::trans {
namespace {

using memory::AddressRange;
using testing::HasSubstr;

constexpr uint64_t kTarget = 1;
constexpr uint32_t kService = 0x10000;

/// A target's exposures, and initiators that answer as a test wants.
class ExposuresTest : public testing::Test {
 protected:
    ExposuresTest() {
        exposures_.start(memory_, [this] { exposures_.activate(registered_); });
        for (const uint64_t initiator : {10, 11}) {
            network_->serve(address_of(initiator), kService, [this, initiator](std::string_view bytes) {
                ++asked_;
                const auto request = decode_request(bytes).value();
                EXPECT_EQ(std::get<RevokeRequest>(request).initiator, initiator);
                return encode(answer_);
            });
        }
    }

    static std::string address_of(uint64_t initiator) { return fmt::format("initiator {}", initiator); }
    static Initiator initiator(uint64_t number) {
        return {number, address_of(number), kService, fmt::format("session of {}", number)};
    }
    uint64_t begin() const { return reinterpret_cast<uint64_t>(bytes_.data()); }
    AddressRange part(uint64_t offset, uint64_t size) const { return {begin() + offset, size}; }

    RegionsAnswer ask_once(std::vector<AddressRange> ranges, uint64_t from = 10) {
        return exposures_.answer({kTarget, initiator(from), std::move(ranges)});
    }
    /// As an initiator does: until it has been exposed.
    RegionsAnswer ask(const std::vector<AddressRange>& ranges, uint64_t from = 10) {
        RegionsAnswer answer = ask_once(ranges, from);
        while (answer.outcome == RegionsOutcome::kLater) {
            std::this_thread::yield();
            answer = ask_once(ranges, from);
        }
        return answer;
    }
    void remove(AddressRange range) { exposures_.change({&range, 1}, {}); }
    Status retire(AddressRange range, std::chrono::milliseconds patience = std::chrono::seconds(30)) {
        return exposures_.retire({&range, 1}, Deadline::after(patience));
    }
    bool is_exposed(const transport::RemoteRegion& region) {
        std::byte byte{};
        return network_->move({&byte, region, 0, 1}, false).is_ok();
    }

    std::array<std::byte, 4096> bytes_{};
    std::vector<AddressRange> registered_{part(0, 1000), part(1000, 1000), part(3000, 1000)};
    std::shared_ptr<test::PlainNetwork> network_ = std::make_shared<test::PlainNetwork>();
    std::shared_ptr<test::PlainRemoteMemory> memory_ =
        std::make_shared<test::PlainRemoteMemory>(network_, "target");
    std::atomic<int> asked_{0};
    RevokeAnswer answer_;
    Exposures exposures_{kTarget};
};

TEST_F(ExposuresTest, NothingIsExposedBeforeSomebodyAsks) {
    EXPECT_FALSE(exposures_.is_active());
    EXPECT_EQ(ask_once({part(0, 1)}).outcome, RegionsOutcome::kLater);
    EXPECT_EQ(ask({part(0, 1)}).outcome, RegionsOutcome::kCovered);
    EXPECT_TRUE(exposures_.is_active());
}

TEST_F(ExposuresTest, TellsTheRegionsOfWhatIsAskedAndNoOthers) {
    const RegionsAnswer answer = ask({part(999, 2), part(5, 5)});
    ASSERT_EQ(answer.outcome, RegionsOutcome::kCovered);
    ASSERT_EQ(answer.regions.size(), 3U);
    EXPECT_EQ(answer.regions[0].range, part(0, 1000));
    EXPECT_EQ(answer.regions[1].range, part(1000, 1000));
    EXPECT_EQ(answer.regions[2], answer.regions[0]);
    EXPECT_EQ(ask({part(0, 1)}, 11).regions.front(), answer.regions[0]) << "one key for all";
}

TEST_F(ExposuresTest, SaysWhatIsNotRegistered) {
    for (const AddressRange& range : {part(1999, 10), part(2000, 9), part(2500, 1), part(3999, 2)}) {
        const RegionsAnswer answer = ask({part(0, 1), range});
        EXPECT_EQ(answer.outcome, RegionsOutcome::kMissing);
        EXPECT_EQ(answer.missing.end(), range.end());
        EXPECT_TRUE(answer.regions.empty());
    }
    EXPECT_EQ(ask({part(1999, 10)}).missing, part(2000, 9));
}

TEST_F(ExposuresTest, AnotherLifeOfTheSessionIsClosed) {
    EXPECT_EQ(exposures_.answer({kTarget + 1, initiator(10), {part(0, 1)}}).outcome, RegionsOutcome::kClosed);
}

TEST_F(ExposuresTest, WhatIsRemovedEndsAndWhatIsAddedCanBeReached) {
    const RemoteRange first = ask({part(0, 1)}).regions.front();
    const RemoteRange other = ask({part(3000, 1)}).regions.front();
    remove(part(0, 1000));
    EXPECT_EQ(ask({part(0, 1)}).outcome, RegionsOutcome::kMissing);
    EXPECT_TRUE(is_exposed(first.region)) << "until it is retired";
    EXPECT_TRUE(retire(part(0, 1000)).is_ok());
    EXPECT_FALSE(is_exposed(first.region));
    EXPECT_TRUE(is_exposed(other.region));
    EXPECT_EQ(asked_, 1);
    const AddressRange again = part(100, 800);
    exposures_.change({}, {&again, 1});
    const RemoteRange second = ask({part(100, 1)}).regions.front();
    EXPECT_EQ(second.range, again);
    EXPECT_NE(second.region.key, first.region.key);
}

TEST_F(ExposuresTest, WhatNobodyHasAskedForEndsWithoutAWord) {
    ask({part(0, 1)});
    remove(part(1000, 1000));
    EXPECT_TRUE(retire(part(1000, 1000)).is_ok());
    EXPECT_EQ(asked_, 0);
}

TEST_F(ExposuresTest, ABusyHolderIsNamedAtTheDeadlineAndTheKeyStays) {
    const RemoteRange first = ask({part(0, 1)}).regions.front();
    remove(part(0, 1000));
    answer_.busy = true;
    const Status busy = retire(part(0, 1000), std::chrono::milliseconds(50));
    EXPECT_EQ(busy.code(), Code::kResourceInUse);
    EXPECT_THAT(busy.message(), HasSubstr("session of 10"));
    EXPECT_TRUE(is_exposed(first.region));
    answer_.busy = false;
    EXPECT_TRUE(retire(part(500, 1)).is_ok());
    EXPECT_FALSE(is_exposed(first.region));
}

TEST_F(ExposuresTest, HoldersThatDoNotAnswerAreNotWaitedFor) {
    const RemoteRange first = ask({part(0, 1)}).regions.front();
    ask({part(0, 1)}, 11);
    network_->serve(address_of(10), kService, nullptr);
    remove(part(0, 1000));
    EXPECT_TRUE(retire(part(0, 1000)).is_ok());
    EXPECT_FALSE(is_exposed(first.region));
    EXPECT_EQ(asked_, 1);
}

TEST_F(ExposuresTest, ARangeCanBeRegisteredAgainWhileItsFormerKeyIsBusy) {
    const RemoteRange first = ask({part(0, 1)}).regions.front();
    const AddressRange range = part(0, 1000);
    remove(range);
    answer_.busy = true;
    EXPECT_FALSE(retire(range, std::chrono::milliseconds(10)).is_ok());
    exposures_.change({}, {&range, 1});
    const RemoteRange second = ask({part(0, 1)}).regions.front();
    EXPECT_NE(second.region.key, first.region.key);
    answer_.busy = false;
    remove(range);
    EXPECT_TRUE(retire(range).is_ok());
    EXPECT_FALSE(is_exposed(first.region));
    EXPECT_FALSE(is_exposed(second.region));
}

TEST_F(ExposuresTest, ClosingTakesEverythingBack) {
    const RemoteRange first = ask({part(0, 1)}).regions.front();
    const RemoteRange other = ask({part(3000, 1)}).regions.front();
    answer_.busy = true;
    EXPECT_EQ(exposures_.close(Deadline::after(std::chrono::milliseconds(10))).code(), Code::kResourceInUse);
    EXPECT_FALSE(is_exposed(first.region));
    EXPECT_FALSE(is_exposed(other.region));
    EXPECT_EQ(ask_once({part(3000, 1)}).outcome, RegionsOutcome::kClosed);
}

TEST_F(ExposuresTest, ALargeAnswerComesInParts) {
    ask({part(0, 1)});
    std::vector<AddressRange> many;
    constexpr uint64_t kBase = uint64_t{1} << 40;  // never touched
    for (uint64_t i = 0; i < kMostAnswered + 10; ++i) {
        many.push_back({kBase + 16 * i, 16});
    }
    exposures_.change({}, many);
    const AddressRange whole{kBase, 16 * many.size()};
    const RegionsAnswer answer = ask({whole});
    ASSERT_EQ(answer.outcome, RegionsOutcome::kCovered);
    EXPECT_EQ(answer.regions.size(), kMostAnswered);
    const uint64_t reached = answer.regions.back().range.end();
    EXPECT_EQ(ask({{reached, whole.end() - reached}}).regions.size(), 10U);
}

TEST_F(ExposuresTest, ManyAskRegisterAndDeregisterAtOnce) {
    ask({part(0, 1)});
    const AddressRange range = part(2000, 500);
    std::atomic<bool> stop{false};
    std::vector<std::jthread> threads;
    for (const uint64_t from : {10, 11}) {
        threads.emplace_back([&, from] {
            while (!stop) {
                ask_once({range}, from);
            }
        });
    }
    for (int round = 0; round < 500; ++round) {
        exposures_.change({}, {&range, 1});
        if (round % 2 == 0) {
            ask({range});
        }
        remove(range);
        ASSERT_TRUE(retire(range).is_ok());
        EXPECT_NE(ask_once({range}).outcome, RegionsOutcome::kCovered);
    }
    stop = true;
}

}  // namespace
}  // namespace memfabric::trans
