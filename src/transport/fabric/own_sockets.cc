// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/own_sockets.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <charconv>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace memfabric::transport {
namespace {

/// What the text starts with.
template <typename Number>
Number number_in(std::string_view text, Number otherwise) {
    Number number = otherwise;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

}  // namespace

std::vector<OwnSocket> own_sockets() {
    constexpr std::string_view kMark = "socket:[";
    std::vector<OwnSocket> sockets;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", error)) {
        std::error_code gone;
        const std::string target = std::filesystem::read_symlink(entry.path(), gone).string();
        if (target.starts_with(kMark)) {
            sockets.push_back({number_in(entry.path().filename().string(), -1),
                               number_in(std::string_view(target).substr(kMark.size()), ino_t{0})});
        }
    }
    return sockets;
}

Fd hold(const OwnSocket& socket) {
    Fd own(::fcntl(socket.descriptor, F_DUPFD_CLOEXEC, 0));
    struct stat status {};
    const bool same = own.is_open() && ::fstat(own.get(), &status) == 0 && S_ISSOCK(status.st_mode) &&
                      status.st_ino == socket.inode;
    return same ? std::move(own) : Fd();
}

}  // namespace memfabric::transport
