// SPDX-License-Identifier: Apache-2.0
#include "shmem/hosts.h"

#include "shmem/counters.h"
#include "shmem/state.h"

namespace memfabric::shmem {
namespace {

std::vector<int> host_of_pe;
std::vector<std::vector<int>> pes_of;

/// The run of PEs around this one that live here.
void note_run(State& now) {
    int first = now.me;
    int last = now.me;
    while (first > 0 && is_here(first - 1)) {
        --first;
    }
    while (last + 1 < now.pes && is_here(last + 1)) {
        ++last;
    }
    now.first_here = static_cast<unsigned>(first);
    now.count_here = static_cast<unsigned>(last - first + 1);
    now.busy_here = static_cast<unsigned>(pes_of_host(host_of(now.me)).size()) + (hosts() > 1 ? 1 : 0);
}

}  // namespace

void set_hosts(const std::vector<int>& first) {
    host_of_pe.assign(first.size(), 0);
    pes_of.clear();
    for (size_t pe = 0; pe < first.size(); ++pe) {
        if (first[pe] == static_cast<int>(pe)) {
            host_of_pe[pe] = hosts();
            pes_of.emplace_back();
        } else {
            host_of_pe[pe] = host_of(first[pe]);
        }
        pes_of[static_cast<size_t>(host_of_pe[pe])].push_back(static_cast<int>(pe));
    }
    note_run(the_state);
    make_counters(the_state.pes);
}

int hosts() {
    return static_cast<int>(pes_of.size());
}

int host_of(int pe) {
    return host_of_pe[static_cast<size_t>(pe)];
}

int first_pe_of_host(int host) {
    return pes_of_host(host).front();
}

const std::vector<int>& pes_of_host(int host) {
    return pes_of[static_cast<size_t>(host)];
}

bool is_here(int pe) {
    return host_of(pe) == host_of(state().me);
}

}  // namespace memfabric::shmem
