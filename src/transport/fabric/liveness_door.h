// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/fd.h"
#include "base/status.h"
#include "store/wake_timer.h"

namespace memfabric::transport {

/// A listening socket that peers connect to while they wait for this process, to see that it is there: the
/// kernel answers for it even where the process stands still, and tells them at once when it ends. Nothing
/// but the number of this life is ever sent. Whoever knocks is let in, so the oldest visitor goes where there
/// are more than kMostVisitors, or than an eighth of the descriptors that this process may have. Used by one
/// thread.
class LivenessDoor {
 public:
    static constexpr size_t kMostVisitors = 4096;

    /// Where the fabric's own socket address `like` is, at a port of its own, from
    /// the range that libfabric is told to use if there is one (FI_TCP_PORT_LOW_RANGE, ..HIGH..). Null where
    /// that is no address of IP.
    static Result<std::unique_ptr<LivenessDoor>> open(std::string_view like, uint64_t instance);

    /// The bytes of its socket address.
    const std::string& address() const { return address_; }
    /// Readable when serve() has something to do.
    int descriptor() const { return events_.get(); }
    /// Lets in who knocks, and forgets who went.
    void serve();

 private:
    // What an event is about.
    static constexpr uint64_t kListener = 0;
    static constexpr uint64_t kPauseEnd = 1;
    static constexpr uint64_t kFirstVisitor = 2;

    LivenessDoor(uint64_t instance, store::WakeTimer pause_end)
        : instance_(instance), pause_end_(std::move(pause_end)) {}
    Status listen(std::string_view like);
    void let_in();
    bool is_let_in(Fd visitor);
    void pause();
    void end_pause();
    Status watch(int operation, int descriptor, uint64_t number, uint32_t events) const;

    const uint64_t instance_;
    std::string address_;
    Fd listener_;
    Fd events_;
    store::WakeTimer pause_end_;
    bool has_warned_ = false;
    uint64_t next_number_ = kFirstVisitor;
    std::map<uint64_t, Fd> visitors_;  // in the order in which they came
};

}  // namespace memfabric::transport
