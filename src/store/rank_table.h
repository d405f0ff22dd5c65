// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "store/epochs.h"
#include "store/outlet.h"

namespace memfabric::store {

/// Who has which rank in which world.
class RankTable {
 public:
    RankTable(Outlet& outlet, Epochs& epochs) : outlet_(outlet), epochs_(epochs) {}

    void assign(RequestKey request, RankRequest message);
    void release(RequestKey request, const std::string& world);
    std::optional<Status> cancel(RequestKey request);
    /// Adds what waits here, and for whom.
    void report_waits(std::vector<WaitReport>& reports) const;
    /// The session came back before it was given up: who waited for its rank learns that it stays taken.
    void session_resumed(uint64_t session);
    void end_session(uint64_t session);
    /// The session has had the rank at an earlier start of the store. Where two say so, the later grant wins
    /// and the other process is given up; a failure gives up this one.
    Status restore(uint64_t session, const RestoreRank& message);

 private:
    struct Asker {
        RequestKey request;
        RankRequest message;
    };
    struct World {
        uint32_t size = 0;
        bool dynamic = false;
        bool complete =
            false;  // its ranks were assigned once; from then on a free one goes to the next asker
        std::map<uint32_t, uint64_t> holders;  // rank -> session
        std::map<uint32_t, uint64_t> epochs;   // rank -> of its latest grant
        std::vector<Asker> waiting;            // in order of arrival
    };

    Status check(RequestKey request, const RankRequest& message, const World& world) const;
    Status check_wanted(const RankRequest& message, const World& world) const;
    void serve(const std::string& name);
    bool serve_wanted(World& world, const Asker& asker);
    void assign_all(World& world);
    bool serve_free(World& world, const Asker& asker);
    void grant(World& world, const Asker& asker, uint32_t rank);
    std::optional<uint32_t> free_rank(const World& world, uint64_t session) const;
    bool somebody_is_away(const World& world) const;
    /// `when`: "by the deadline" or "so far".
    std::string waiting_text(const std::string& name, const World& world, const Asker& asker,
                             const char* when) const;
    void forget_if_empty(const std::string& name);

    Outlet& outlet_;
    Epochs& epochs_;
    std::map<std::string, World> worlds_;
};

}  // namespace memfabric::store
