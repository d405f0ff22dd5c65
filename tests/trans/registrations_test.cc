// SPDX-License-Identifier: Apache-2.0
#include "trans/registrations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <random>
#include <set>

namespace memfabric::trans {
namespace {

using memory::AddressRange;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

void expect_refused(uint64_t address, uint64_t size, const std::string& text) {
    const Status status = check_registration(address, size);
    EXPECT_EQ(status.code(), Code::kInvalidParam);
    EXPECT_THAT(status.message(), HasSubstr(text));
}

TEST(Registrations, RefusesWhatIsNoMemory) {
    expect_refused(0, 1, "null");
    expect_refused(4096, 0, "size is 0");
    expect_refused(4096, ~uint64_t{0}, "past the end");
    expect_refused(~uint64_t{0}, 1, "past the end");
    EXPECT_TRUE(check_registration(4096, 1).is_ok());
}

TEST(Registrations, InsideARegisteredRangeNothingChanges) {
    Registrations registrations;
    EXPECT_THAT(registrations.add({100, 100}).added, ElementsAre(AddressRange{100, 100}));
    const auto inner = registrations.add({120, 10});
    EXPECT_THAT(inner.added, IsEmpty());
    EXPECT_THAT(inner.removed, IsEmpty());
    EXPECT_THAT(registrations.add({100, 100}).added, IsEmpty());
    EXPECT_EQ(registrations.size(), 3U);
}

TEST(Registrations, AnOverlapAddsWhatIsNew) {
    Registrations registrations;
    registrations.add({100, 100});
    registrations.add({300, 100});
    EXPECT_THAT(registrations.add({150, 200}).added, ElementsAre(AddressRange{200, 100}));
    EXPECT_TRUE(registrations.covers({100, 300}));
    EXPECT_FALSE(registrations.covers({100, 301}));
    EXPECT_FALSE(registrations.covers({99, 1}));
}

TEST(Registrations, MemoryStaysWhileAnyRegistrationCoversIt) {
    Registrations registrations;
    registrations.add({100, 100});
    registrations.add({150, 100});
    const auto change = registrations.remove({100, 100});
    EXPECT_THAT(change.removed, ElementsAre(AddressRange{100, 100}));
    EXPECT_THAT(change.added, ElementsAre(AddressRange{150, 50}));
    EXPECT_TRUE(registrations.covers({150, 100}));
    EXPECT_FALSE(registrations.covers({149, 1}));
}

TEST(Registrations, CoversTogetherWithOtherRanges) {
    Registrations registrations;
    registrations.add({100, 100});
    registrations.add({300, 100});
    const std::vector<AddressRange> also = {{250, 50}, {190, 60}};
    EXPECT_TRUE(registrations.covers({100, 300}, also));
    EXPECT_TRUE(registrations.covers({195, 60}, also));
    EXPECT_FALSE(registrations.covers({100, 301}, also));
    EXPECT_FALSE(registrations.covers({99, 2}, also));
    EXPECT_FALSE(registrations.covers({100, 300}, std::span(also).first(1)));
    EXPECT_FALSE(registrations.covers({200, 1}, {}));
    EXPECT_TRUE(Registrations().covers({200, 40}, also));
}

TEST(Registrations, TheLatestOfAStartIsFoundFirst) {
    Registrations registrations;
    registrations.add({100, 10});
    registrations.add({100, 30});
    registrations.add({100, 30});
    EXPECT_EQ(registrations.find(100), (AddressRange{100, 30}));
    registrations.remove({100, 30});
    registrations.remove({100, 30});
    EXPECT_EQ(registrations.find(100), (AddressRange{100, 10}));
    registrations.remove({100, 10});
    EXPECT_EQ(registrations.find(100), std::nullopt);
    EXPECT_EQ(registrations.size(), 0U);
}

TEST(Registrations, KnowsAllOfThem) {
    Registrations registrations;
    registrations.add({100, 10});
    registrations.add({100, 10});
    registrations.add({50, 10});
    EXPECT_THAT(registrations.all(), ::testing::UnorderedElementsAre(
                                         AddressRange{100, 10}, AddressRange{100, 10}, AddressRange{50, 10}));
}

/// Counts every address by itself, and keeps what a table would hold.
class Model {
 public:
    static constexpr uint64_t kAddresses = 200;

    void count(AddressRange range, int by) {
        for (uint64_t address = range.begin; address < range.end(); ++address) {
            counts_.at(address) += by;
        }
    }

    void apply(const std::vector<AddressRange>& removed, const std::vector<AddressRange>& added) {
        for (const AddressRange& range : removed) {
            EXPECT_EQ(table_.erase({range.begin, range.size}), 1U);
        }
        for (const AddressRange& range : added) {
            EXPECT_GT(range.size, 0U);
            EXPECT_TRUE(table_.insert({range.begin, range.size}).second);
        }
    }

    /// The table's ranges overlap nowhere and cover exactly what is counted.
    void expect_consistent() const {
        std::array<int, kAddresses> covered{};
        for (const auto& [begin, size] : table_) {
            for (uint64_t address = begin; address < begin + size; ++address) {
                ++covered.at(address);
            }
        }
        for (uint64_t address = 0; address < kAddresses; ++address) {
            ASSERT_EQ(covered.at(address), counts_.at(address) > 0 ? 1 : 0) << "address " << address;
        }
    }

    bool covers(AddressRange range) const {
        for (uint64_t address = range.begin; address < range.end(); ++address) {
            if (counts_.at(address) == 0) {
                return false;
            }
        }
        return true;
    }

 private:
    std::array<int, kAddresses> counts_{};
    std::set<std::pair<uint64_t, uint64_t>> table_;
};

/// A random history of one seed against the model.
void run_history(unsigned seed) {
    std::mt19937 random(seed);
    const auto below = [&](uint64_t limit) {
        return std::uniform_int_distribution<uint64_t>(0, limit - 1)(random);
    };
    Registrations registrations;
    Model model;
    std::vector<AddressRange> alive;
    for (int step = 0; step < 400; ++step) {
        const bool add = alive.empty() || below(100) < (alive.size() < 12 ? 60U : 40U);
        const bool give_up = below(4) == 0;
        if (add) {
            const uint64_t begin = 1 + below(Model::kAddresses - 40);
            const AddressRange range{begin, 1 + below(step % 7 == 0 ? 39 : 9)};
            const auto change = registrations.add(range);
            EXPECT_THAT(change.removed, IsEmpty());
            if (give_up) {
                registrations.undo(change);
                continue;
            }
            model.count(range, 1);
            model.apply(change.removed, change.added);
            alive.push_back(range);
        } else {
            const auto chosen = alive.begin() + static_cast<std::ptrdiff_t>(below(alive.size()));
            const auto change = registrations.remove(*chosen);
            if (give_up) {
                registrations.undo(change);
                continue;
            }
            model.count(*chosen, -1);
            model.apply(change.removed, change.added);
            alive.erase(chosen);
        }
        model.expect_consistent();
        const AddressRange probe{below(Model::kAddresses - 20), 1 + below(19)};
        ASSERT_EQ(registrations.covers(probe), model.covers(probe));
        ASSERT_EQ(registrations.size(), alive.size());
    }
}

TEST(Registrations, RandomHistoriesAgreeWithAModel) {
    for (unsigned seed = 0; seed < 200; ++seed) {
        SCOPED_TRACE(seed);
        run_history(seed);
        ASSERT_FALSE(::testing::Test::HasFailure());
    }
}

}  // namespace
}  // namespace memfabric::trans
