// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/deadline.h"
#include "base/status.h"
#include "copy/engine.h"
#include "memory/address_range.h"
#include "trans/path.h"
#include "trans/session_record.h"

namespace memfabric::trans {

/// One life of one session, as an initiator sees it. Thread-safe.
class Peer {
 public:
    Peer(std::string session, SessionRecord record)
        : session_(std::move(session)), record_(std::move(record)) {}
    virtual ~Peer() = default;
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;

    const std::string& session() const { return session_; }
    const SessionRecord& record() const { return record_; }

    enum class Outcome {
        kDone,     // see `status`
        kMissing,  // `missing` is not registered there
        kGone,     // the session has ended; not one byte was moved
        kBusy,     // the target was changing its table until the deadline
        kNoWord,   // by the deadline the target did not say what is registered, see `status`
    };
    struct Attempt {
        Outcome outcome = Outcome::kDone;
        Status status;
        memory::AddressRange missing;
        bool moved_some = false;  // kMissing: it was taken back in the middle
        uint32_t generation = 0;  // of the table, from before the look at it
    };
    /// Moves all pieces, or none where one of them is not registered there.
    virtual Attempt transfer(Direction direction, std::span<const copy::Piece> pieces, Deadline deadline) = 0;

    /// Waits for a change of what is registered there since `generation`, or a while.
    virtual void wait_change(uint32_t generation, Deadline deadline) = 0;
    /// Whether its process runs, as far as this one can see.
    virtual bool is_alive() const = 0;
    /// Whether a transfer that failed says that this life has ended. Else it may have been the way there.
    virtual bool is_over() const = 0;
    /// The store says that this life has ended. Whether nothing reaches it any more, so that it may be let
    /// go; else that is found out by the next transfer. Never waits.
    virtual bool end() = 0;

 private:
    const std::string session_;
    const SessionRecord record_;
};

}  // namespace memfabric::trans
