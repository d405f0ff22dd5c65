// SPDX-License-Identifier: Apache-2.0
#include "base/exit_file.h"

#include <unistd.h>

#include <utility>

#include "base/fork_guard.h"

namespace memfabric {

ExitFile::ExitFile(std::string path) : path_(std::move(path)) {
    at_exit_.emplace([this] { ::unlink(path_.c_str()); });
}

ExitFile::~ExitFile() {
    at_exit_.reset();
    if (!in_forked_child()) {
        ::unlink(path_.c_str());
    }
}

}  // namespace memfabric
