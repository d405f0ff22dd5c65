// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

namespace memfabric::copy {

/// Helper threads that share the calls of one job with the thread that brings it. They are started by the
/// first job and sleep when there is none. One job at a time: a second caller does its own job alone, and
/// waits for nobody.
class ThreadTeam {
 public:
    explicit ThreadTeam(size_t helpers) : helpers_(helpers) {}
    /// No job may run.
    ~ThreadTeam();
    ThreadTeam(const ThreadTeam&) = delete;
    ThreadTeam& operator=(const ThreadTeam&) = delete;

    size_t helpers() const { return helpers_; }

    /// Calls `work(index)` once for every index below `count`, on the caller and on whichever helpers are
    /// free, in any order; returns when all calls have. What the calls wrote is visible to the caller. `work`
    /// must not throw.
    template <typename Work>
    void run(uint32_t count, const Work& work) {
        run_erased(
            count, [](const void* context, uint32_t index) { (*static_cast<const Work*>(context))(index); },
            &work);
    }

 private:
    using Call = void (*)(const void* context, uint32_t index);

    void run_erased(uint32_t count, Call call, const void* context);
    void start_helpers();
    void help(const std::stop_token& stop);
    bool run_one();
    void await_job(uint32_t seen, const std::stop_token& stop) const;
    void await_end() const;

    // Each on a line of its own: claims, ends and new jobs are noticed by different threads.
    alignas(64) std::atomic<uint32_t> remaining_{0};   // calls that nobody has claimed
    alignas(64) std::atomic<uint32_t> unfinished_{0};  // calls that have not returned
    alignas(64) std::atomic<uint32_t> jobs_{0};  // changes with every job, and to wake the helpers at the end

    // The job: written by the owner while remaining_ is 0, read by whoever has claimed a call of it.
    alignas(64) Call call_ = nullptr;
    const void* context_ = nullptr;
    uint32_t count_ = 0;

    bool started_ = false;
    const size_t helpers_;
    std::mutex owner_;                   // held by the caller whose job this is
    std::vector<std::jthread> threads_;  // last: they end before what they use
};

}  // namespace memfabric::copy
