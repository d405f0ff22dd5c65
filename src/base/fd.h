// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>

namespace memfabric {

/// Owns one file descriptor and closes it.
class Fd {
 public:
    Fd() = default;
    explicit Fd(int descriptor) : descriptor_(descriptor) {}
    Fd(Fd&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
    Fd& operator=(Fd&& other) noexcept;
    Fd(const Fd&) = delete;
    Fd& operator=(const Fd&) = delete;
    ~Fd() { reset(); }

    int get() const { return descriptor_; }
    bool is_open() const { return descriptor_ >= 0; }
    int release() { return std::exchange(descriptor_, -1); }
    void reset();

 private:
    int descriptor_ = -1;
};

}  // namespace memfabric
