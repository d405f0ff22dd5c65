// SPDX-License-Identifier: Apache-2.0
#include "copy/kernels.h"

#include <cstring>
#include <vector>

#include "base/permanent.h"
#include "copy/kernels_arch.h"

namespace memfabric::copy {
namespace {

void copy_plain(std::byte* destination, const std::byte* source, size_t size) {
    if (size > 0) {
        std::memcpy(destination, source, size);
    }
}

const std::vector<Kernel>& kernels() {
    static const Permanent<std::vector<Kernel>> found([] {
        std::vector<Kernel> list{{.name = "memcpy", .copy = &copy_plain, .nontemporal = false}};
        append_nontemporal_kernels(list);
        return list;
    }());
    return found.get();
}

}  // namespace

std::span<const Kernel> available_kernels() {
    return kernels();
}

const Kernel& plain_kernel() {
    return kernels().front();
}

const Kernel& nontemporal_kernel() {
    return kernels().back();
}

#if !defined(__x86_64__) && !defined(__aarch64__)
void append_nontemporal_kernels(std::vector<Kernel>& /*list*/) {}

void store_fence() {}
#endif

}  // namespace memfabric::copy
