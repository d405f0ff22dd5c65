// SPDX-License-Identifier: Apache-2.0
#include "copy/thread_team.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <set>
#include <thread>
#include <vector>

namespace memfabric::copy {
namespace {

TEST(ThreadTeam, calls_every_index_once) {
    ThreadTeam team(3);
    for (const uint32_t count : {0U, 1U, 2U, 3U, 64U, 1000U}) {
        std::vector<std::atomic<int>> calls(count);
        team.run(count, [&](uint32_t index) { ++calls[index]; });
        for (uint32_t index = 0; index < count; ++index) {
            ASSERT_EQ(calls[index], 1) << index << " of " << count;
        }
    }
}

TEST(ThreadTeam, works_without_helpers) {
    ThreadTeam team(0);
    std::vector<uint32_t> order;
    team.run(4, [&](uint32_t index) { order.push_back(index); });
    EXPECT_EQ(order, (std::vector<uint32_t>{0, 1, 2, 3}));
}

TEST(ThreadTeam, shares_a_job_with_its_helpers) {
    ThreadTeam team(1);
    // Both calls wait for each other, so they end only where two threads make them.
    std::latch both(2);
    std::array<std::thread::id, 2> ids;
    team.run(2, [&](uint32_t index) {
        ids.at(index) = std::this_thread::get_id();
        both.arrive_and_wait();
    });
    EXPECT_NE(ids[0], ids[1]);
    EXPECT_TRUE(ids[0] == std::this_thread::get_id() || ids[1] == std::this_thread::get_id());
}

TEST(ThreadTeam, makes_what_was_written_visible) {
    ThreadTeam team(2);
    std::vector<uint32_t> plain(5000);
    for (uint32_t round = 1; round <= 50; ++round) {
        team.run(static_cast<uint32_t>(plain.size()), [&](uint32_t index) { plain[index] += index; });
        ASSERT_EQ(plain[4999], 4999 * round);
    }
}

TEST(ThreadTeam, lets_a_second_caller_work_alone) {
    ThreadTeam team(1);
    std::latch inside(1);
    std::latch release(1);
    std::jthread first([&] {
        team.run(2, [&](uint32_t index) {
            if (index == 0) {
                inside.count_down();
            }
            release.wait();
        });
    });
    inside.wait();
    // The first job holds the team until we release it: ours must end all the same, on this thread.
    std::set<std::thread::id> ids;
    team.run(100, [&](uint32_t /*index*/) { ids.insert(std::this_thread::get_id()); });
    EXPECT_EQ(ids, std::set{std::this_thread::get_id()});
    release.count_down();
}

TEST(ThreadTeam, survives_many_callers) {
    ThreadTeam team(3);
    constexpr int kCallers = 6;
    constexpr int kJobs = 300;
    std::atomic<uint64_t> calls{0};
    {
        std::vector<std::jthread> callers;
        for (int caller = 0; caller < kCallers; ++caller) {
            callers.emplace_back([&] {
                for (int job = 0; job < kJobs; ++job) {
                    team.run(7, [&](uint32_t /*index*/) { ++calls; });
                }
            });
        }
    }
    EXPECT_EQ(calls, uint64_t{kCallers} * kJobs * 7);
}

}  // namespace
}  // namespace memfabric::copy
