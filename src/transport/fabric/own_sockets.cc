// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/own_sockets.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>
#include <utility>

#include "base/folder.h"

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
    const std::string folder = "/proc/self/fd/";
    for (const std::string& name : names_in(folder)) {
        char text[64];
        const ssize_t length = ::readlink((folder + name).c_str(), text, sizeof text);
        const std::string_view target(text, static_cast<size_t>(std::max<ssize_t>(length, 0)));
        if (target.starts_with(kMark)) {
            sockets.push_back({number_in(name, -1), number_in(target.substr(kMark.size()), ino_t{0})});
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
