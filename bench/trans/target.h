// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace memfabric::bench {

/// What the target's process has registered, in its own addresses.
struct TargetPlaces {
    uint64_t private_memory = 0;
    uint64_t pool_memory = 0;
};

/// The other process: a session with registered memory of both kinds, every page of it touched. Forked before
/// this process uses the library.
class Target {
 public:
    /// The store's URL is the bench's to choose; the target waits for it.
    Target(const std::string& store_url, size_t size);
    ~Target();
    Target(const Target&) = delete;
    Target& operator=(const Target&) = delete;

    /// Returns when the session is ready; call it once the store runs.
    TargetPlaces await_ready();
    pid_t pid() const { return pid_; }
    static constexpr const char* kSession = "127.0.0.1:7001";
    /// Opens one more session in the target's process, registers its private memory there, and returns at
    /// once when that is done.
    void open_fresh_session();
    static constexpr const char* kFreshSession = "127.0.0.1:7002";

 private:
    pid_t pid_ = -1;
    int to_target_ = -1;
    int from_target_ = -1;
};

}  // namespace memfabric::bench
