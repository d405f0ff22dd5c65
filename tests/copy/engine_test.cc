// SPDX-License-Identifier: Apache-2.0
#include "copy/engine.h"

#include <gtest/gtest.h>

#include <array>
#include <latch>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/copy/arena.h"

namespace memfabric::copy {
namespace {

constexpr size_t kKiB = 1024;
constexpr size_t kMiB = 1024 * kKiB;

struct Setting {
    std::string name;
    std::string threads;
    std::string kernel;
};

Options options_of(const std::string& threads, const std::string& kernel) {
    Options options;
    EXPECT_TRUE(options.set(OptionId::kCopyThreads, threads).is_ok());
    EXPECT_TRUE(options.set(OptionId::kCopyKernel, kernel).is_ok());
    EXPECT_TRUE(
        options.set(OptionId::kCopyParallelMin, "64K").is_ok());  // so that small tests use the threads
    return options;
}

class EngineTest : public testing::TestWithParam<Setting> {
 protected:
    Engine engine_{options_of(GetParam().threads, GetParam().kernel)};
};

TEST_P(EngineTest, copies_sizes_around_every_threshold) {
    constexpr size_t kMargin = 128;
    constexpr std::array<size_t, 14> kSizes = {
        0,         1,         8,          4095,     4096,         16 * kKiB - 1, 16 * kKiB,
        64 * kKiB, 65 * kKiB, 256 * kKiB, kMiB + 1, 2 * kMiB - 3, 5 * kMiB,      9 * kMiB + 17};
    Arena arena(kSizes.back() + 2 * kMargin);
    for (const size_t size : kSizes) {
        for (const Temperature temperature : {Temperature::kAuto, Temperature::kCold, Temperature::kHot}) {
            arena.clear();
            arena.expect(kMargin + 3, kMargin, size);
            engine_.copy(arena.destination(kMargin + 3), arena.source(kMargin), size, temperature);
            ASSERT_TRUE(arena.holds()) << size;
        }
    }
}

TEST_P(EngineTest, copies_to_the_same_place_again) {
    Arena arena(300 * kKiB);
    arena.expect(64, 64, 256 * kKiB);
    for (int round = 0; round < 3; ++round) {
        engine_.copy(arena.destination(64), arena.source(64), 256 * kKiB);
        ASSERT_TRUE(arena.holds()) << round;
    }
}

TEST_P(EngineTest, copies_nothing_from_nowhere) {
    engine_.copy(nullptr, nullptr, 0);
    engine_.copy_rows({});
    engine_.copy_batch({});
    const std::array<Piece, 2> empty{};
    engine_.copy_batch(empty);
    SUCCEED() << "no address was touched";
}

/// Width, height, pitch of the source, pitch of the destination.
struct Shape {
    size_t width;
    size_t height;
    size_t source_pitch;
    size_t destination_pitch;
};

TEST_P(EngineTest, copies_rows_of_every_shape) {
    const std::array<Shape, 14> shapes = {{{1, 1, 1, 1},
                                           {1, 1000, 3, 2},
                                           {7, 999, 7, 7},
                                           {7, 999, 7, 13},
                                           {64, 4096, 64, 64},
                                           {64, 4096, 65, 129},
                                           {1000, 1000, 1000, 1001},
                                           {4096, 100, 8192, 4096},
                                           {16 * kKiB, 33, 16 * kKiB + 1, 20 * kKiB},
                                           {128 * kKiB, 17, 128 * kKiB, 128 * kKiB},
                                           {kMiB + 1, 3, kMiB + 5, kMiB + 64},
                                           {3 * kMiB, 2, 3 * kMiB + 1, 3 * kMiB},
                                           {0, 5, 8, 8},
                                           {5, 0, 8, 8}}};
    for (const Shape& shape : shapes) {
        const size_t rows = std::max<size_t>(shape.height, 1);
        Arena arena(rows * std::max(shape.source_pitch, shape.destination_pitch) + 128);
        for (size_t row = 0; row < shape.height; ++row) {
            arena.expect(64 + row * shape.destination_pitch, 64 + row * shape.source_pitch, shape.width);
        }
        engine_.copy_rows({.destination = arena.destination(64),
                           .destination_pitch = shape.destination_pitch,
                           .source = arena.source(64),
                           .source_pitch = shape.source_pitch,
                           .width = shape.width,
                           .height = shape.height});
        ASSERT_TRUE(arena.holds()) << shape.width << " x " << shape.height << ", pitches "
                                   << shape.source_pitch << " and " << shape.destination_pitch;
    }
}

TEST_P(EngineTest, repeats_one_row_into_many) {
    constexpr size_t kWidth = 1000;
    constexpr size_t kHeight = 500;
    Arena arena(kHeight * kWidth);
    for (size_t row = 0; row < kHeight; ++row) {
        arena.expect(row * kWidth, 0, kWidth);
    }
    engine_.copy_rows({.destination = arena.destination(),
                       .destination_pitch = kWidth,
                       .source = arena.source(),
                       .source_pitch = 0,
                       .width = kWidth,
                       .height = kHeight});
    EXPECT_TRUE(arena.holds());
}

TEST_P(EngineTest, copies_batches_of_mixed_pieces) {
    Arena arena(16 * kMiB);
    std::mt19937 random(7);
    for (int round = 0; round < 8; ++round) {
        arena.clear();
        std::vector<Piece> pieces;
        constexpr std::array<size_t, 8> kSizes = {0,          1,       100, 4096, 16 * kKiB, 128 * kKiB + 1,
                                                  600 * kKiB, 2 * kMiB};
        size_t to = 1;
        for (int i = 0; i < 30; ++i) {
            const size_t size = kSizes.at(random() % kSizes.size());
            if (to + size + 64 > 16 * kMiB) {
                break;
            }
            const size_t from = random() % (16 * kMiB - size);
            pieces.push_back(
                {.destination = arena.destination(to), .source = arena.source(from), .size = size});
            arena.expect(to, from, size);
            to += size + 1 + random() % 63;
        }
        engine_.copy_batch(pieces, round % 2 == 0 ? Temperature::kAuto : Temperature::kCold);
        ASSERT_TRUE(arena.holds()) << "round " << round;
    }
}

TEST_P(EngineTest, copies_many_small_pieces) {
    constexpr size_t kCount = 20000;
    Arena arena(kCount * 16);
    std::vector<Piece> pieces;
    for (size_t i = 0; i < kCount; ++i) {
        pieces.push_back({.destination = arena.destination(i * 16),
                          .source = arena.source((kCount - 1 - i) * 16),
                          .size = 13});
        arena.expect(i * 16, (kCount - 1 - i) * 16, 13);
    }
    engine_.copy_batch(pieces);
    EXPECT_TRUE(arena.holds());
}

TEST_P(EngineTest, serves_many_callers_at_once) {
    constexpr size_t kCallers = 8;
    constexpr size_t kSize = 300 * kKiB + 11;
    std::latch start(kCallers);
    std::array<bool, kCallers> held{};
    {
        std::vector<std::jthread> callers;
        for (size_t caller = 0; caller < kCallers; ++caller) {
            callers.emplace_back([&, caller] {
                Arena arena(kSize + 128);
                arena.expect(64, caller, kSize);
                start.arrive_and_wait();
                for (int round = 0; round < 10; ++round) {
                    engine_.copy(arena.destination(64), arena.source(caller), kSize);
                }
                held.at(caller) = arena.holds();
            });
        }
    }
    for (size_t caller = 0; caller < kCallers; ++caller) {
        EXPECT_TRUE(held.at(caller)) << caller;
    }
}

std::string name_of(const testing::TestParamInfo<Setting>& setting) {
    return setting.param.name;
}

INSTANTIATE_TEST_SUITE_P(All, EngineTest,
                         testing::Values(Setting{"one_thread", "1", "auto"},
                                         Setting{"two_threads", "2", "auto"},
                                         Setting{"five_threads", "5", "auto"},
                                         Setting{"memcpy", "2", "memcpy"},
                                         Setting{"nontemporal", "2", "nontemporal"}),
                         name_of);

TEST(Engine, has_the_threads_it_was_told_to_have) {
    EXPECT_EQ(Engine(options_of("1", "auto")).thread_count(), 1U);
    EXPECT_EQ(Engine(options_of("7", "auto")).thread_count(), 7U);
    const size_t by_default = Engine(Options()).thread_count();
    EXPECT_GE(by_default, 1U);
    EXPECT_LE(by_default, 4U);
}

TEST(Engine, ends_while_its_helpers_start) {
    for (int round = 0; round < 50; ++round) {
        Arena arena(256 * kKiB);
        arena.expect(0, 0, 256 * kKiB);
        {
            Engine engine(options_of("4", "auto"));
            engine.copy(arena.destination(), arena.source(), 256 * kKiB);
        }
        ASSERT_TRUE(arena.holds());
    }
}

}  // namespace
}  // namespace memfabric::copy
