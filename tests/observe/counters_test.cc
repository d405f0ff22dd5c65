// SPDX-License-Identifier: Apache-2.0
#include "observe/counters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "observe/reading.h"
#include "observe/writer.h"

namespace memfabric::observe {
namespace {

Reading now() {
    Result<Reading> reading = read_own_board();
    EXPECT_TRUE(reading.is_ok()) << reading.status().message();
    return std::move(reading).value();
}

Reading::Count counted(const std::string& peer) {
    Reading::Count sum;
    for (const Reading::Count& count : now().counts) {
        if (count.peer == peer) {
            sum.operations += count.operations;
            sum.bytes += count.bytes;
        }
    }
    return sum;
}

/// As SHMEM counts: quickly, or else with the rare cases; whether it is to be measured.
bool count_word(uint32_t word) {
    return !count_word_quickly(static_cast<ptrdiff_t>(word * sizeof(uint64_t)), 0) && count_word_slowly(word);
}

TEST(Counters, SumsOverThreadsThatLiveAndThatHaveEnded) {
    const uint32_t cell = cell_of(Operation::kTransWrite, Path::kAttach, "sum");
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread) {
        threads.emplace_back([cell] {
            for (int i = 0; i < 1000; ++i) {
                static_cast<void>(count(cell, 3));
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    static_cast<void>(count(cell, 5));
    EXPECT_EQ(counted("sum").operations, 4001U);
    EXPECT_EQ(counted("sum").bytes, 12005U);
}

TEST(Counters, MoreThreadsThanShardsLoseNothing) {
    const uint32_t cell = cell_of(Operation::kTransWrite, Path::kAttach, "crowd");
    const uint32_t word = words_of(Operation::kShmemPut, Path::kMapped, "crowd of words", 0, 1).first_word;
    constexpr int kThreads = static_cast<int>(kShards) + 20;
    std::atomic<int> counting{0};
    std::vector<std::thread> threads;
    for (int thread = 0; thread < kThreads; ++thread) {
        threads.emplace_back([&] {
            static_cast<void>(count(cell, 1));
            counting.fetch_add(1);
            while (counting.load() != kThreads) {  // all have their cells, or found none left
                std::this_thread::yield();
            }
            for (int i = 0; i < 99; ++i) {
                static_cast<void>(count(cell, 1));
                static_cast<void>(count_word(word));
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(counted("crowd").operations, 100U * kThreads);
    EXPECT_EQ(counted("crowd of words 0").operations, 99U * kThreads);
}

TEST(Counters, TheSameNameIsTheSameCell) {
    const uint32_t cell = cell_of(Operation::kBmPut, Path::kMapped, "name");
    EXPECT_EQ(cell_of(Operation::kBmPut, Path::kMapped, "name"), cell);
    EXPECT_NE(cell_of(Operation::kBmGet, Path::kMapped, "name"), cell);
    EXPECT_NE(cell_of(Operation::kBmPut, Path::kFabric, "name"), cell);
    EXPECT_NE(cell_of(Operation::kBmPut, Path::kMapped, "other name"), cell);
    const std::string longer(500, 'x');
    EXPECT_EQ(cell_of(Operation::kBmPut, Path::kMapped, longer),
              cell_of(Operation::kBmPut, Path::kMapped, longer));
}

TEST(Counters, NumberedPeersHaveTheirNumbers) {
    const uint32_t first = cells_of(Operation::kShmemPut, Path::kMapped, "numbered", 5, 3);
    EXPECT_EQ(cells_of(Operation::kShmemPut, Path::kMapped, "numbered", 5, 3), first);
    static_cast<void>(count(first, 8));
    static_cast<void>(count(first + 2, 8));
    EXPECT_EQ(counted("numbered 5").operations, 1U);
    EXPECT_EQ(counted("numbered 6").operations, 0U);
    EXPECT_EQ(counted("numbered 7").operations, 1U);
}

TEST(Counters, WordsAndCellsOfAPeerAreShownTogether) {
    const Words place = words_of(Operation::kShmemGet, Path::kMapped, "in words", 0, 3);
    EXPECT_EQ(words_of(Operation::kShmemGet, Path::kMapped, "in words", 0, 3).first_word, place.first_word);
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread) {
        threads.emplace_back([place] {
            for (int i = 0; i < 3000; ++i) {
                static_cast<void>(count_word(place.first_word + 2));
            }
            static_cast<void>(count(place.first_cell + 2, 5));
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    static_cast<void>(count_word(place.first_word));
    EXPECT_EQ(counted("in words 0").bytes, 8U);
    EXPECT_EQ(counted("in words 1").operations, 0U);
    EXPECT_EQ(counted("in words 2").operations, 12004U);
    EXPECT_EQ(counted("in words 2").bytes, 12000U * 8 + 4 * 5);
    const uint32_t behind = cell_of(Operation::kShmemGet, Path::kMapped, "behind words");
    EXPECT_GE(behind, place.first_cell + 5);  // three cells, and three words in two more
    static_cast<void>(count(behind, 1));
    EXPECT_EQ(counted("in words 2").operations, 12004U);
}

TEST(Counters, OneIn1024OfAWordIsToBeMeasured) {
    const uint32_t word = words_of(Operation::kShmemAtomic, Path::kMapped, "sampled word", 0, 1).first_word;
    int measured = 0;
    for (uint64_t i = 0; i < 4 * kSampled; ++i) {
        measured += count_word(word) ? 1 : 0;
    }
    EXPECT_EQ(measured, 4);
    EXPECT_EQ(counted("sampled word 0").operations, 4 * kSampled);
}

TEST(Counters, OneIn1024IsToBeMeasured) {
    const uint32_t cell = cell_of(Operation::kBmPut, Path::kMapped, "sampled");
    int measured = 0;
    for (uint64_t i = 0; i < 4 * kSampled; ++i) {
        const bool announced = is_sampled(cell, 1);
        const bool wanted = count(cell, 8);
        EXPECT_TRUE(announced == wanted || i == 0);
        measured += wanted ? 1 : 0;
    }
    EXPECT_EQ(measured, 4);
    EXPECT_FALSE(is_sampled(cell, kSampled - 1));
    EXPECT_TRUE(is_sampled(cell, kSampled));
}

TEST(Counters, TimesGoIntoBucketsOfPowersOfTwo) {
    record_time(Operation::kFabricPut, Path::kFabric, std::chrono::nanoseconds(0));
    record_time(Operation::kFabricPut, Path::kFabric, std::chrono::nanoseconds(1000));
    record_time(Operation::kFabricPut, Path::kFabric, std::chrono::nanoseconds(1023));
    record_time(Operation::kFabricPut, Path::kFabric, std::chrono::nanoseconds(1024));
    record_time(Operation::kFabricPut, Path::kFabric, std::chrono::hours(24));
    for (const Reading::Time& time : now().times) {
        if (time.operation == Operation::kFabricPut) {
            EXPECT_EQ(time.path, Path::kFabric);
            EXPECT_EQ(time.measured(), 5U);
            EXPECT_EQ(time.buckets.at(0), 1U);
            EXPECT_EQ(time.buckets.at(10), 2U);
            EXPECT_EQ(time.buckets.at(11), 1U);
            EXPECT_EQ(time.buckets.back(), 1U);
            EXPECT_EQ(time.quantile(0.5), 1024U);
            EXPECT_EQ(time.quantile(0.6), 1024U);
            EXPECT_EQ(time.quantile(0.8), 2048U);
            return;
        }
    }
    FAIL() << "no times of fabric.put";
}

TEST(Counters, ErrorsAreCountedByFunctionAndCode) {
    count_error("smem_some_function", Code::kTimeout);
    count_error("smem_some_function", Code::kTimeout);
    count_error("smem_some_function", Code::kPeerLost);
    std::vector<std::pair<int32_t, uint64_t>> found;
    for (const Reading::Error& error : now().errors) {
        if (error.where == "smem_some_function") {
            found.emplace_back(error.code, error.count);
        }
    }
    EXPECT_THAT(found, testing::ElementsAre(std::pair(-2004, 2U), std::pair(-2012, 1U)));
}

TEST(Counters, AForkedChildCountsNothingInItsParent) {
    const uint32_t cell = cell_of(Operation::kTransWrite, Path::kAttach, "forked");
    const uint32_t word = words_of(Operation::kShmemPut, Path::kMapped, "forked word", 0, 1).first_word;
    static_cast<void>(count(cell, 1));
    static_cast<void>(count_word(word));
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        static_cast<void>(count(cell, 1));
        static_cast<void>(count_word(word));
        record_time(Operation::kTransRead, Path::kAttach, std::chrono::nanoseconds(1));
        count_error("smem_forked", Code::kTimeout);
        ::_exit(0);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    EXPECT_EQ(counted("forked").operations, 1U);
    EXPECT_EQ(counted("forked word 0").operations, 1U);
    const Reading reading = now();
    EXPECT_TRUE(
        std::ranges::none_of(reading.errors, [](const auto& error) { return error.where == "smem_forked"; }));
    EXPECT_TRUE(std::ranges::none_of(
        reading.times, [](const auto& time) { return time.operation == Operation::kTransRead; }));
}

TEST(Counters, AChildOfAProcessWithoutThreadsOfTheLibraryHasABoardOfItsOwn) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    const auto fork_one = [] {
        count_error("smem_before", Code::kInvalidParam);
        const pid_t child = ::fork();
        if (child == 0) {
            const bool begins_anew = now().errors.empty() && now().pid == ::getpid();
            count_error("smem_child", Code::kTimeout);
            static_cast<void>(count(cell_of(Operation::kTransWrite, Path::kAttach, "child"), 3));
            const bool counts = counted("child").bytes == 3 && now().errors.size() == 1;
            ::_exit(begins_anew && counts ? 0 : 1);
        }
        int status = -1;
        ::waitpid(child, &status, 0);
        const bool parents_is_as_before = now().errors.size() == 1 && counted("child").operations == 0;
        ::_exit(status == 0 && parents_is_as_before ? 0 : 1);
    };
    EXPECT_EXIT(fork_one(), testing::ExitedWithCode(0), "");
}

/// Programs keep cells in static variables, which a child has from its parent.
TEST(Counters, CellsThatTheParentWasGivenKeepTheirNamesInSuchAChild) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    const auto fork_one = [] {
        const uint32_t before = cell_of(Operation::kTransWrite, Path::kAttach, "before");
        static_cast<void>(count(before, 1));
        const pid_t child = ::fork();
        if (child == 0) {
            const bool begins_with_nothing = counted("before").operations == 0;
            static_cast<void>(count(before, 5));
            static_cast<void>(count(cell_of(Operation::kTransWrite, Path::kAttach, "after"), 3));
            std::thread([before] { static_cast<void>(count(before, 7)); }).join();
            const bool counts = counted("before").bytes == 12 && counted("after").bytes == 3;
            ::_exit(begins_with_nothing && counts ? 0 : 1);
        }
        int status = -1;
        ::waitpid(child, &status, 0);
        ::_exit(status == 0 && counted("before").bytes == 1 ? 0 : 1);
    };
    EXPECT_EXIT(fork_one(), testing::ExitedWithCode(0), "");
}

// The last of this file: afterwards there is no room.
TEST(CountersFull, WhatFindsNoRoomIsCountedTogether) {
    for (uint32_t i = 0; i <= kBlocks; ++i) {
        const uint32_t cell = cell_of(Operation::kTransWrite, Path::kStaging, "many " + std::to_string(i));
        static_cast<void>(count(cell, 2));
    }
    const Reading::Count rest = counted("other");
    EXPECT_GT(rest.operations, 0U);
    EXPECT_EQ(rest.bytes, 2 * rest.operations);
    const uint32_t spare = cells_of(Operation::kBmPut, Path::kMapped, "late", 0, kSpareCells);
    static_cast<void>(count(spare + kSpareCells - 1, 2));
    EXPECT_EQ(counted("other").operations, rest.operations + 1);
    const Words words = words_of(Operation::kBmPut, Path::kMapped, "late words", 0, kSpareCells);
    static_cast<void>(count_word(words.first_word + kSpareCells - 1));
    EXPECT_EQ(counted("other").operations, rest.operations + 2);
    EXPECT_EQ(counted("other").bytes, rest.bytes + 2 + kWordBytes);
}

}  // namespace
}  // namespace memfabric::observe
