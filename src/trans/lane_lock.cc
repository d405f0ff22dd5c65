// SPDX-License-Identifier: Apache-2.0
#include "trans/lane_lock.h"

#include <fcntl.h>

#include <cerrno>

namespace memfabric::trans {
namespace {

struct flock write_lock_at(uint64_t offset) {
    struct flock request {};
    request.l_type = F_WRLCK;
    request.l_whence = SEEK_SET;
    request.l_start = static_cast<off_t>(offset);
    request.l_len = 1;
    return request;
}

}  // namespace

bool lock_byte(int descriptor, uint64_t offset) {
    struct flock request = write_lock_at(offset);
    return ::fcntl(descriptor, F_OFD_SETLK, &request) == 0;
}

bool byte_is_locked(int descriptor, uint64_t offset) {
    struct flock request = write_lock_at(offset);
    return ::fcntl(descriptor, F_OFD_GETLK, &request) != 0 || request.l_type != F_UNLCK;
}

Result<Fd> reopen(int descriptor) {
    Fd own(::open(fmt::format("/proc/self/fd/{}", descriptor).c_str(), O_RDWR | O_CLOEXEC));
    if (!own.is_open()) {
        return failure(Code::kError, "opening a handed-over segment anew through /proc failed ({})",
                       errno_text(errno));
    }
    return own;
}

}  // namespace memfabric::trans
