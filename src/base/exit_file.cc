// SPDX-License-Identifier: Apache-2.0
#include "base/exit_file.h"

#include <unistd.h>

#include <memory>
#include <mutex>
#include <set>
#include <utility>

#include "base/fork_guard.h"
#include "base/patient_lock.h"

namespace memfabric {
namespace {

struct Registry {
    std::mutex mutex;
    std::set<std::string> paths;
};

Registry& registry() {
    // Never destroyed: files may be registered while the program's own static objects are destroyed.
    static Registry* const instance = std::make_unique<Registry>().release();
    return *instance;
}

/// Runs at exit, after the program's atexit functions.
__attribute__((destructor)) void remove_at_exit() {
    remove_exit_files();
}

}  // namespace

void remove_exit_files() {
    if (in_forked_child()) {
        return;
    }
    const std::unique_lock lock = lock_with_patience(registry().mutex);
    if (lock.owns_lock()) {
        for (const std::string& path : registry().paths) {
            ::unlink(path.c_str());
        }
    }
}

ExitFile::ExitFile(std::string path) : path_(std::move(path)) {
    watch_for_fork();
    const std::lock_guard lock(registry().mutex);
    registry().paths.insert(path_);
}

ExitFile::~ExitFile() {
    if (in_forked_child()) {
        return;
    }
    const std::lock_guard lock(registry().mutex);
    registry().paths.erase(path_);
    ::unlink(path_.c_str());
}

}  // namespace memfabric
