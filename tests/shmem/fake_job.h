// SPDX-License-Identifier: Apache-2.0
// A job of PEs on different hosts for tests of single files of src/shmem: their regions are memory that
// forked processes share, and what goes to another host is copied there in whatever way a test wants.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

namespace memfabric::shmem::test {

/// Instead of the end of the process: the text of fail().
struct JobEnded : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// A wait has lasted for longer than the job has patience.
struct GaveUp {};

/// Seen by all processes.
struct Shared {
    std::atomic<int> looks[2];  // how often PE 0 or 1 has looked at what comes in while it waited
    std::atomic<int> stage;     // for tests
};

class FakeJob {
 public:
    static constexpr uint64_t kStride = 2 << 20;

    /// This process is PE 0. `hosts[pe]` is the first PE of that one's host.
    explicit FakeJob(std::vector<int> hosts);
    ~FakeJob();
    FakeJob(const FakeJob&) = delete;
    FakeJob& operator=(const FakeJob&) = delete;

    /// This process is that PE from now on.
    void become(int pe);
    Shared& shared() const { return *shared_; }

    using Put = std::function<void(char* place, const char* source, size_t bytes)>;
    Put put;                 // plain copying at first
    bool has_memory = true;  // for messages
    // Puts go on until they are ended, with that outcome; those that fail are done at once.
    bool posts_go_on = false;
    int32_t outcome_of_posts = 0;
    int patience = 0;         // looks at what comes in, then a wait ends by GaveUp; 0: endless
    int open_posts = 0;       // of this process
    int ended_posts = 0;      // that were waited for
    std::string last_error_;  // what the library says of its last failure

 private:
    std::vector<int> hosts_;
    char* window_ = nullptr;
    Shared* shared_ = nullptr;
};

/// A forked process that does `work` as PE 1. wait() expects that all went well there.
class OtherPe {
 public:
    OtherPe(FakeJob& job, const std::function<void()>& work);
    ~OtherPe() { wait(); }
    OtherPe(const OtherPe&) = delete;
    OtherPe& operator=(const OtherPe&) = delete;

    void wait();

 private:
    pid_t pid_ = 0;
};

}  // namespace memfabric::shmem::test
