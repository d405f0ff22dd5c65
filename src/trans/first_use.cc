// SPDX-License-Identifier: Apache-2.0
#include "trans/first_use.h"

#include <sys/mman.h>
#include <unistd.h>

namespace memfabric::trans {

bool FirstUse::note(uint64_t offset, uint64_t size) {
    bool is_new = false;
    const uint64_t last = (offset + size - 1) / kPart;
    for (uint64_t part = offset / kPart; part <= last; ++part) {
        auto known = blocks_[part / kPartsOfBlock][part % kPartsOfBlock];
        is_new |= !known;
        known = true;
    }
    return is_new;
}

void map_pages(std::span<std::byte> bytes) {
    static const auto page = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
    const uint64_t before = reinterpret_cast<uint64_t>(bytes.data()) % page;
    // Not MADV_POPULATE_WRITE: it goes page by page, while a read fault maps 16 at once. They come writable,
    // since nobody tracks the writes to shared memory without a file system. What fails here, the copy meets.
    static_cast<void>(::madvise(bytes.data() - before, before + bytes.size(), MADV_POPULATE_READ));
}

}  // namespace memfabric::trans
