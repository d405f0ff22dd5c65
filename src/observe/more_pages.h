// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace memfabric::observe {

/// What a part of the library adds to the process's page for Prometheus, for as long as this exists.
class MorePages {
 public:
    /// Families in Prometheus' text format, each with its two lines of HELP and TYPE. Called on any thread,
    /// but not after the destructor has returned.
    using Page = std::function<std::string()>;
    explicit MorePages(Page page);
    ~MorePages();
    MorePages(const MorePages&) = delete;
    MorePages& operator=(const MorePages&) = delete;

 private:
    uint64_t number_;
};

/// All of them. A family that several pages have stands there once, with the samples of all.
std::string more_pages();

}  // namespace memfabric::observe
