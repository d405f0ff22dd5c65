// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>

namespace memfabric {

/// Owns one file descriptor and closes it. A forked child's copy is closed at once, and by the child no more:
/// the number may be somebody else's there.
class Fd {
 public:
    Fd() = default;
    explicit Fd(int descriptor);
    Fd(Fd&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
    Fd& operator=(Fd&& other) noexcept;
    Fd(const Fd&) = delete;
    Fd& operator=(const Fd&) = delete;
    ~Fd() { reset(); }

    int get() const { return descriptor_; }
    bool is_open() const { return descriptor_ >= 0; }
    /// Gives up ownership; a forked child inherits it from then on.
    int release();
    void reset();

 private:
    int descriptor_ = -1;
};

}  // namespace memfabric
