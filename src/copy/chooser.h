// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "base/options.h"
#include "copy/engine.h"
#include "copy/kernels.h"
#include "copy/recency.h"

namespace memfabric::copy {

/// Decides by which kernel data is copied.
class Chooser {
 public:
    explicit Chooser(const Options& options);

    /// The kernel for one contiguous piece that is part of a call of `total` bytes.
    const Kernel& choose(const std::byte* destination, const std::byte* source, size_t size, size_t total,
                         Temperature temperature);

 private:
    enum class Rule { kPlain, kNontemporal, kBySize, kByRecency };
    static Rule rule_of(const Options& options);

    const Rule rule_;
    const size_t cold_from_;  // from here on data is cold whatever was copied before
    const Kernel& plain_;
    const Kernel& nontemporal_;
    Recency recency_;
};

}  // namespace memfabric::copy
