// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/status.h"

namespace memfabric {

/// Owns one mapped range of the address space and unmaps it.
class Mapping {
 public:
    Mapping() = default;
    Mapping(Mapping&& other) noexcept;
    Mapping& operator=(Mapping&& other) noexcept;
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;
    ~Mapping() { reset(); }

    /// Reserves `size` bytes of address space at exactly `address`, inaccessible and with no memory behind
    /// them. Fails where anything is mapped there already.
    static Result<Mapping> reserve_at(uint64_t address, size_t size);

    /// Maps `size` bytes of `descriptor` from `offset` on, shared, readable and writable, anywhere.
    static Result<Mapping> shared(int descriptor, size_t size, uint64_t offset = 0);

    /// Maps the first `size` bytes of `descriptor`, shared, to be read only.
    static Result<Mapping> shared_read_only(int descriptor, size_t size);

    std::byte* data() const { return data_; }
    size_t size() const { return size_; }
    uint64_t address() const { return reinterpret_cast<uint64_t>(data_); }
    void reset();

 private:
    Mapping(std::byte* data, size_t size) : data_(data), size_(size) {}
    std::byte* data_ = nullptr;
    size_t size_ = 0;
};

}  // namespace memfabric
