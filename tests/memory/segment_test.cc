// SPDX-License-Identifier: Apache-2.0
#include "memory/segment.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mapping.h"
#include "memory/machine_memory.h"
#include "tests/base/file_limit.h"

namespace memfabric::memory {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;

Segment make(uint64_t size) {
    return Segment::create("test", size, Options(), 0).value();
}

uint64_t pages_taken(const Segment& segment) {
    struct stat facts {};
    EXPECT_EQ(::fstat(segment.descriptor(), &facts), 0);
    return static_cast<uint64_t>(facts.st_blocks) * 512;
}

TEST(Segment, IsSparseUntilCommitted) {
    Segment segment = make(1024 * kMiB);
    EXPECT_EQ(pages_taken(segment), 0U);
    ASSERT_TRUE(segment.commit(512 * kMiB, 4 * kMiB).is_ok());
    EXPECT_EQ(pages_taken(segment), 4 * kMiB);
    ASSERT_TRUE(segment.discard(512 * kMiB, 4 * kMiB).is_ok());
    EXPECT_EQ(pages_taken(segment), 0U);
}

TEST(Segment, WithoutADescriptorSaysWhatToDo) {
    const test::FileLimit limit(0);
    const auto segment = Segment::create("test", kMiB, Options(), 0);
    EXPECT_EQ(segment.status().code(), Code::kMallocFailed);
    const std::string& text = segment.status().message();
    EXPECT_NE(text.find("Too many open files"), std::string::npos) << text;
    EXPECT_NE(text.find("ulimit -n"), std::string::npos) << text;
}

TEST(Segment, DiscardedMemoryReadsZeros) {
    Segment segment = make(2 * kMiB);
    ASSERT_TRUE(segment.commit(0, 2 * kMiB).is_ok());
    const Mapping mapping = Mapping::shared(segment.descriptor(), 2 * kMiB).value();
    mapping.data()[2 * kMiB - 1] = std::byte{7};
    ASSERT_TRUE(segment.discard(0, 2 * kMiB).is_ok());
    EXPECT_EQ(mapping.data()[2 * kMiB - 1], std::byte{0});
}

TEST(Segment, CannotShrinkOrGrow) {
    const Segment segment = make(2 * kMiB);
    EXPECT_NE(::ftruncate(segment.descriptor(), 4096), 0);
    EXPECT_NE(::ftruncate(segment.descriptor(), static_cast<off_t>(4 * kMiB)), 0);
}

TEST(Segment, MoreThanTheMachineHasIsAFailureThatTakesNothing) {
    const uint64_t too_much = (available_bytes() / kMiB + 1024) * kMiB;
    Segment segment = make(too_much);
    const Status status = segment.commit(0, too_much);
    EXPECT_EQ(status.code(), Code::kMallocFailed);
    EXPECT_NE(status.message().find(std::to_string(too_much)), std::string::npos) << status.message();
    EXPECT_EQ(pages_taken(segment), 0U);
}

TEST(Segment, AdoptsWhatWasHandedOver) {
    const Segment segment = make(2 * kMiB);
    auto adopted = Segment::adopt(Fd(::fcntl(segment.descriptor(), F_DUPFD_CLOEXEC, 0)), 2 * kMiB);
    ASSERT_TRUE(adopted.is_ok());
    EXPECT_EQ(adopted->pages(), PageKind::kNormal);
}

TEST(Segment, RefusesToAdoptAnythingElse) {
    const Segment segment = make(2 * kMiB);
    EXPECT_EQ(Segment::adopt(Fd(::fcntl(segment.descriptor(), F_DUPFD_CLOEXEC, 0)), 4 * kMiB).status().code(),
              Code::kRefused);
    Fd unsealed(::memfd_create("unsealed", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    ASSERT_EQ(::ftruncate(unsealed.get(), static_cast<off_t>(2 * kMiB)), 0);
    EXPECT_EQ(Segment::adopt(std::move(unsealed), 2 * kMiB).status().code(), Code::kRefused);
    EXPECT_FALSE(Segment::adopt(Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC)), 0).is_ok());
}

TEST(Segment, HugePagesThatAreNotThereAreAFailureOnlyWhereRequired) {
    Options options;
    ASSERT_TRUE(options.set(OptionId::kHugePages, "require").is_ok());
    const uint64_t too_much = available_huge_bytes() + 2 * kMiB;
    const auto required = Segment::create("test", too_much, options, too_much);
    EXPECT_EQ(required.status().code(), Code::kMallocFailed);
    EXPECT_NE(required.status().message().find("nr_hugepages"), std::string::npos);
    ASSERT_TRUE(options.set(OptionId::kHugePages, "try").is_ok());
    auto tried = Segment::create("test", too_much, options, too_much);
    ASSERT_TRUE(tried.is_ok());
    EXPECT_EQ(tried->pages(), PageKind::kNormal);
}

TEST(SegmentLock, ExcludesOtherProcessesUntilItsHolderDies) {
    const Segment segment = make(2 * kMiB);
    int ready[2];
    ASSERT_EQ(::pipe(ready), 0);
    // The child of a fork gets none of the library's descriptors, so it is handed one as another process is.
    const int handed_on = ::fcntl(segment.descriptor(), F_DUPFD_CLOEXEC, 0);
    const pid_t child = ::fork();
    if (child == 0) {
        const Segment same = Segment::adopt(Fd(handed_on), 2 * kMiB).value();
        const auto lock = SegmentLock::try_lock(same, 5);
        const char held = lock ? 'y' : 'n';
        static_cast<void>(!::write(ready[1], &held, 1));
        ::pause();
        ::_exit(0);
    }
    char held = 0;
    ASSERT_EQ(::read(ready[0], &held, 1), 1);
    EXPECT_EQ(held, 'y');
    EXPECT_FALSE(SegmentLock::try_lock(segment, 5).has_value());
    EXPECT_TRUE(SegmentLock::try_lock(segment, 6).has_value());
    ::kill(child, SIGKILL);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    EXPECT_TRUE(SegmentLock::try_lock(segment, 5).has_value());
    ::close(handed_on);
    ::close(ready[0]);
    ::close(ready[1]);
}

}  // namespace
}  // namespace memfabric::memory
