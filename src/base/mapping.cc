// SPDX-License-Identifier: Apache-2.0
#include "base/mapping.h"

#include <sys/mman.h>

#include <cerrno>
#include <utility>

namespace memfabric {

Mapping::Mapping(Mapping&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
    if (this != &other) {
        reset();
        data_ = std::exchange(other.data_, nullptr);
        size_ = std::exchange(other.size_, 0);
    }
    return *this;
}

Result<Mapping> Mapping::reserve_at(uint64_t address, size_t size) {
    void* const wanted = reinterpret_cast<void*>(address);
    void* const got = ::mmap(wanted, size, PROT_NONE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    if (got == MAP_FAILED) {
        return failure(Code::kMallocFailed, "reserving {} bytes of address space at {:#x} failed ({})", size,
                       address, errno_text(errno));
    }
    Mapping mapping(static_cast<std::byte*>(got), size);
    if (got != wanted) {
        // Kernels before 4.17 take the address for a hint.
        return failure(Code::kMallocFailed,
                       "reserving {} bytes of address space at {:#x} gave {:#x}: the range is taken", size,
                       address, mapping.address());
    }
    return mapping;
}

Result<Mapping> Mapping::shared(int descriptor, size_t size, uint64_t offset) {
    // Sparse: without MAP_NORESERVE a segment of huge pages would need all of its pages at once.
    void* const got = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, descriptor,
                             static_cast<off_t>(offset));
    if (got == MAP_FAILED) {
        return failure(Code::kMallocFailed, "mapping {} bytes of a shared segment at offset {} failed ({})",
                       size, offset, errno_text(errno));
    }
    return Mapping(static_cast<std::byte*>(got), size);
}

Result<Mapping> Mapping::shared_read_only(int descriptor, size_t size) {
    void* const got = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, descriptor, 0);
    if (got == MAP_FAILED) {
        return failure(Code::kMallocFailed, "mapping {} bytes of a shared segment for reading failed ({})",
                       size, errno_text(errno));
    }
    return Mapping(static_cast<std::byte*>(got), size);
}

void Mapping::reset() {
    if (data_ != nullptr) {
        ::munmap(data_, size_);
        data_ = nullptr;
        size_ = 0;
    }
}

}  // namespace memfabric
