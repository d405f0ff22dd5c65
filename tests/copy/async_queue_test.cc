// SPDX-License-Identifier: Apache-2.0
#include "copy/async_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <latch>
#include <stdexcept>
#include <thread>
#include <vector>

namespace memfabric::copy {
namespace {

using std::chrono::milliseconds;

Status failed(const char* text) {
    return failure(Code::kPeerLost, "{}", text);
}

TEST(AsyncQueue, runs_operations_in_their_order_on_one_thread) {
    AsyncQueue queue;
    std::vector<int> order;
    std::vector<std::thread::id> threads;
    for (int i = 0; i < 100; ++i) {
        queue.submit([&, i] {
            order.push_back(i);
            threads.push_back(std::this_thread::get_id());
            return Status::ok();
        });
    }
    ASSERT_TRUE(queue.wait(Deadline::never()).is_ok());
    ASSERT_EQ(order.size(), 100U);
    for (size_t i = 0; i < order.size(); ++i) {
        EXPECT_EQ(order[i], static_cast<int>(i));
        EXPECT_EQ(threads[i], threads[0]);
    }
    EXPECT_NE(threads[0], std::this_thread::get_id());
}

TEST(AsyncQueue, has_nothing_to_wait_for_at_first) {
    AsyncQueue queue;
    EXPECT_TRUE(queue.wait(Deadline::after(milliseconds(0))).is_ok());
}

TEST(AsyncQueue, reports_the_first_failure_once) {
    AsyncQueue queue;
    bool later_ran = false;
    queue.submit([] { return failed("first"); });
    queue.submit([] { return failed("second"); });
    queue.submit([&] {
        later_ran = true;
        return Status::ok();
    });
    const Status status = queue.wait(Deadline::never());
    EXPECT_EQ(status.code(), Code::kPeerLost);
    EXPECT_EQ(status.message(), "first");
    EXPECT_TRUE(later_ran) << "a failure does not stop what comes after it";
    EXPECT_TRUE(queue.wait(Deadline::never()).is_ok()) << "forgotten";
}

TEST(AsyncQueue, times_out_and_goes_on) {
    AsyncQueue queue;
    std::latch release(1);
    queue.submit([&] {
        release.wait();
        return failed("late");
    });
    EXPECT_EQ(queue.wait(Deadline::after(milliseconds(1))).code(), Code::kTimeout);
    release.count_down();
    const Status status = queue.wait(Deadline::after(milliseconds(30000)));
    EXPECT_EQ(status.message(), "late");
}

TEST(AsyncQueue, returns_the_first_of_what_failed_since_a_timeout) {
    AsyncQueue queue;
    std::latch first_runs(1);
    std::latch release(1);
    queue.submit([&] {
        first_runs.count_down();
        release.wait();
        return failed("first");
    });
    first_runs.wait();
    EXPECT_EQ(queue.wait(Deadline::after(milliseconds(0))).code(), Code::kTimeout);
    queue.submit([] { return failed("second"); });
    release.count_down();
    EXPECT_EQ(queue.wait(Deadline::never()).message(), "first");
    EXPECT_TRUE(queue.wait(Deadline::never()).is_ok());
}

TEST(AsyncQueue, turns_an_exception_into_a_failure) {
    AsyncQueue queue;
    queue.submit([]() -> Status { throw std::runtime_error("no memory"); });
    const Status status = queue.wait(Deadline::never());
    EXPECT_EQ(status.code(), Code::kError);
    EXPECT_NE(status.message().find("no memory"), std::string::npos);
}

TEST(AsyncQueue, runs_everything_before_it_is_destroyed) {
    std::atomic<int> ran{0};
    {
        AsyncQueue queue;
        for (int i = 0; i < 1000; ++i) {
            queue.submit([&] {
                ++ran;
                return Status::ok();
            });
        }
    }
    EXPECT_EQ(ran, 1000);
}

TEST(AsyncQueue, takes_operations_from_many_threads) {
    AsyncQueue queue;
    int unguarded = 0;  // the queue's one thread alone touches it
    {
        std::vector<std::jthread> callers;
        for (int caller = 0; caller < 4; ++caller) {
            callers.emplace_back([&] {
                for (int i = 0; i < 250; ++i) {
                    queue.submit([&] {
                        ++unguarded;
                        return Status::ok();
                    });
                }
                EXPECT_TRUE(queue.wait(Deadline::never()).is_ok());
            });
        }
    }
    EXPECT_EQ(unguarded, 1000);
}

TEST(AsyncQueue, may_be_given_more_by_an_operation) {
    AsyncQueue queue;
    std::latch inner(1);
    queue.submit([&] {
        queue.submit([&] {
            inner.count_down();
            return Status::ok();
        });
        return Status::ok();
    });
    inner.wait();
    EXPECT_TRUE(queue.wait(Deadline::never()).is_ok());
}

}  // namespace
}  // namespace memfabric::copy
