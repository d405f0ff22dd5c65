// SPDX-License-Identifier: Apache-2.0
#include "transport/mapped/runtime_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <vector>

#include "base/environment.h"
#include "base/folder.h"

namespace memfabric::transport {
namespace {

constexpr const char* kSuffix = ".segments";
constexpr const char* kHiddenSuffix = ".new";  // until it listens
constexpr int kBacklog = 1024;

Result<Fd> make_socket() {
    Fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket.is_open()) {
        return failure(errno_code(errno), "making a unix socket failed ({})", errno_text(errno));
    }
    return socket;
}

Status check_owner(const std::string& path, const struct stat& facts) {
    if (facts.st_uid != ::geteuid() || (facts.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        return failure(Code::kRefused,
                       "runtime folder '{}' belongs to user {} with mode {:o}: it must be user {}'s own, "
                       "writable by nobody else; choose "
                       "another with MF_RUNTIME_DIR",
                       path, facts.st_uid, facts.st_mode & 07777, ::geteuid());
    }
    return {};
}

/// By the process id that names begin with. In another container it may be somebody else's, or nobody's: then
/// the socket itself has to tell. Sockets of a thousand neighbours are not asked each time that one more
/// starts.
bool is_of_living_process(const std::string& file) {
    pid_t pid = 0;
    const char* const end = file.data() + file.size();
    const auto parsed = std::from_chars(file.data(), end, pid);
    const bool is_named_so = parsed.ec == std::errc() && parsed.ptr != end && *parsed.ptr == '-' && pid > 0;
    return is_named_so && (::kill(pid, 0) == 0 || errno == EPERM);
}

}  // namespace

std::string runtime_folder_path(const Options& options) {
    if (!options.text(OptionId::kRuntimeDir).empty()) {
        return options.text(OptionId::kRuntimeDir);
    }
    const char* const session = environment_variable("XDG_RUNTIME_DIR");
    if (session != nullptr && session[0] == '/') {
        return std::string(session) + "/memfabric";
    }
    return fmt::format("/tmp/memfabric-{}", ::geteuid());
}

Result<RuntimeFolder> RuntimeFolder::open(const Options& options) {
    std::error_code ignored;
    // Absolute: the program may change its folder.
    const std::string path = std::filesystem::absolute(runtime_folder_path(options), ignored).string();
    std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
        return failure(errno_code(errno),
                       "making runtime folder '{}' failed ({}); choose another with MF_RUNTIME_DIR", path,
                       errno_text(errno));
    }
    Fd descriptor(::open(path.c_str(), O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
    struct stat facts {};
    if (!descriptor.is_open() || ::fstat(descriptor.get(), &facts) != 0) {
        return failure(errno_code(errno),
                       "opening runtime folder '{}' failed ({}); choose another with MF_RUNTIME_DIR", path,
                       errno_text(errno));
    }
    MF_RETURN_IF_ERROR(check_owner(path, facts));
    return RuntimeFolder(path, std::move(descriptor));
}

/// By way of the folder's descriptor, since an address holds 107 characters only and paths are longer.
sockaddr_un RuntimeFolder::address_of(const std::string& name) const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", descriptor_.get(),
                  name.c_str());
    return address;
}

int RuntimeFolder::put_up(const Fd& socket, const std::string& name) const {
    const std::string hidden = name + kHiddenSuffix;
    const std::string shown = name + kSuffix;
    const sockaddr_un address = address_of(hidden);
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
        ::listen(socket.get(), kBacklog) == 0 &&
        ::renameat(descriptor_.get(), hidden.c_str(), descriptor_.get(), shown.c_str()) == 0) {
        return 0;
    }
    const int reason = errno;
    ::unlinkat(descriptor_.get(), hidden.c_str(), 0);
    return reason;
}

Result<Fd> RuntimeFolder::listen(const std::string& name) const {
    // A process of another container may have swept the name that did not listen yet.
    constexpr int kAttempts = 20;
    int reason = ENOENT;
    for (int attempt = 0; attempt < kAttempts && reason == ENOENT; ++attempt) {
        MF_ASSIGN_OR_RETURN(Fd socket, make_socket());
        reason = put_up(socket, name);
        if (reason == 0) {
            return socket;
        }
    }
    return failure(Code::kError, "listening on unix socket '{}' in '{}' failed ({})", name, path_,
                   errno_text(reason));
}

Result<Fd> RuntimeFolder::connect(const std::string& name) const {
    if (name.find('/') != std::string::npos) {
        // Names come from the store: whoever writes there does not choose whom we talk with beyond the
        // folder.
        return failure(Code::kRefused, "'{}' is no name of a socket in '{}'", name, path_);
    }
    MF_ASSIGN_OR_RETURN(Fd socket, make_socket());
    const sockaddr_un address = address_of(name + kSuffix);
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        if (errno == EAGAIN) {
            return failure(Code::kTimeout,
                           "unix socket '{}' in '{}' has no room for another asker; is its process stopped?",
                           name, path_);
        }
        return failure(Code::kPeerLost,
                       "connecting to unix socket '{}' in '{}' failed ({}); processes share memory only "
                       "where they share the folder of MF_RUNTIME_DIR",
                       name, path_, errno_text(errno));
    }
    return socket;
}

std::string RuntimeFolder::socket_path(const std::string& name) const {
    return path_ + "/" + name + kSuffix;
}

void RuntimeFolder::sweep() const {
    for (const std::string& file : names_in(path_)) {
        const bool is_ours = file.ends_with(kSuffix) || file.ends_with(kHiddenSuffix);
        if (!is_ours || is_of_living_process(file)) {
            continue;
        }
        const Result<Fd> socket = make_socket();
        const sockaddr_un address = address_of(file);
        // Refused means that nobody listens, or not yet: who finds itself swept puts its socket up again.
        if (socket.is_ok() &&
            ::connect(socket->get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
            errno == ECONNREFUSED) {
            ::unlinkat(descriptor_.get(), file.c_str(), 0);
        }
    }
}

void sweep_runtime_folder(const Options& options) {
    std::error_code ignored;
    if (!std::filesystem::is_directory(runtime_folder_path(options), ignored)) {
        return;  // opening would make it
    }
    const Result<RuntimeFolder> folder = RuntimeFolder::open(options);
    if (folder.is_ok()) {
        folder->sweep();
    }
}

}  // namespace memfabric::transport
