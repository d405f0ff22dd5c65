// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "base/deadline.h"
#include "store/client.h"

namespace memfabric::shm {

using ExitHandler = std::function<void(int status)>;

/// The exit broadcast of one object: a key of the store holds the status once a rank has called for the exit,
/// so that a later registration hears of it as well.
class ExitNotice : public std::enable_shared_from_this<ExitNotice> {
 public:
    ExitNotice(store::Client& store, std::string key) : store_(store), key_(std::move(key)) {}

    /// One handler an object. It runs once, on a thread of its own: it may block, or end the process.
    Status set_handler(ExitHandler handler, Deadline deadline);

    /// Tells all ranks; the own handler runs even where the store cannot be told.
    Status announce(int status, Deadline deadline);

    /// The handler is not started any more.
    void close(Deadline deadline);

    /// Removes the key: for the last rank of the object.
    void forget(Deadline deadline);

 private:
    void fire(int status);

    store::Client& store_;
    const std::string key_;
    std::mutex mutex_;
    // Guarded by mutex_.
    ExitHandler handler_;
    uint64_t watch_ = 0;
    bool fired_ = false;
    bool announced_ = false;
};

}  // namespace memfabric::shm
