// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace memfabric::shortage {

/// While it lives, allocations of C++ fail in this process, on whatever thread they are made but a store's:
/// that is another process's, mostly.
class Shortage {
 public:
    /// The allocation after so many others, and `length - 1` after that.
    explicit Shortage(uint64_t after, uint64_t length = 1);
    /// All of at least so many bytes.
    static Shortage of_large(size_t least);
    /// All of them, until the time has passed.
    explicit Shortage(std::chrono::milliseconds time);
    ~Shortage();
    Shortage(const Shortage&) = delete;
    Shortage& operator=(const Shortage&) = delete;

    /// Whether an allocation has failed.
    bool has_struck() const;

 private:
    Shortage() = default;
};

/// A library, by how the names of its files begin.
using LibraryFiles = std::array<const char*, 2>;
inline constexpr LibraryFiles kLibfabric{"libfabric.so", "libfabric.so"};
inline constexpr LibraryFiles kOpenSsl{"libssl.so", "libcrypto.so"};

/// While it lives, a library gets no memory from the C library, on whatever thread but a store's. A process
/// loads libfabric once, and it may keep to what it ran short of, so that is for processes of its own.
class LibraryShortage {
 public:
    /// None after so many allocations, and none of less than `least` bytes is refused.
    explicit LibraryShortage(const LibraryFiles& library, uint64_t after, size_t least = 0);
    ~LibraryShortage();
    LibraryShortage(const LibraryShortage&) = delete;
    LibraryShortage& operator=(const LibraryShortage&) = delete;

    /// Not under sanitizers, whose allocation functions nobody else may replace.
    static bool is_possible();
    static bool has_struck();
};

/// While it lives, no more than so many threads can be started in this process. Not possible where
/// LibraryShortage is not.
class ThreadShortage {
 public:
    explicit ThreadShortage(uint64_t after);
    ~ThreadShortage();
    ThreadShortage(const ThreadShortage&) = delete;
    ThreadShortage& operator=(const ThreadShortage&) = delete;

    static bool has_struck();
};

/// Makes the call again and again; each time another one of its allocations fails, in order, until there is
/// none. `look` looks at what the call returned.
template <typename Call, typename Look>
void fail_each_allocation(const Call& call, const Look& look) {
    constexpr uint64_t kMost = 1000000;
    constexpr uint64_t kEach = 200;  // of more than so many, fewer and fewer
    uint64_t after = 0;
    for (bool struck = true; struck && after < kMost && !testing::Test::HasFailure();
         after += 1 + after / kEach) {
        const auto outcome = [&] {
            const Shortage shortage(after);
            auto returned = call();
            struck = shortage.has_struck();
            return returned;
        }();
        SCOPED_TRACE("allocation " + std::to_string(after));
        look(outcome);
    }
    EXPECT_GT(after, 1U) << "nothing was allocated";
    EXPECT_LT(after, kMost);
}

}  // namespace memfabric::shortage
