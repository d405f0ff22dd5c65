// SPDX-License-Identifier: Apache-2.0
#include "shmem/lookout.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <memory>
#include <mutex>
#include <set>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/attempt.h"
#include "base/permanent.h"
#include "base/thread.h"
#include "shmem/hosts.h"
#include "shmem/loss.h"
#include "shmem/startup.h"
#include "shmem/state.h"
#include "shmem/team.h"
#include "shmem/waiting.h"
#include "smem.h"
#include "smem_error.h"
#include "smem_shm.h"

namespace memfabric::shmem {
namespace {

constexpr size_t kMostWatched = 128;  // processes of this host: each takes a descriptor

/// Shared by the threads of one lookout. They are detached: a forked child that ends must not wait for them.
struct Lookout {
    std::mutex mutex;
    std::condition_variable changed;
    bool is_over = false;  // guarded by mutex, as is what follows
    int threads = 0;
    int over = eventfd(0, EFD_CLOEXEC);  // readable then

    Lookout() = default;
    ~Lookout() { close(over); }
    Lookout(const Lookout&) = delete;
    Lookout& operator=(const Lookout&) = delete;

    bool is_over_within(std::chrono::milliseconds duration) {
        std::unique_lock lock(mutex);
        return changed.wait_for(lock, duration, [this] { return is_over; });
    }
};

/// A program that goes without shmem_finalize() is finished by a function that the exit calls after it has
/// destroyed what was made since init.
std::shared_ptr<Lookout>& the_lookout() {
    static Permanent<std::shared_ptr<Lookout>> only;
    return only.get();
}

uint64_t pid_namespace() {
    struct stat facts {};
    return stat("/proc/self/ns/pid", &facts) == 0 ? facts.st_ino : 0;
}

/// PEs of this host, and by what the kernel tells of the end of each.
struct Processes {
    std::vector<int> pes;
    std::vector<pollfd> ends;  // one for each, and what tells that it is over

    Processes() = default;
    ~Processes() {
        for (size_t i = 0; i < pes.size(); ++i) {
            close(ends[i].fd);
        }
    }
    Processes(const Processes&) = delete;
    Processes& operator=(const Processes&) = delete;
};

/// All PEs have published themselves and are in start_lookout(), so the numbers are still their own.
std::unique_ptr<Processes> processes_here() {
    auto found = std::make_unique<Processes>();
    const std::vector<int>& all = pes_of_host(host_of(state().me));
    const auto own = static_cast<size_t>(std::ranges::find(all, state().me) - all.begin());
    for (size_t i = 1; i < std::min(all.size(), kMostWatched + 1); ++i) {
        const int pe = all[(own + i) % all.size()];
        const Publication& told = find_team(SHMEM_TEAM_WORLD)->slots[static_cast<size_t>(pe)]->publication;
        if (told.dest == 0 || told.dest != pid_namespace()) {
            continue;
        }
        const auto end = static_cast<int>(syscall(SYS_pidfd_open, static_cast<pid_t>(told.source), 0));
        if (end >= 0) {
            found->pes.push_back(pe);
            found->ends.push_back({end, POLLIN, 0});
        }
    }
    return found;
}

void watch_ends(Processes& processes) {
    while (poll(processes.ends.data(), processes.ends.size(), -1) < 0 && errno == EINTR) {
    }
    for (size_t i = 0; i < processes.pes.size(); ++i) {
        if (processes.ends[i].revents != 0) {
            end_by_absence(static_cast<uint32_t>(processes.pes[i]), "its process has ended");
            return;
        }
    }
}

void ask(Lookout& lookout, smem_shm_t object, uint64_t place, int pe) {
    constexpr auto kInterval = std::chrono::seconds(1);
    while (!lookout.is_over_within(kInterval)) {
        char byte = 0;
        if (is_anybody_waiting() &&
            smem_shm_get(object, &byte, reinterpret_cast<const void*>(place), 1) == SM_PEER_LOST) {
            end_by_absence(static_cast<uint32_t>(pe), smem_get_last_err_msg());
            return;
        }
    }
}

/// The program's signals are not for that thread. Throws NoThread.
template <typename Body>
void start_detached(Body body) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    std::thread started;
    try {
        started = std::thread(std::move(body));
    } catch (const std::system_error&) {
        // Told below: the signals are the caller's own again then.
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (!started.joinable()) {
        throw NoThread();
    }
    started.detach();
}

/// `work` is done again where there was no memory for it.
template <typename Work>
void start_watching(const std::shared_ptr<Lookout>& lookout, Work work) {
    start_detached([lookout, work = std::move(work)] {
        while (!did_with_memory([&] { work(*lookout); }) && !lookout->is_over_within(kMemoryPause)) {
        }
        const std::lock_guard lock(lookout->mutex);
        --lookout->threads;
        lookout->changed.notify_all();
    });
    ++lookout->threads;  // the caller has the mutex
}

}  // namespace

void start_lookout(bool first_serves_store) {
    if (hosts() == 1 && !first_serves_store) {
        return;  // the store's word is enough: it lives here, and beside the PEs
    }
    Publication& own = find_team(SHMEM_TEAM_WORLD)->slots[static_cast<size_t>(state().me)]->publication;
    own.source = static_cast<uint64_t>(getpid());
    own.dest = pid_namespace();
    barrier_of_world();
    const auto lookout = std::make_shared<Lookout>();
    the_lookout() = lookout;
    const std::lock_guard lock(lookout->mutex);
    std::shared_ptr<Processes> processes = processes_here();
    processes->ends.push_back({lookout->over, POLLIN, 0});
    start_watching(lookout, [processes](Lookout&) { watch_ends(*processes); });
    std::set<int> asked = {first_pe_of_host((host_of(state().me) + 1) % hosts())};
    if (first_serves_store) {
        asked.insert(0);
    }
    for (const int pe : asked) {
        if (!is_here(pe)) {
            const uint64_t place = state().whole_region.window + static_cast<uint64_t>(pe) * state().stride;
            start_watching(lookout, [object = heap_object(), place, pe](Lookout& common) {
                ask(common, object, place, pe);
            });
        }
    }
}

void end_lookout() {
    const std::shared_ptr<Lookout> lookout = std::exchange(the_lookout(), nullptr);
    if (lookout == nullptr) {
        return;
    }
    constexpr auto kPatience = std::chrono::seconds(2);  // with one that is being asked
    std::unique_lock lock(lookout->mutex);
    lookout->is_over = true;
    lookout->changed.notify_all();
    eventfd_write(lookout->over, 1);
    lookout->changed.wait_for(lock, kPatience, [&] { return lookout->threads == 0; });
}

}  // namespace memfabric::shmem
