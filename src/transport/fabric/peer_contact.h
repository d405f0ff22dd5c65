// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "transport/fabric/messages.h"
#include "transport/fabric/peer_signs.h"
#include "transport/fabric/refusal.h"

namespace memfabric::transport {

/// What can be asked of one life of one peer beside moving its memory. Thread-safe; made without traffic.
class PeerContact {
 public:
    /// `silence`: how long its host may give no sign.
    PeerContact(Messenger& messenger, std::shared_ptr<Messenger::Route> route, std::vector<PeerLine> lines,
                uint64_t instance, std::chrono::milliseconds silence, PeerPatience patience = {})
        : messenger_(messenger),
          route_(std::move(route)),
          lines_(std::move(lines)),
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
    std::shared_ptr<PeerSigns> signs(const std::string& name) {
        const std::scoped_lock guard(mutex_);
        std::shared_ptr<PeerSigns> signs = signs_.lock();
        if (signs == nullptr) {
            signs = std::make_shared<PeerSigns>(name, lines_, instance_, silence_, patience_);
            signs_ = signs;
        }
        return signs;
    }

    /// The rails that lead to it, for texts.
    std::string names_of(uint64_t rails) const {
        std::string names;
        for (const PeerLine& line : lines_) {
            if ((rails >> line.rail & 1) != 0) {
                names += (names.empty() ? "" : ", ") + line.name;
            }
        }
        return names;
    }

 private:
    Messenger& messenger_;
    const std::shared_ptr<Messenger::Route> route_;
    const std::vector<PeerLine> lines_;
    const uint64_t instance_;
    const std::chrono::milliseconds silence_;
    const PeerPatience patience_;
    std::mutex mutex_;
    std::weak_ptr<PeerSigns> signs_;  // guarded by mutex_
};

}  // namespace memfabric::transport
