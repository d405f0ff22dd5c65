// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/status.h"
#include "store/wake_timer.h"
#include "transport/fabric/socket_endpoint.h"

namespace memfabric::transport {

/// Ends connections that somebody made to the engine's ports of this process to say nothing, where
/// descriptors are short. The engine keeps them for ever: so many of them take all that the process may have,
/// and then accepting keeps a thread of the engine's busy. A peer speaks at once; one that was stopped before
/// it did connects anew. Needs no further descriptor for that. Used by one thread.
class SilentCallers {
 public:
    struct Pace {
        std::chrono::milliseconds look{
            5000};  // at what is left of the descriptors; soon where somebody calls
        std::chrono::milliseconds silence{250};  // that ends a caller, and the look after one
    };

    /// Who calls at these socket addresses (bytes) of this process. Null where it listens at none of them.
    static Result<std::unique_ptr<SilentCallers>> open(std::span<const std::string> own_addresses, Pace pace);

    /// Who calls at this address, too, from now on.
    Status listen_for_callers_at(const std::string& own_address);

    /// Readable when serve() has something to do.
    int descriptor() const { return events_.get(); }
    void serve();

 private:
    enum class Supply { kPlenty, kScarce, kGone };  // of descriptors
    struct Count {
        size_t ended = 0;
        size_t left = 0;
    };

    SilentCallers(Pace pace, store::WakeTimer next_look) : pace_(pace), next_look_(std::move(next_look)) {}
    Status begin();
    Status watch(int descriptor, uint32_t events) const;
    void plan_look(bool soon);
    void look();
    Supply supply() const;
    Count end_silent_callers() const;
    bool holds_silent_caller(int number, std::chrono::milliseconds& silent_for) const;
    void tell(const Count& count, Supply supply);

    const Pace pace_;
    std::vector<SocketEndpoint> listening_;  // where the engine does
    Fd events_;
    Fd numbers_;  // of the descriptors: their folder, kept open for when none is left
    Fd slot_;     // takes the place of one that is looked at, likewise
    store::WakeTimer next_look_;
    bool is_soon_ = false;
    bool told_of_callers_ = false;
    bool told_of_supply_ = false;
};

}  // namespace memfabric::transport
