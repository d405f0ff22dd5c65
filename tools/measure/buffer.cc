// SPDX-License-Identifier: Apache-2.0
#include "measure/buffer.h"

#include <sys/mman.h>

#include <cstring>
#include <fstream>
#include <new>
#include <string>

namespace memfabric::measure {

Buffer::Buffer(size_t size) : data_(nullptr), size_(size) {
    void* address = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (address == MAP_FAILED) {
        throw std::bad_alloc();
    }
    data_ = static_cast<std::byte*>(address);
    std::memset(data_, 0x5A, size_);
}

Buffer::~Buffer() {
    munmap(data_, size_);
}

size_t available_memory() {
    std::ifstream file("/proc/meminfo");
    std::string name;
    size_t kibibytes = 0;
    std::string unit;
    while (file >> name >> kibibytes) {
        std::getline(file, unit);
        if (name == "MemAvailable:") {
            return kibibytes * 1024;
        }
    }
    return 0;
}

}  // namespace memfabric::measure
