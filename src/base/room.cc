// SPDX-License-Identifier: Apache-2.0
#include "base/room.h"

#include <sys/mman.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <string>
#include <vector>

#include "base/folder.h"

namespace memfabric {
namespace {

bool is_below(const std::string& name, size_t limit) {
    size_t number = 0;
    std::from_chars(name.data(), name.data() + name.size(), number);
    return number < limit;
}

/// The limit is one of numbers: files above it, from before it was lowered, take no room. Where they cannot
/// be counted for want of a descriptor, there is no room; for another reason, plenty.
size_t open_files(size_t limit) {
    const std::vector<std::string> files = names_in("/proc/self/fd");
    if (files.empty()) {
        return errno == EMFILE || errno == ENFILE ? limit : 0;
    }
    const auto open =
        std::count_if(files.begin(), files.end(), [&](const auto& file) { return is_below(file, limit); });
    return static_cast<size_t>(open) - 1;  // without the one that counts
}

Status check_files(size_t files) {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    const size_t open = open_files(limit.rlim_cur);
    if (limit.rlim_cur != RLIM_INFINITY && open + files > limit.rlim_cur) {
        return failure(Code::kMallocFailed,
                       "{} more file descriptors are needed, and {} of {} are open: close some or raise the "
                       "limit (ulimit -n)",
                       files, open, limit.rlim_cur);
    }
    return {};
}

}  // namespace

Status check_room(size_t files, size_t bytes) {
    if (files != 0) {
        MF_RETURN_IF_ERROR(check_files(files));
    }
    void* const place =
        ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (bytes != 0 && place == MAP_FAILED) {
        return failure(Code::kMallocFailed,
                       "{} more bytes of address space are needed and not to be had (ulimit -v)", bytes);
    }
    ::munmap(place, bytes);
    return {};
}

bool has_no_room_for_caller(int error_number) {
    return error_number == EMFILE || error_number == ENFILE || error_number == ENOBUFS ||
           error_number == ENOMEM;
}

}  // namespace memfabric
