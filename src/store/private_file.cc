// SPDX-License-Identifier: Apache-2.0
#include "store/private_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/fd.h"

namespace memfabric::store {
namespace {

Status write_all(int descriptor, std::string_view content) {
    while (!content.empty()) {
        const ssize_t written = ::write(descriptor, content.data(), content.size());
        if (written < 0 && errno != EINTR) {
            return Status(Code::kError, errno_text(errno));
        }
        content.remove_prefix(static_cast<size_t>(written < 0 ? 0 : written));
    }
    if (::fsync(descriptor) != 0) {
        return {Code::kError, errno_text(errno)};
    }
    return {};
}

}  // namespace

Status replace_file(const std::string& path, std::string_view content, mode_t mode) {
    std::string temporary = path + ".XXXXXX";
    const Fd file(::mkostemp(temporary.data(), O_CLOEXEC));  // made with mode 0600
    if (!file.is_open()) {
        return failure(Code::kError, "file '{}' cannot be written: {}", path, errno_text(errno));
    }
    Status written = write_all(file.get(), content);
    if (written.is_ok() &&
        (::fchmod(file.get(), mode) != 0 || std::rename(temporary.c_str(), path.c_str()) != 0)) {
        written = Status(Code::kError, errno_text(errno));
    }
    if (!written.is_ok()) {
        ::unlink(temporary.c_str());
        return written.with_context(fmt::format("file '{}' cannot be written", path));
    }
    return {};
}

}  // namespace memfabric::store
