// SPDX-License-Identifier: Apache-2.0
#include "shmem/first_pe.h"

#include <poll.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <thread>

#include "shmem/hosts.h"
#include "shmem/startup.h"
#include "shmem/state.h"
#include "shmem/team.h"
#include "smem_error.h"
#include "smem_shm.h"

namespace memfabric::shmem {
namespace {

uint64_t pid_namespace() {
    struct stat facts {};
    return stat("/proc/self/ns/pid", &facts) == 0 ? facts.st_ino : 0;
}

void wait_for_end(int process, void (*lost)(uint32_t)) {
    pollfd wanted{process, POLLIN, 0};
    while (poll(&wanted, 1, -1) < 0 && errno == EINTR) {
    }
    close(process);
    lost(0);
}

/// Another host's kernel tells nothing: reads a byte of PE 0's from time to time.
void ask_for_end(smem_shm_t object, uint64_t place, void (*lost)(uint32_t)) {
    constexpr auto kInterval = std::chrono::seconds(1);
    char byte = 0;
    int32_t code = 0;
    while (code != SM_PEER_LOST) {
        std::this_thread::sleep_for(kInterval);
        if (!is_running()) {
            return;
        }
        code = smem_shm_get(object, &byte, reinterpret_cast<const void*>(place), 1);
    }
    lost(0);
}

/// The program's signals are not for this thread.
template <typename... Arguments>
void start_watching(Arguments... arguments) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    std::thread(arguments...).detach();
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace

void watch_first_pe(void (*lost)(uint32_t pe)) {
    Publication& first = find_team(SHMEM_TEAM_WORLD)->slots[0]->publication;
    if (state().me == 0) {
        first.source = static_cast<uint64_t>(getpid());
        first.dest = pid_namespace();
    }
    barrier_of_world();
    if (!is_here(0)) {
        start_watching(ask_for_end, heap_object(), state().whole_region.window, lost);
        return;
    }
    if (state().me == 0 || first.dest == 0 || first.dest != pid_namespace()) {
        return;
    }
    // It is in this call as well, so the number is still its own.
    const auto process = static_cast<int>(syscall(SYS_pidfd_open, static_cast<pid_t>(first.source), 0));
    if (process >= 0) {
        start_watching(wait_for_end, process, lost);
    }
}

}  // namespace memfabric::shmem
