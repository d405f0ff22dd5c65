// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace memfabric::observe {

/// What a part of the library adds to the process's page for Prometheus, for as long as this exists.
class MorePages {
 public:
    /// Samples in Prometheus' text format. Called on any thread, but not after the destructor has returned.
    using Page = std::function<std::string()>;
    explicit MorePages(Page page);
    ~MorePages();
    MorePages(const MorePages&) = delete;
    MorePages& operator=(const MorePages&) = delete;

 private:
    uint64_t number_;
};

/// All of them.
std::string more_pages();

}  // namespace memfabric::observe
