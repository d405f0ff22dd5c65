// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace memfabric::measure {

/// Private memory of this process, every page of it there already.
class Buffer {
 public:
    explicit Buffer(size_t size);
    ~Buffer();
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;

    std::byte* data() const { return data_; }
    size_t size() const { return size_; }

 private:
    std::byte* data_;
    size_t size_;
};

/// Bytes of memory that the machine could hand out now.
size_t available_memory();

}  // namespace memfabric::measure
