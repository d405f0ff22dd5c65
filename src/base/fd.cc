// SPDX-License-Identifier: Apache-2.0
#include "base/fd.h"

#include <unistd.h>

#include "base/fork_guard.h"

namespace memfabric {

Fd::Fd(int descriptor) : descriptor_(descriptor) {
    close_in_forked_child(descriptor);
}

int Fd::release() {
    forget_in_forked_child(descriptor_);
    return std::exchange(descriptor_, -1);
}

Fd& Fd::operator=(Fd&& other) noexcept {
    if (this != &other) {
        reset();
        descriptor_ = std::exchange(other.descriptor_, -1);
    }
    return *this;
}

void Fd::reset() {
    if (const int descriptor = release(); descriptor >= 0 && !in_forked_child()) {
        ::close(descriptor);
    }
}

}  // namespace memfabric
