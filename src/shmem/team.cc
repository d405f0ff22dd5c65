// SPDX-License-Identifier: Apache-2.0
// Teams: every member has a slot in its sync area; a split tells all members all slots.
#include "shmem/team.h"

#include <array>
#include <memory>
#include <mutex>
#include <string_view>

#include "shmem/collective.h"
#include "shmem/context.h"
#include "shmem/host_tree.h"
#include "shmem/short_memory.h"
#include "shmem/state.h"
#include "shmem/threads.h"

namespace memfabric::shmem {
namespace {

constexpr uint32_t kWorld = 0;
constexpr uint32_t kShared = 1;

struct Entry {
    std::unique_ptr<Team> team;
    uint32_t generation = 0;
};

std::mutex mutex;  // guards making and ending; a team that is in use is not ended
std::array<Entry, kTeamSlots> entries;
std::array<bool, kTeamSlots> slot_is_taken;

TeamSlot* slot_of(int pe, uint32_t number) {
    const State& now = state();
    const uint64_t own = now.region.begin + number * sizeof(TeamSlot);
    return reinterpret_cast<TeamSlot*>(own +
                                       static_cast<uint64_t>(static_cast<int64_t>(pe) - now.me) * now.stride);
}

shmem_team_t handle_of(uint32_t entry) {
    return reinterpret_cast<shmem_team_t>(uintptr_t{entries[entry].generation} << 16 | (entry + 1));
}

int64_t take_slot() {
    const std::lock_guard lock(mutex);
    for (uint32_t number = 2; number < kTeamSlots; ++number) {
        if (!slot_is_taken[number]) {
            slot_is_taken[number] = true;
            return number;
        }
    }
    return -1;
}

void free_slot(int64_t number) {
    const std::lock_guard lock(mutex);
    slot_is_taken[static_cast<size_t>(number)] = false;
}

void open_predefined(uint32_t entry, const Neighbours& members) {
    auto team = std::make_unique<Team>();
    team->start = members.start;
    team->stride = members.stride;
    team->size = members.size;
    team->me = (state().me - members.start) / members.stride;
    team->own_slot = entry;
    for (int member = 0; member < members.size; ++member) {
        team->slots.push_back(slot_of(members.start + member * members.stride, entry));
    }
    team->layout = make_layout(members.start, members.stride, members.size);
    entries[entry].team = std::move(team);
    entries[entry].generation = 0;
}

HostTree tree_of(const Team& team, const char* call) {
    return HostTree(
        {*team.layout, SyncWords(team.slots.data()), team.start, team.stride, team.size, team.me, call});
}

void meet(const Team& team, const char* call) {
    if (team.layout == nullptr) [[likely]] {
        BarrierWords& barrier = team.slots[0]->barrier;
        wait_at(barrier, static_cast<uint32_t>(team.size),
                {Awaited::What::kMembers, call, &barrier, team.start, team.stride, team.size});
    } else {
        tree_of(team, call).meet();
    }
}

int64_t offered_by(const Team& parent, int member, const char* call) {
    const int64_t& offered = parent.slots[static_cast<size_t>(member)]->offered;
    if (parent.layout == nullptr) {
        return offered;
    }
    int64_t fetched = 0;
    tree_of(parent, call).get(member, &fetched, reinterpret_cast<uint64_t>(&offered), sizeof fetched);
    return fetched;
}

shmem_team_t add(std::unique_ptr<Team> team) {
    const std::lock_guard lock(mutex);
    const uint32_t number = team->own_slot;  // as many entries as slots
    entries[number].team = std::move(team);
    ++entries[number].generation;
    return handle_of(number);
}

/// What all members do together; whoever is outside the new team takes part too.
int split_now(const char* call, Team& parent, int start, int stride, int size,
              const shmem_team_config_t* config, long mask, shmem_team_t* made) {
    *made = SHMEM_TEAM_INVALID;
    int64_t place = (parent.me - start);
    place = stride == 0 ? (place == 0 ? 0 : -1) : (place % stride == 0 ? place / stride : -1);
    const bool is_member = place >= 0 && place < size;
    TeamSlot& own = *parent.slots[static_cast<size_t>(parent.me)];
    const int64_t slot = is_member ? take_slot() : -1;
    own.offered = slot;
    meet(parent, call);
    auto team = std::make_unique<Team>();
    bool complete = true;
    for (int i = 0; i < size; ++i) {
        const int member = start + i * stride;
        const int64_t offered = offered_by(parent, member, call);
        complete = complete && offered >= 0;
        team->slots.push_back(
            offered < 0 ? nullptr
                        : slot_of(parent.start + member * parent.stride, static_cast<uint32_t>(offered)));
    }
    meet(parent, call);
    if (!is_member || !complete) {
        if (slot >= 0) {
            free_slot(slot);
        }
        return complete ? 0 : -1;
    }
    team->start = parent.start + start * parent.stride;
    team->stride = stride == 0 ? 1 : stride * parent.stride;
    team->size = size;
    team->me = static_cast<int>(place);
    team->own_slot = static_cast<uint32_t>(slot);
    team->layout = make_layout(team->start, team->stride, size);
    team->num_contexts =
        config != nullptr && (mask & SHMEM_TEAM_NUM_CONTEXTS) != 0 ? config->num_contexts : 0;
    *made = add(std::move(team));
    return 0;
}

int split(const char* call, Team& parent, int start, int stride, int size, const shmem_team_config_t* config,
          long mask, shmem_team_t* made) {
    return take_memory_or_end(
        call, [&] { return split_now(call, parent, start, stride, size, config, mask, made); });
}

uint64_t number_of_text(const char* text) {
    return std::hash<std::string_view>()(text);  // of one library: the same in every process
}

}  // namespace

void open_teams() {
    const std::lock_guard lock(mutex);
    slot_is_taken.fill(false);
    slot_is_taken[kWorld] = slot_is_taken[kShared] = true;
    open_predefined(kWorld, {0, 1, state().pes});
    open_predefined(kShared, neighbours_of_world());
}

void close_teams() {
    const std::lock_guard lock(mutex);
    for (Entry& entry : entries) {
        entry.team.reset();
    }
    forget_layouts();
}

Team* find_team(shmem_team_t team) {
    const auto number = reinterpret_cast<uintptr_t>(team);
    const auto entry = static_cast<uint32_t>(number & 0xffff) - 1;
    if (entry >= kTeamSlots || entries[entry].generation != number >> 16) {
        return nullptr;
    }
    return entries[entry].team.get();
}

Team& team_of(shmem_team_t team, const char* call) {
    check_up(call);
    Team* found = find_team(team);
    if (found == nullptr) {
        fail(call, "team {} {}", static_cast<void*>(team),
             team == SHMEM_TEAM_INVALID ? "is SHMEM_TEAM_INVALID"
                                        : "does not exist: it was destroyed, or never made");
    }
    return *found;
}

void barrier_of_world() {
    meet(*entries[kWorld].team, "barrier of all PEs");
}

namespace {

/// Of PEs on several hosts, each of which has published 1 or 0.
bool all_over_hosts(const Team& world) {
    constexpr uint32_t kYes = 1;
    constexpr uint32_t kNo = 2;
    const HostTree tree = tree_of(world, "agreement of all PEs");
    const auto said_by = [&](int pe) -> Publication& {
        return world.slots[static_cast<size_t>(pe)]->publication;
    };
    Publication& told = said_by(world.layout->own_first());
    tree.meet_here([&] {
        uint32_t answer = kYes;
        for (const int pe : world.layout->neighbours()) {
            answer = said_by(pe).bytes == 1 ? answer : kNo;
        }
        told.dest = tree.down(tree.up(answer, [](int) {}), [](int) {});
    });
    const bool all = told.dest == kYes;
    tree.meet_here();
    return all;
}

}  // namespace

bool all_of_world(bool own) {
    const Team& world = *entries[kWorld].team;
    world.slots[static_cast<size_t>(world.me)]->publication.bytes = own ? 1 : 0;
    if (world.layout != nullptr) {
        return all_over_hosts(world);
    }
    barrier_of_world();
    bool all = true;
    for (const TeamSlot* slot : world.slots) {
        all = all && slot->publication.bytes == 1;
    }
    barrier_of_world();
    return all;
}

void agree_in_world(const char* call, uint64_t first, uint64_t second) {
    if (!state().checks) {
        barrier_of_world();
        return;
    }
    const Team& world = *entries[kWorld].team;
    Publication& own = world.slots[static_cast<size_t>(world.me)]->publication;
    own = {first, second, 0, number_of_text(call)};
    barrier_of_world();
    const Publication other =
        world.layout == nullptr ? world.slots[0]->publication : tree_of(world, call).published(0);
    if (other.call != own.call) {
        fail(call, "PE 0 makes another collective call here; all PEs call collectives in one order");
    }
    if (other.source != first || other.dest != second) {
        fail(call,
             "called with {} and {}, by PE 0 with {} and {}; arguments of collective calls are the same at "
             "all PEs",
             first, second, other.source, other.dest);
    }
    barrier_of_world();
}

}  // namespace memfabric::shmem

using namespace memfabric::shmem;

extern "C" {

int shmem_team_my_pe(shmem_team_t team) {
    check_up("shmem_team_my_pe");
    const Team* found = find_team(team);
    return found == nullptr ? -1 : found->me;
}

int shmem_team_n_pes(shmem_team_t team) {
    check_up("shmem_team_n_pes");
    const Team* found = find_team(team);
    return found == nullptr ? -1 : found->size;
}

int shmem_team_get_config(shmem_team_t team, long config_mask, shmem_team_config_t* config) {
    check_up("shmem_team_get_config");
    const Team* found = find_team(team);
    if (found == nullptr || (config_mask & ~SHMEM_TEAM_NUM_CONTEXTS) != 0) {
        return -1;
    }
    if ((config_mask & SHMEM_TEAM_NUM_CONTEXTS) != 0) {
        config->num_contexts = found->num_contexts;
    }
    return 0;
}

int shmem_team_translate_pe(shmem_team_t src_team, int src_pe, shmem_team_t dest_team) {
    check_up("shmem_team_translate_pe");
    const Team* from = find_team(src_team);
    const Team* to = find_team(dest_team);
    if (from == nullptr || to == nullptr || src_pe < 0 || src_pe >= from->size) {
        return -1;
    }
    const int distance = from->start + src_pe * from->stride - to->start;
    const bool fits = distance % to->stride == 0;
    const int place = distance / to->stride;
    return fits && place >= 0 && place < to->size ? place : -1;
}

int shmem_team_split_strided(shmem_team_t parent_team, int start, int stride, int size,
                             const shmem_team_config_t* config, long config_mask, shmem_team_t* new_team) {
    constexpr const char* kCall = "shmem_team_split_strided";
    const LongCall whole(kCall);
    check_up(kCall);
    *new_team = SHMEM_TEAM_INVALID;
    if (parent_team == SHMEM_TEAM_INVALID) {
        return -1;
    }
    Team& parent = team_of(parent_team, kCall);
    const int64_t last = int64_t{start} + int64_t{size - 1} * stride;
    if (size < 1 || start < 0 || start >= parent.size || last < 0 || last >= parent.size ||
        (stride == 0 && size > 1)) {
        return -1;  // all members see the same arguments, so nobody waits
    }
    return split(kCall, parent, start, stride, size, config, config_mask, new_team);
}

int shmem_team_split_2d(shmem_team_t parent_team, int xrange, const shmem_team_config_t* xaxis_config,
                        long xaxis_mask, shmem_team_t* xaxis_team, const shmem_team_config_t* yaxis_config,
                        long yaxis_mask, shmem_team_t* yaxis_team) {
    constexpr const char* kCall = "shmem_team_split_2d";
    const LongCall whole(kCall);
    check_up(kCall);
    *xaxis_team = *yaxis_team = SHMEM_TEAM_INVALID;
    if (parent_team == SHMEM_TEAM_INVALID || xrange < 1) {
        return -1;
    }
    Team& parent = team_of(parent_team, kCall);
    const int width = xrange < parent.size ? xrange : parent.size;
    const int rows = (parent.size + width - 1) / width;
    int failed = 0;
    for (int row = 0; row < rows; ++row) {
        const int size = row + 1 < rows ? width : parent.size - row * width;
        shmem_team_t made = SHMEM_TEAM_INVALID;
        failed |= split(kCall, parent, row * width, 1, size, xaxis_config, xaxis_mask, &made);
        *xaxis_team = made == SHMEM_TEAM_INVALID ? *xaxis_team : made;
    }
    for (int column = 0; column < width; ++column) {
        const int size = (parent.size - column + width - 1) / width;
        shmem_team_t made = SHMEM_TEAM_INVALID;
        failed |= split(kCall, parent, column, width, size, yaxis_config, yaxis_mask, &made);
        *yaxis_team = made == SHMEM_TEAM_INVALID ? *yaxis_team : made;
    }
    return failed;
}

void shmem_team_destroy(shmem_team_t team) {
    constexpr const char* kCall = "shmem_team_destroy";
    const LongCall whole(kCall);
    check_up(kCall);
    if (team == SHMEM_TEAM_INVALID) {
        return;
    }
    if (team == SHMEM_TEAM_WORLD || team == SHMEM_TEAM_SHARED) {
        fail(kCall, "SHMEM_TEAM_WORLD and SHMEM_TEAM_SHARED cannot be destroyed");
    }
    const Team& ended = team_of(team, kCall);
    const uint32_t number = ended.own_slot;
    // The slots are used again only when nobody looks at them any more.
    meet(ended, kCall);
    const std::lock_guard lock(mutex);
    entries[number].team.reset();
    slot_is_taken[number] = false;
}

}  // extern "C"
