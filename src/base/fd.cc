// SPDX-License-Identifier: Apache-2.0
#include "base/fd.h"

#include <unistd.h>

namespace memfabric {

Fd& Fd::operator=(Fd&& other) noexcept {
    if (this != &other) {
        reset();
        descriptor_ = std::exchange(other.descriptor_, -1);
    }
    return *this;
}

void Fd::reset() {
    if (const int descriptor = release(); descriptor >= 0) {
        ::close(descriptor);
    }
}

}  // namespace memfabric
