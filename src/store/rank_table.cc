// SPDX-License-Identifier: Apache-2.0
#include "store/rank_table.h"

#include <algorithm>

#include "store/rank_text.h"

namespace memfabric::store {
namespace {

constexpr size_t kMaxWorlds = 4096;

}  // namespace

Status RankTable::check_wanted(const RankRequest& message, const World& world) const {
    const uint32_t limit = world.dynamic ? kMaxWorldSize : world.size;
    if (*message.rank >= limit) {
        return failure(Code::kInvalidParam, "rank {} in world '{}': its ranks are 0 to {}", *message.rank,
                       message.world, limit - 1);
    }
    const auto holder = world.holders.find(*message.rank);
    if (holder != world.holders.end() && outlet_.is_connected(holder->second)) {
        return failure(Code::kDuplicatedObject, "rank {} in world '{}' is taken by {}", *message.rank,
                       message.world, outlet_.describe(holder->second));
    }
    return {};
}

Status RankTable::check(RequestKey request, const RankRequest& message, const World& world) const {
    if (message.world_size == 0 || message.world_size > kMaxWorldSize) {
        return failure(Code::kInvalidParam,
                       "world '{}': a world size of {} is impossible, 1 to {} are possible", message.world,
                       message.world_size, kMaxWorldSize);
    }
    if (world.dynamic != message.dynamic) {
        return failure(Code::kInvalidParam,
                       "world '{}' is {}, this process asks for a {} one; all processes must say the same",
                       message.world, world.dynamic ? "dynamic" : "of a fixed size",
                       world.dynamic ? "fixed" : "dynamic");
    }
    if (!world.dynamic && world.size != message.world_size) {
        return failure(Code::kInvalidParam,
                       "world '{}' has {} ranks, this process says {}; all processes must say the same",
                       message.world, world.size, message.world_size);
    }
    for (const auto& [rank, session] : world.holders) {
        if (session == request.session) {
            return failure(Code::kRepeatCall, "world '{}': this process has rank {} already", message.world,
                           rank);
        }
    }
    for (const Asker& asker : world.waiting) {
        if (asker.request.session == request.session) {
            return failure(Code::kRepeatCall, "world '{}': this process is asking for a rank already",
                           message.world);
        }
    }
    return message.rank ? check_wanted(message, world) : Status();
}

void RankTable::assign(RequestKey request, RankRequest message) {
    const std::string name = message.world;
    if (worlds_.size() >= kMaxWorlds && !worlds_.contains(name)) {
        outlet_.fail(request,
                     failure(Code::kMallocFailed, "world '{}': there are {} worlds, the most that may be",
                             name, worlds_.size()));
        return;
    }
    const auto [position, is_new] = worlds_.try_emplace(name);
    World& world = position->second;
    if (is_new) {
        world.size = message.world_size;
        world.dynamic = message.dynamic;
    }
    if (const Status status = check(request, message, world); !status.is_ok()) {
        outlet_.fail(request, status);
        forget_if_empty(name);
        return;
    }
    world.waiting.push_back(Asker{request, std::move(message)});
    serve(name);
}

void RankTable::serve(const std::string& name) {
    World& world = worlds_.at(name);
    std::erase_if(world.waiting,
                  [&](const Asker& asker) { return asker.message.rank && serve_wanted(world, asker); });
    if (!world.dynamic && !world.complete && world.holders.size() + world.waiting.size() >= world.size) {
        assign_all(world);
    }
    if (world.dynamic || world.complete) {
        std::erase_if(world.waiting,
                      [&](const Asker& asker) { return !asker.message.rank && serve_free(world, asker); });
    }
    world.complete = world.complete || world.holders.size() == world.size;
    forget_if_empty(name);
}

bool RankTable::serve_wanted(World& world, const Asker& asker) {
    if (const Status status = check_wanted(asker.message, world); !status.is_ok()) {
        outlet_.fail(asker.request, status);
        return true;
    }
    if (world.holders.contains(*asker.message.rank)) {
        return false;  // its holder is away: wait until it is back or lost
    }
    grant(world, asker, *asker.message.rank);
    return true;
}

void RankTable::assign_all(World& world) {
    std::vector<Asker> askers;
    std::erase_if(world.waiting, [&](const Asker& asker) {
        if (asker.message.rank) {
            return false;
        }
        askers.push_back(asker);
        return true;
    });
    std::stable_sort(askers.begin(), askers.end(), [&](const Asker& a, const Asker& b) {
        return std::pair(std::string_view(outlet_.host_of(a.request.session)), a.message.device_id) <
               std::pair(std::string_view(outlet_.host_of(b.request.session)), b.message.device_id);
    });
    world.complete = true;
    uint32_t rank = 0;
    for (const Asker& asker : askers) {
        while (world.holders.contains(rank)) {
            ++rank;
        }
        if (rank < world.size) {
            grant(world, asker, rank);
        } else {
            world.waiting.push_back(asker);
        }
    }
}

bool RankTable::serve_free(World& world, const Asker& asker) {
    if (const std::optional<uint32_t> rank = free_rank(world, asker.request.session)) {
        grant(world, asker, *rank);
        return true;
    }
    if (somebody_is_away(world)) {
        return false;
    }
    outlet_.fail(asker.request, failure(Code::kRefused, "world '{}' has {} ranks and all are taken",
                                        asker.message.world, world.holders.size()));
    return true;
}

void RankTable::grant(World& world, const Asker& asker, uint32_t rank) {
    world.holders.emplace(rank, asker.request.session);
    const uint64_t epoch = epochs_.next();
    world.epochs[rank] = epoch;
    outlet_.succeed(asker.request, RankReply{rank, asker.message.world_size, epoch});
}

Status RankTable::restore(uint64_t session, const RestoreRank& message) {
    const RankRequest& request = message.request;
    MF_RETURN_IF_ERROR(epochs_.take_note(message.epoch));
    const uint32_t limit = request.dynamic ? kMaxWorldSize : request.world_size;
    if (request.world_size == 0 || limit > kMaxWorldSize || message.rank >= limit) {
        return failure(Code::kStoreInvalidMessage, "restoring rank {} in world '{}': there is no such rank",
                       message.rank, request.world);
    }
    if (worlds_.size() >= kMaxWorlds && !worlds_.contains(request.world)) {
        return failure(Code::kStoreInvalidMessage,
                       "restoring rank {} in world '{}': there are {} worlds already", message.rank,
                       request.world, worlds_.size());
    }
    const auto [position, is_new] = worlds_.try_emplace(request.world);
    World& world = position->second;
    if (is_new) {
        world.size = request.world_size;
        world.dynamic = request.dynamic;
    }
    if (std::ranges::any_of(world.holders, [&](const auto& entry) { return entry.second == session; })) {
        return failure(Code::kStoreInvalidMessage,
                       "restoring rank {} in world '{}': this process has restored another one", message.rank,
                       request.world);
    }
    const auto holder = world.holders.find(message.rank);
    const bool is_same_world =
        world.dynamic == request.dynamic && (world.dynamic || world.size == request.world_size);
    if (holder != world.holders.end()) {
        const std::string what = fmt::format("rank {} in world '{}'", message.rank, request.world);
        if (!is_same_world || !epochs_.wins(message.epoch, world.epochs[message.rank])) {
            return taken_since(what, outlet_.describe(holder->second));
        }
        outlet_.evict(holder->second, taken_since(what, outlet_.describe(session)));
    } else if (!is_same_world) {
        return failure(Code::kEvicted,
                       "the store was restarted, and world '{}' is another one since: join anew",
                       request.world);
    }
    world.holders[message.rank] = session;
    world.epochs[message.rank] = message.epoch;
    // The store chooses ranks of a fixed world once all processes are there.
    world.complete = world.complete || !request.rank;
    return {};
}

std::optional<uint32_t> RankTable::free_rank(const World& world, uint64_t session) const {
    const uint32_t limit = world.dynamic ? kMaxWorldSize : world.size;
    const std::string& host = outlet_.host_of(session);
    std::optional<uint32_t> lowest;
    for (uint32_t rank = 0; rank < limit; ++rank) {
        if (world.holders.contains(rank)) {
            continue;
        }
        lowest = lowest.value_or(rank);
        const auto before = rank == 0 ? world.holders.end() : world.holders.find(rank - 1);
        if (before != world.holders.end() && outlet_.host_of(before->second) == host) {
            return rank;
        }
    }
    return lowest;
}

bool RankTable::somebody_is_away(const World& world) const {
    return std::any_of(world.holders.begin(), world.holders.end(),
                       [&](const auto& holder) { return !outlet_.is_connected(holder.second); });
}

std::string RankTable::waiting_text(const std::string& name, const World& world, const Asker& asker,
                                    const char* when) const {
    if (asker.message.rank) {
        return fmt::format("rank {} in world '{}': its holder is away and was not given up {}",
                           *asker.message.rank, name, when);
    }
    if (world.complete) {
        return fmt::format("rank in world '{}': all {} are taken, none became free {}", name, world.size,
                           when);
    }
    std::vector<uint32_t> ranks;
    for (const auto& [rank, session] : world.holders) {
        ranks.push_back(rank);
    }
    const size_t present = world.holders.size() + world.waiting.size();
    return fmt::format("rank in world '{}': {} of {} processes came {}, {} missing{}{}", name, present,
                       world.size, when, world.size - present,
                       ranks.empty() ? "" : "; ranks taken so far: ", rank_text(ranks));
}

void RankTable::release(RequestKey request, const std::string& name) {
    const auto world = worlds_.find(name);
    const auto erased =
        world == worlds_.end() ? 0 : std::erase_if(world->second.holders, [&](const auto& holder) {
            return holder.second == request.session;
        });
    if (erased == 0) {
        outlet_.fail(request, failure(Code::kObjectNotExists,
                                      "release rank in world '{}': this process has none", name));
        return;
    }
    outlet_.succeed(request);
    serve(name);
}

std::optional<Status> RankTable::cancel(RequestKey request) {
    for (auto& [name, world] : worlds_) {
        const auto asker = std::find_if(world.waiting.begin(), world.waiting.end(),
                                        [&](const Asker& candidate) { return candidate.request == request; });
        if (asker == world.waiting.end()) {
            continue;
        }
        const Status status(Code::kTimeout, waiting_text(name, world, *asker, "by the deadline"));
        world.waiting.erase(asker);
        forget_if_empty(std::string(name));
        return status;
    }
    return std::nullopt;
}

void RankTable::session_resumed(uint64_t session) {
    std::vector<std::string> names;
    for (const auto& [name, world] : worlds_) {
        const bool holds = std::any_of(world.holders.begin(), world.holders.end(),
                                       [&](const auto& holder) { return holder.second == session; });
        if (holds && !world.waiting.empty()) {
            names.push_back(name);
        }
    }
    for (const std::string& name : names) {
        serve(name);
    }
}

void RankTable::end_session(uint64_t session) {
    std::vector<std::string> names;
    for (auto& [name, world] : worlds_) {
        const auto freed =
            std::erase_if(world.holders, [&](const auto& holder) { return holder.second == session; });
        const auto gone = std::erase_if(world.waiting,
                                        [&](const Asker& asker) { return asker.request.session == session; });
        if (freed + gone != 0) {
            names.push_back(name);
        }
    }
    for (const std::string& name : names) {
        serve(name);
    }
}

void RankTable::forget_if_empty(const std::string& name) {
    const auto world = worlds_.find(name);
    if (world != worlds_.end() && world->second.holders.empty() && world->second.waiting.empty()) {
        worlds_.erase(world);
    }
}

void RankTable::report_waits(std::vector<WaitReport>& reports) const {
    for (const auto& [name, world] : worlds_) {
        WaitReport free{{}, {}, {}};
        for (const Asker& asker : world.waiting) {
            if (!asker.message.rank) {
                free.waiters.push_back(asker.request);
                free.what = waiting_text(name, world, asker, "so far");
                continue;
            }
            const auto holder = world.holders.find(*asker.message.rank);
            reports.push_back({{asker.request},
                               waiting_text(name, world, asker, "so far"),
                               {{"it", holder == world.holders.end() ? 0 : holder->second}}});
        }
        if (!free.waiters.empty()) {
            reports.push_back(std::move(free));
        }
    }
}

}  // namespace memfabric::store
