// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>

#include "base/options.h"
#include "copy/ordering.h"

namespace memfabric::copy {

class ThreadTeam;

/// One contiguous piece of a batch. The ranges do not overlap.
struct Piece {
    std::byte* destination = nullptr;
    const std::byte* source = nullptr;
    size_t size = 0;
};

/// `height` rows of `width` bytes, `source_pitch` and `destination_pitch` bytes apart.
struct Rows {
    std::byte* destination = nullptr;
    size_t destination_pitch = 0;
    const std::byte* source = nullptr;
    size_t source_pitch = 0;
    size_t width = 0;
    size_t height = 0;
};

/// What the caller knows of its data. kAuto: cold from the cache's share on; below it, cold unless the engine
/// copied to the same place of late.
enum class Temperature { kAuto, kCold, kHot };

/// Copies between ordinary addresses as fast as the machine can: picks the kernel by size and temperature and
/// shares big copies over helper threads that sleep when idle. All functions may be called from any threads
/// at once and return when every byte is in place and visible to whoever learns of it (non-temporal stores
/// are fenced, and nothing that the caller does next overtakes the copy).
class Engine {
 public:
    explicit Engine(const Options& options);
    ~Engine();
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    void copy(std::byte* destination, const std::byte* source, size_t size,
              Temperature temperature = Temperature::kAuto) {
        if (size >= kPlainBelow) {
            copy_large(destination, source, size, temperature);
        } else if (size == sizeof(uint64_t)) {
            copy_word(destination, source);
        } else if (size > 0) {
            std::memcpy(destination, source, size);
        }
        order_after_copy();
    }
    void copy_batch(std::span<const Piece> pieces, Temperature temperature = Temperature::kAuto);
    void copy_rows(const Rows& rows, Temperature temperature = Temperature::kAuto);

    /// Threads that share one big copy, the caller included.
    size_t thread_count() const;

    /// The helper threads, for jobs that are no copies between ordinary addresses.
    ThreadTeam& team();

 private:
    /// What is smaller than this is always left to memcpy: filling the pipe past the caches and draining it
    /// again costs more.
    static constexpr size_t kPlainBelow = 4096;

    void copy_large(std::byte* destination, const std::byte* source, size_t size, Temperature temperature);

    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace memfabric::copy
