// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "transport/fabric/messages.h"
#include "transport/fabric/peer_watch.h"
#include "transport/fabric/refusal.h"

namespace memfabric::transport {

/// What can be asked of one life of one peer beside moving its memory. Thread-safe; made without traffic.
class PeerContact {
 public:
    /// `door`: of its LivenessDoor. `silence`: how long its host may give no sign.
    PeerContact(Messenger& messenger, std::shared_ptr<Messenger::Route> route, std::string door,
                uint64_t instance, std::chrono::milliseconds silence, PeerPatience patience = {})
        : messenger_(messenger),
          route_(std::move(route)),
          door_(std::move(door)),
          instance_(instance),
          silence_(silence),
          patience_(patience) {}

    Messenger::Route& route() const { return *route_; }

    /// Whether and why it refuses us these pieces.
    std::unique_ptr<RefusalQuestion> ask_about(FabricFlow flow, std::span<const FabricPiece> pieces) const {
        return std::make_unique<RefusalQuestion>(messenger_, *route_, flow, pieces);
    }

    /// For those who wait for it longer than usual: one for all, as long as anybody has it. `name` is for
    /// texts.
    std::shared_ptr<PeerWatch> watch(const std::string& name) {
        const std::scoped_lock guard(mutex_);
        std::shared_ptr<PeerWatch> watch = watch_.lock();
        if (watch == nullptr) {
            watch = std::make_shared<PeerWatch>(name, door_, instance_, silence_, patience_);
            watch_ = watch;
        }
        return watch;
    }

 private:
    Messenger& messenger_;
    const std::shared_ptr<Messenger::Route> route_;
    const std::string door_;
    const uint64_t instance_;
    const std::chrono::milliseconds silence_;
    const PeerPatience patience_;
    std::mutex mutex_;
    std::weak_ptr<PeerWatch> watch_;  // guarded by mutex_
};

}  // namespace memfabric::transport
