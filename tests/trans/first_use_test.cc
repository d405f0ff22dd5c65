// SPDX-License-Identifier: Apache-2.0
#include "trans/first_use.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <optional>
#include <utility>

#include "base/mapping.h"
#include "memory/segment.h"

namespace memfabric::trans {
namespace {

constexpr uint64_t kKiB = uint64_t{1} << 10;
constexpr uint64_t kMiB = uint64_t{1} << 20;

TEST(FirstUse, EveryPartIsNewOnce) {
    FirstUse use;
    EXPECT_TRUE(use.note(0, 1));
    EXPECT_FALSE(use.note(0, 64 * kKiB));
    EXPECT_TRUE(use.note(64 * kKiB - 1, 2));
    EXPECT_FALSE(use.note(64 * kKiB, 64 * kKiB));
}

TEST(FirstUse, NewPartsAreSeenAmongKnownOnes) {
    FirstUse use;
    EXPECT_TRUE(use.note(0, kMiB));
    EXPECT_TRUE(use.note(2 * kMiB, kMiB));
    EXPECT_TRUE(use.note(0, 3 * kMiB));
    EXPECT_FALSE(use.note(0, 3 * kMiB));
}

TEST(FirstUse, BlocksFarApartAndTheirBordersAreKeptApart) {
    constexpr uint64_t kFar = uint64_t{1} << 44;
    FirstUse use;
    EXPECT_TRUE(use.note(64 * kMiB - 1, 1));
    EXPECT_TRUE(use.note(64 * kMiB, 1));
    EXPECT_TRUE(use.note(kFar, 1));
    EXPECT_FALSE(use.note(64 * kMiB - 1, 2));
    EXPECT_FALSE(use.note(kFar, 1));
}

class MapPages : public ::testing::Test {
 protected:
    void SetUp() override {
        Result<memory::Segment> made = memory::Segment::create("map-pages", kSize, Options{}, kSize);
        ASSERT_TRUE(made.is_ok()) << made.status().message();
        segment_.emplace(std::move(made).value());
    }

    Mapping map() const { return Mapping::shared(segment_->descriptor(), kSize).value(); }

    uint64_t taken() const {
        struct stat status {};
        EXPECT_EQ(::fstat(segment_->descriptor(), &status), 0);
        return static_cast<uint64_t>(status.st_blocks) * 512;
    }

    static constexpr uint64_t kSize = 8 * kMiB;
    const uint64_t page_ = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
    std::optional<memory::Segment> segment_;
};

long faults_of_writing(const Mapping& mapping) {
    rusage before{};
    rusage after{};
    ::getrusage(RUSAGE_SELF, &before);
    std::memset(mapping.data(), 1, mapping.size());
    ::getrusage(RUSAGE_SELF, &after);
    return after.ru_minflt - before.ru_minflt;
}

TEST_F(MapPages, WritingThemFaultsNoMore) {
    ASSERT_TRUE(segment_->commit(0, kSize).is_ok());
    const Mapping probe = map();
    if (::madvise(probe.data(), kSize, MADV_POPULATE_READ) != 0) {
        GTEST_SKIP() << "this kernel cannot enter pages ahead";
    }
    constexpr long kFew = kSize / (32 * kKiB);
    if (faults_of_writing(probe) >= kFew) {
        GTEST_SKIP() << "writing takes pages for other reasons here, such as a sanitizer's notes";
    }
    if (faults_of_writing(map()) < kFew) {
        GTEST_SKIP() << "this kernel enters several pages at a time when they are written";
    }
    const Mapping mapping = map();
    map_pages({mapping.data() + 1, kSize - 2});
    EXPECT_LT(faults_of_writing(mapping), kFew);
}

TEST_F(MapPages, NoPageIsTakenThatTheBytesDoNotLieIn) {
    const Mapping mapping = map();
    const uint64_t before = taken();
    map_pages({mapping.data() + page_ + 10, page_});
    EXPECT_LE(taken(), before + 2 * page_);
}

TEST_F(MapPages, BytesStayAsTheyAre) {
    ASSERT_TRUE(segment_->commit(0, kSize).is_ok());
    const Mapping written = map();
    std::memset(written.data(), 7, kSize);
    const Mapping mapping = map();
    map_pages({mapping.data(), kSize});
    EXPECT_EQ(std::memcmp(mapping.data(), written.data(), kSize), 0);
}

}  // namespace
}  // namespace memfabric::trans
