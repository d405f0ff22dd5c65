// SPDX-License-Identifier: Apache-2.0
#include "base/exit_file.h"

#include <unistd.h>

#include <chrono>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

#include "base/deadline.h"
#include "base/fork_guard.h"

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

/// Another thread may be removing the files: whoever did not wait for it would end the process halfway. Not
/// for ever, since the process may exit from a signal's handler on the thread that is inside. By trying,
/// since ThreadSanitizer does not know the locking of a std::timed_mutex.
std::unique_lock<std::mutex> lock_with_patience(std::mutex& mutex) {
    constexpr unsigned kPatience = 2;  // seconds
    constexpr auto kPause = std::chrono::milliseconds(1);
    const Deadline deadline = Deadline::after_seconds(kPatience);
    std::unique_lock lock(mutex, std::try_to_lock);
    while (!lock.owns_lock() && !deadline.expired()) {
        std::this_thread::sleep_for(kPause);
        static_cast<void>(lock.try_lock());
    }
    return lock;
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
