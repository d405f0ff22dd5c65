// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <semaphore>
#include <span>

#include "base/status.h"

namespace memfabric {

/// A buffer of two halves through which loads go: while one half is emptied, the other is filled.
class RelayHalves {
 public:
    /// Of a half, at most: long enough that the way there and back does not count.
    static constexpr size_t kSize = 1U << 20;
    /// What halves need for so many bytes in all.
    static size_t size_of(size_t total) { return std::min(total, kSize); }

    explicit RelayHalves(size_t size);

    using Step = std::function<Status(size_t load, std::span<std::byte> half)>;
    /// `fill` and `empty` for every load, in order; ends with the first failure, after the step that is under
    /// way.
    Status run(size_t loads, const Step& fill, const Step& empty);

 private:
    struct Half {
        std::binary_semaphore free{1};
        std::binary_semaphore full{0};
        std::unique_ptr<std::byte[]> bytes;
    };
    Half& half_of(size_t load) { return halves_.at(load % halves_.size()); }
    std::span<std::byte> bytes_of(size_t load) { return {half_of(load).bytes.get(), size_}; }
    Status run_overlapped(size_t loads, const Step& fill, const Step& empty);

    const size_t size_;
    std::array<Half, 2> halves_;
};

}  // namespace memfabric
