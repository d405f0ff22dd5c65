// SPDX-License-Identifier: Apache-2.0
#include "trans/registration_table.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <map>
#include <random>
#include <thread>

#include "trans/table_view.h"

namespace memfabric::trans {
namespace {

using memory::AddressRange;
using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Outcome = TableView::Outcome;
using Part = TableView::Part;
using Row = trans::Run;  // Test has a function of that name

Deadline soon() {
    return Deadline::after(std::chrono::seconds(30));
}

class Table : public ::testing::Test {
 protected:
    static TableView view_of(const RegistrationTable& table) {
        return TableView::open(Fd(::fcntl(table.descriptor(), F_DUPFD_CLOEXEC, 0))).value();
    }

    void apply(std::vector<Row> removed, std::vector<Row> added) {
        const Status status = table_.apply(removed, added);
        EXPECT_TRUE(status.is_ok()) << status.message();
    }

    Outcome check(std::vector<AddressRange> wanted) { return view_.check(wanted, parts_, missing_, soon()); }

    RegistrationTable table_ = RegistrationTable::create("table").value();
    TableView view_ = view_of(table_);
    std::vector<Part> parts_;
    TableView::Missing missing_;
};

TEST_F(Table, OffersNothingAtFirst) {
    EXPECT_EQ(check({{100, 1}}), Outcome::kMissing);
    EXPECT_EQ(missing_.address, 100U);
    EXPECT_EQ(check({}), Outcome::kCovered);
}

TEST_F(Table, OffersWhatWasAddedToTheLastByte) {
    apply({}, {{100, 200, 0}});
    EXPECT_EQ(check({{100, 100}, {199, 1}}), Outcome::kCovered);
    EXPECT_THAT(parts_, ElementsAre(Part{0, 100, 100, 0}, Part{1, 199, 1, 0}));
    EXPECT_EQ(check({{100, 100}, {150, 51}}), Outcome::kMissing);
    EXPECT_EQ(missing_.piece, 1U);
    EXPECT_EQ(missing_.address, 200U);
    EXPECT_EQ(check({{99, 2}}), Outcome::kMissing);
    EXPECT_EQ(missing_.address, 99U);
    EXPECT_EQ(check({{150, ~uint64_t{0}}}), Outcome::kMissing);
}

TEST_F(Table, RangesThatTouchAreOne) {
    apply({}, {{100, 200, 0}, {200, 300, 0}, {301, 400, 0}});
    EXPECT_EQ(check({{150, 150}}), Outcome::kCovered);
    EXPECT_THAT(parts_, ElementsAre(Part{0, 150, 150, 0}));
    EXPECT_EQ(check({{150, 200}}), Outcome::kMissing);
    EXPECT_EQ(missing_.address, 300U);
}

TEST_F(Table, KindsOfMemoryAreTold) {
    apply({}, {{100, 200, 0}, {200, 300, 7}, {300, 400, 7}});
    EXPECT_EQ(check({{150, 200}}), Outcome::kCovered);
    EXPECT_THAT(parts_, ElementsAre(Part{0, 150, 50, 0}, Part{0, 200, 150, 7}));
    ASSERT_TRUE(table_.put_segment(7, 200, 4096).is_ok());
    EXPECT_EQ(view_.segment(7), (AddressRange{200, 4096}));
    table_.drop_segment(7);
    EXPECT_EQ(view_.segment(7), std::nullopt);
    EXPECT_EQ(view_.segment(0), std::nullopt);
    EXPECT_EQ(view_.segment(1 << 20), std::nullopt);
    EXPECT_EQ(table_.put_segment(4096, 1, 1).code(), Code::kInvalidParam);
}

TEST_F(Table, RemovesOnlyWhatItHas) {
    apply({}, {{100, 200, 0}});
    const std::vector<Row> wrong = {{100, 150, 0}};
    const std::vector<Row> added = {{500, 600, 0}};
    const Status status = table_.apply(wrong, added);
    EXPECT_EQ(status.code(), Code::kObjectNotExists);
    EXPECT_THAT(status.message(), HasSubstr("0x64"));
    EXPECT_EQ(check({{500, 1}}), Outcome::kMissing);
    apply({{100, 200, 0}}, {});
    EXPECT_EQ(check({{100, 1}}), Outcome::kMissing);
    EXPECT_EQ(table_.size(), 0U);
}

TEST_F(Table, ReadersCannotWrite) {
    void* const mapped = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, table_.descriptor(), 0);
    EXPECT_EQ(mapped, MAP_FAILED);
    const uint64_t word = 1;
    EXPECT_LT(::pwrite(table_.descriptor(), &word, sizeof word, 0), 0);
    EXPECT_NE(::ftruncate(table_.descriptor(), 0), 0);
}

TEST_F(Table, SaysWhenItsOwnerIsGone) {
    apply({}, {{100, 200, 0}});
    table_.close();
    EXPECT_EQ(check({{100, 1}}), Outcome::kClosed);
}

TEST_F(Table, EveryChangeIsHeardOf) {
    const uint32_t before = view_.generation();
    view_.wait_change(before, Deadline::after(milliseconds(1)));
    EXPECT_EQ(view_.generation(), before);
    std::jthread writer([&] { apply({}, {{100, 200, 0}}); });
    view_.wait_change(before, soon());
    EXPECT_NE(view_.generation(), before);
    EXPECT_EQ(check({{100, 1}}), Outcome::kCovered);
}

TEST_F(Table, GrowsAndShrinksAgain) {
    constexpr uint64_t kCount = 30000;
    std::vector<Row> runs;
    for (uint64_t i = 0; i < kCount; ++i) {
        runs.push_back({(i + 1) * 100, (i + 1) * 100 + 50, 0});
    }
    std::shuffle(runs.begin(), runs.end(), std::mt19937_64(1));
    for (const Row& run : runs) {
        apply({}, {run});
    }
    EXPECT_EQ(table_.size(), kCount);
    for (const Row& run : runs) {
        ASSERT_EQ(check({{run.begin, 50}}), Outcome::kCovered);
        ASSERT_EQ(check({{run.begin, 51}}), Outcome::kMissing);
    }
    apply(runs, {});
    EXPECT_EQ(table_.size(), 0U);
    EXPECT_EQ(check({{100, 1}}), Outcome::kMissing);
}

TEST_F(Table, HoldsAMillionInOneGo) {
    constexpr uint64_t kCount = uint64_t{1} << 20;
    std::vector<Row> runs;
    for (uint64_t i = 0; i < kCount; ++i) {
        runs.push_back({(i + 1) * 8192, (i + 1) * 8192 + 4096, 0});
    }
    apply({}, runs);
    EXPECT_EQ(check({{8192, 4096}, {kCount * 8192, 4096}}), Outcome::kCovered);
    EXPECT_EQ(check({{kCount * 8192 + 4096, 1}}), Outcome::kMissing);
}

TEST_F(Table, SaysThatItIsFullAndKeepsWhatItHas) {
    std::vector<Row> runs;
    for (uint64_t i = 0; i < table_layout::kMaxChunks * table_layout::kEntriesPerChunk + 1; ++i) {
        runs.push_back({(i + 1) * 2, (i + 1) * 2 + 1, 0});
    }
    apply({}, {{1, 2, 0}});
    const Status status = table_.apply({}, runs);
    EXPECT_EQ(status.code(), Code::kResourceInUse);
    EXPECT_THAT(status.message(), HasSubstr("full"));
    EXPECT_EQ(check({{1, 1}}), Outcome::kCovered);
    EXPECT_EQ(table_.size(), 1U);
}

/// Random removals and additions, single and in batches, against a map.
TEST_F(Table, RandomHistoriesAgreeWithAModel) {
    std::mt19937_64 random(7);
    std::map<uint64_t, Row> model;
    const auto below = [&](uint64_t limit) { return random() % limit; };
    for (int step = 0; step < 3000; ++step) {
        std::vector<Row> removed;
        std::vector<Row> added;
        const bool shrink = step / 500 % 2 == 1;
        for (uint64_t i = 0, count = 1 + below(20); i < count; ++i) {
            const uint64_t begin = (1 + below(5000)) * 10;
            const auto near = model.lower_bound(begin);
            if (shrink && near != model.end()) {
                removed.push_back(near->second);
                model.erase(near);
            } else if (!shrink && !model.contains(begin)) {
                added.push_back({begin, begin + 1 + below(10), static_cast<uint32_t>(below(3))});
                model.emplace(begin, added.back());
            }
        }
        apply(removed, added);
        ASSERT_EQ(table_.size(), model.size());
        const uint64_t address = below(50020);
        const auto behind = model.upper_bound(address);
        const bool covered = behind != model.begin() && std::prev(behind)->second.end > address;
        ASSERT_EQ(check({{address, 1}}), covered ? Outcome::kCovered : Outcome::kMissing) << address;
        if (covered) {
            ASSERT_EQ(parts_.front().segment, std::prev(behind)->second.segment);
        }
    }
    for (const auto& [begin, run] : model) {
        ASSERT_EQ(check({{begin, run.end - begin}}), Outcome::kCovered);
    }
}

/// Two ranges become one and two again, which pushes the others to and fro: every byte is registered at every
/// moment.
TEST_F(Table, ReadersSeeNoHalfDoneChange) {
    std::vector<Row> runs;
    for (uint64_t i = 0; i < 400; ++i) {
        runs.push_back({1000 + i * 10, 1000 + i * 10 + 5, 0});
    }
    apply({}, runs);
    const std::vector<Row> low = {{10, 20, 0}, {20, 30, 0}};
    const std::vector<Row> high = {{10, 30, 0}};
    apply({}, low);
    std::atomic<bool> bad{false};
    std::atomic<int> looks{0};
    {
        std::vector<std::jthread> readers;
        for (int reader = 0; reader < 3; ++reader) {
            readers.emplace_back([&](const std::stop_token& stop) {
                const TableView view = view_of(table_);
                std::vector<Part> parts;
                TableView::Missing missing;
                while (!stop.stop_requested()) {
                    const std::array<AddressRange, 2> steady = {{{2230, 5}, {4990, 5}}};
                    const std::array<AddressRange, 1> joined = {{{12, 16}}};
                    bad = bad || view.check(steady, parts, missing, soon()) != Outcome::kCovered;
                    bad = bad || view.check(joined, parts, missing, soon()) != Outcome::kCovered;
                    ++looks;
                }
            });
        }
        for (int i = 0; i < 20000 || looks < 1000; ++i) {
            apply(low, high);
            apply(high, low);
        }
    }
    EXPECT_FALSE(bad);
}

/// A table of garbage of the right size, as a broken or hostile peer may hand it over.
TEST(TableView, SurvivesGarbage) {
    std::mt19937_64 random(3);
    Fd descriptor(::memfd_create("garbage", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    ASSERT_EQ(::ftruncate(descriptor.get(), sizeof(table_layout::Table)), 0);
    ASSERT_EQ(::fcntl(descriptor.get(), F_ADD_SEALS, F_SEAL_SHRINK), 0);
    Mapping mapping = Mapping::shared(descriptor.get(), sizeof(table_layout::Table)).value();
    auto& table = *reinterpret_cast<table_layout::Table*>(mapping.data());
    table.header.magic.store(table_layout::kMagic);
    const TableView view = TableView::open(std::move(descriptor)).value();
    for (int round = 0; round < 200; ++round) {
        table.header.chunks.store(static_cast<uint32_t>(round % 3 == 0 ? random() : random() % 40000));
        for (size_t i = 0; i < 64; ++i) {
            table_layout::ChunkPlace& place = table.directory[i];
            place.begin.store(random() % 1000 * (round % 2));
            place.chunk.store(static_cast<uint32_t>(round % 5 == 0 ? random() : random() % 20000));
            table_layout::Chunk& chunk = table.chunks[i];
            chunk.count.store(static_cast<uint32_t>(round % 7 == 0 ? random() : random() % 200));
            for (table_layout::Entry& entry : chunk.entries) {
                entry.begin.store(random() % 1000);
                entry.end.store(round % 4 == 0 ? random() : random() % 1000);
                entry.segment.store(static_cast<uint32_t>(random()));
            }
        }
        std::vector<Part> parts;
        TableView::Missing missing;
        const std::array<AddressRange, 3> wanted = {{{random() % 1000, random()}, {1, ~uint64_t{0}}, {5, 5}}};
        const Outcome outcome = view.check(wanted, parts, missing, soon());
        EXPECT_TRUE(outcome == Outcome::kCovered || outcome == Outcome::kMissing);
    }
    table.header.sequence.store(1);
    std::vector<Part> parts;
    TableView::Missing missing;
    const std::array<AddressRange, 1> wanted = {{{5, 5}}};
    EXPECT_EQ(view.check(wanted, parts, missing, Deadline::after(milliseconds(5))), Outcome::kBusy);
}

TEST(TableView, RefusesWhatIsNoTable) {
    Fd shrinkable(::memfd_create("table", MFD_CLOEXEC));
    ASSERT_EQ(::ftruncate(shrinkable.get(), sizeof(table_layout::Table)), 0);
    EXPECT_EQ(TableView::open(std::move(shrinkable)).status().code(), Code::kRefused);
    Fd small(::memfd_create("table", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    ASSERT_EQ(::fcntl(small.get(), F_ADD_SEALS, F_SEAL_SHRINK), 0);
    EXPECT_THAT(TableView::open(std::move(small)).status().message(), HasSubstr("0 bytes"));
    Fd empty(::memfd_create("table", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    ASSERT_EQ(::ftruncate(empty.get(), sizeof(table_layout::Table)), 0);
    ASSERT_EQ(::fcntl(empty.get(), F_ADD_SEALS, F_SEAL_SHRINK), 0);
    EXPECT_THAT(TableView::open(std::move(empty)).status().message(), HasSubstr("is none"));
    EXPECT_EQ(TableView::open(Fd()).status().code(), Code::kRefused);
}

}  // namespace
}  // namespace memfabric::trans
