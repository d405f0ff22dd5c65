// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

#include "common/report.h"
#include "measure/bm_pair.h"
#include "measure/buffer.h"

namespace memfabric::bench {

enum class Direction { kHostToPool, kPoolToHost };

/// The metrics of big memory. Samples of the library and of its references take turns, over different parts
/// of memory that is larger than the caches; what is reported are medians.
class BmMetrics {
 public:
    BmMetrics(const measure::BmPair& pair, size_t rounds)
        : pair_(pair), rounds_(rounds), host_(pair.region_size()) {}

    /// GB/s of copies of `size`, each at the next place; reference: the faster of memcpy and the non-temporal
    /// loop.
    Metric walk(const std::string& name, Direction direction, size_t size);

    /// GB/s of copies of the same buffers again and again; reference: memcpy.
    Metric hot(const std::string& name, size_t size);

    /// GB/s of 64 MiB copies; reference: the non-temporal loop on one thread.
    Metric parallel(const std::string& name);

    /// The same of the non-temporal loop on `threads` threads: how much of a second thread the machine's
    /// memory has.
    Metric plain_parallel(const std::string& name, size_t threads);

    /// Nanoseconds a copy of 8 bytes; reference: memcpy through a function pointer.
    Metric smallest(const std::string& name);

    /// Microseconds a batch of 61 x 128 KiB + 61 x 16 KiB, scattered elsewhere each time; reference: a loop
    /// of memcpy.
    Metric batch(const std::string& name);

 private:
    struct Ends;
    Ends ends(Direction direction, size_t offset) const;
    size_t advance(size_t size);

    const measure::BmPair& pair_;
    size_t rounds_;
    measure::Buffer host_;
    size_t position_ = 0;
};

}  // namespace memfabric::bench
