// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <future>
#include <string>
#include <thread>

#include "descriptor.h"

namespace mf {

/// A config store on a thread of this process; ends with the object.
class BackgroundStore {
 public:
    /// Returns once it listens. Throws std::runtime_error where it cannot.
    explicit BackgroundStore(const std::string& url);
    ~BackgroundStore();
    BackgroundStore(const BackgroundStore&) = delete;
    BackgroundStore& operator=(const BackgroundStore&) = delete;

    /// Where it really listens.
    const std::string& url() const { return url_; }

 private:
    Descriptor stop_;
    std::string url_;
    std::thread thread_;
};

}  // namespace mf
