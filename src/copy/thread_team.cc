// SPDX-License-Identifier: Apache-2.0
#include "copy/thread_team.h"

#include <chrono>
#include <new>

#include "base/log.h"
#include "base/thread.h"
#include "copy/cpu.h"

namespace memfabric::copy {
namespace {

/// About what it costs to wake a thread: who waits for less than this is better off spinning.
constexpr std::chrono::microseconds kSpin{10};

/// Spins until the value differs from `seen`; false where it still does not after kSpin.
bool spin_while(const std::atomic<uint32_t>& value, uint32_t seen) {
    constexpr int kLooksPerClock = 16;
    const auto end = std::chrono::steady_clock::now() + kSpin;
    do {
        for (int look = 0; look < kLooksPerClock; ++look) {
            if (value.load(std::memory_order_acquire) != seen) {
                return true;
            }
            relax();
        }
    } while (std::chrono::steady_clock::now() < end);
    return false;
}

}  // namespace

ThreadTeam::~ThreadTeam() {
    for (std::jthread& thread : threads_) {
        thread.request_stop();
    }
    jobs_.fetch_add(1, std::memory_order_release);
    jobs_.notify_all();
}

void ThreadTeam::run_erased(uint32_t count, Call call, const void* context) {
    std::unique_lock owner(owner_, std::defer_lock);
    if (count < 2 || helpers_ == 0 || !owner.try_lock()) {
        for (uint32_t index = 0; index < count; ++index) {
            call(context, index);
        }
        return;
    }
    start_helpers();
    call_ = call;
    context_ = context;
    count_ = count;
    unfinished_.store(count, std::memory_order_relaxed);
    remaining_.store(count, std::memory_order_release);
    jobs_.fetch_add(1, std::memory_order_release);
    jobs_.notify_all();
    while (run_one()) {
    }
    await_end();
}

void ThreadTeam::start_helpers() {
    if (started_) {
        return;
    }
    started_ = true;
    try {
        threads_.reserve(helpers_);
        while (threads_.size() < helpers_) {
            threads_.push_back(start_thread("mf-copy", [this](const std::stop_token& stop) { help(stop); }));
        }
    } catch (const std::bad_alloc& error) {
        log_warn("copy: {} of {} helper threads could be started ({}); copies go on with them",
                 threads_.size(), helpers_, error.what());
    }
}

void ThreadTeam::help(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
        const uint32_t seen = jobs_.load(std::memory_order_acquire);
        while (run_one()) {
        }
        await_job(seen, stop);
    }
}

/// Claims one call and makes it. The claim is what makes the job's fields readable: its owner cannot return,
/// and so set up another, before the claimed call has.
bool ThreadTeam::run_one() {
    uint32_t left = remaining_.load(std::memory_order_acquire);
    do {
        if (left == 0) {
            return false;
        }
    } while (!remaining_.compare_exchange_weak(left, left - 1, std::memory_order_acquire,
                                               std::memory_order_acquire));
    call_(context_, count_ - left);
    if (unfinished_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
        unfinished_.notify_one();
    }
    return true;
}

void ThreadTeam::await_job(uint32_t seen, const std::stop_token& stop) const {
    if (!stop.stop_requested() && !spin_while(jobs_, seen)) {
        jobs_.wait(seen, std::memory_order_acquire);
    }
}

void ThreadTeam::await_end() const {
    for (uint32_t left = unfinished_.load(std::memory_order_acquire); left != 0;
         left = unfinished_.load(std::memory_order_acquire)) {
        if (!spin_while(unfinished_, left)) {
            unfinished_.wait(left, std::memory_order_acquire);
        }
    }
}

}  // namespace memfabric::copy
