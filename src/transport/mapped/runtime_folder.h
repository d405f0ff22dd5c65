// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <string>

#include "base/fd.h"
#include "base/options.h"
#include "base/status.h"

namespace memfabric::transport {

/// The folder of the unix sockets over which segments are handed on: option MF_RUNTIME_DIR, else
/// $XDG_RUNTIME_DIR/memfabric, else /tmp/memfabric-UID. Nobody else may write there.
class RuntimeFolder {
 public:
    /// Makes the folder where it is missing. Refused where it belongs to, or is open to, somebody else.
    static Result<RuntimeFolder> open(const Options& options);

    const std::string& path() const { return path_; }

    /// A listening socket under `name`. It appears under that name only once it listens.
    Result<Fd> listen(const std::string& name) const;
    Result<Fd> connect(const std::string& name) const;
    /// Where the socket of that name lies.
    std::string socket_path(const std::string& name) const;

    /// Removes the sockets that processes left which were killed.
    void sweep() const;

 private:
    RuntimeFolder(std::string path, Fd descriptor)
        : path_(std::move(path)), descriptor_(std::move(descriptor)) {}
    sockaddr_un address_of(const std::string& name) const;
    /// 0, or the errno of what failed.
    int put_up(const Fd& socket, const std::string& name) const;

    std::string path_;
    Fd descriptor_;
};

/// sweep() of the folder, where there is one.
void sweep_runtime_folder(const Options& options);

/// What RuntimeFolder::open would choose.
std::string runtime_folder_path(const Options& options);

}  // namespace memfabric::transport
