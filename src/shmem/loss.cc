// SPDX-License-Identifier: Apache-2.0
#include "shmem/loss.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>

#include "shmem/hosts.h"
#include "shmem/startup.h"
#include "shmem/state.h"
#include "shmem/team.h"

namespace memfabric::shmem {
namespace {

struct Care {
    std::mutex mutex;
    std::condition_variable changed;
    bool is_on = false;      // guarded by mutex, as is what follows
    bool is_ending = false;  // others may be through already
};

Care& care() {
    static Care only;
    return only;
}

/// Waits for that long; false where this process is no PE any more.
bool still_cares_after(std::unique_lock<std::mutex>& lock, std::chrono::milliseconds duration) {
    return !care().changed.wait_for(lock, duration, [] { return !care().is_on; });
}

std::atomic<uint32_t>& blamed_at(int pe) {
    return find_team(SHMEM_TEAM_WORLD)->slots[static_cast<size_t>(pe)]->blamed;
}

/// Others of this host find this PE gone next, and are to name the one that it goes for.
void blame(uint32_t pe) {
    for (const int neighbour : pes_of_host(host_of(state().me))) {
        blamed_at(neighbour).store(pe + 1);
    }
}

}  // namespace

void care_for_losses() {
    const std::lock_guard lock(care().mutex);
    care().is_on = true;
    care().is_ending = false;
}

void expect_ends() {
    const std::lock_guard lock(care().mutex);
    care().is_ending = true;
}

void care_no_more() {
    {
        const std::lock_guard lock(care().mutex);
        care().is_on = false;
    }
    care().changed.notify_all();
}

/// The launcher, who may know why it went, has the first word, then one PE for all.
void end_by_loss(uint32_t pe, const std::string& why) {
    constexpr auto kHeadStart = std::chrono::milliseconds(500);
    std::unique_lock lock(care().mutex);
    if (!care().is_on) {
        return;
    }
    const bool is_first = state().me == (pe == 0 ? 1 : 0);
    if (!still_cares_after(lock, is_first ? kHeadStart : 2 * kHeadStart)) {
        return;
    }
    const uint32_t told = blamed_at(state().me);
    const uint32_t lost = told == 0 ? pe : told - 1;
    blame(lost);
    const bool has_reason = lost == pe && !why.empty();
    std::fprintf(stderr, "SHMEM PE %d: PE %u is gone without shmem_finalize%s%s; the job ends\n", state().me,
                 lost, has_reason ? ": " : "", has_reason ? why.c_str() : "");
    leave_with(EXIT_FAILURE);
}

void end_by_absence(uint32_t pe, const std::string& why) {
    constexpr auto kPatience = std::chrono::seconds(10);
    {
        std::unique_lock lock(care().mutex);
        if (care().is_on && care().is_ending) {
            still_cares_after(lock, kPatience);
        }
    }
    end_by_loss(pe, why);
}

}  // namespace memfabric::shmem
