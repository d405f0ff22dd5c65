// SPDX-License-Identifier: Apache-2.0
#include "shmem/host_layout.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <tuple>

#include "base/permanent.h"
#include "shmem/hosts.h"
#include "shmem/state.h"

namespace memfabric::shmem {
namespace {

using Set = std::tuple<int, int, int>;

struct KnownLayouts {
    std::mutex mutex;
    std::map<Set, std::unique_ptr<const HostLayout>> of_set;  // guarded by mutex
};

/// Made by the first call for an active set. Not destroyed: a program that goes without shmem_finalize() is
/// finished by a function that the exit calls after it has destroyed what was made since init.
KnownLayouts& known() {
    static Permanent<KnownLayouts> only;
    return only.get();
}

bool is_progression(const std::vector<int>& numbers) {
    for (size_t i = 2; i < numbers.size(); ++i) {
        if (numbers[i] - numbers[i - 1] != numbers[1] - numbers[0]) {
            return false;
        }
    }
    return true;
}

}  // namespace

std::unique_ptr<const HostLayout> make_layout(int start, int stride, int size) {
    if (hosts() == 1) {
        return nullptr;
    }
    auto made = std::make_unique<HostLayout>();
    std::map<int, int> places;  // of the hosts of the world that have members
    for (int member = 0; member < size; ++member) {
        const int host = host_of(start + member * stride);
        const int place = places.try_emplace(host, static_cast<int>(places.size())).first->second;
        made->hosts.resize(places.size());
        made->hosts[static_cast<size_t>(place)].push_back(member);
        made->host_of_member.push_back(place);
    }
    made->own = places[host_of(state().me)];
    return made->hosts.size() == 1 ? nullptr : std::move(made);
}

const HostLayout* known_layout(int start, int stride, int size) {
    if (hosts() == 1) {
        return nullptr;
    }
    const std::lock_guard lock(known().mutex);
    const auto [found, is_new] = known().of_set.try_emplace(Set(start, stride, size));
    if (is_new) {
        found->second = make_layout(start, stride, size);
    }
    return found->second.get();
}

void forget_layouts() {
    const std::lock_guard lock(known().mutex);
    known().of_set.clear();
}

Neighbours neighbours_of_world() {
    const int me = state().me;
    std::vector<int> all;
    for (int pe = 0; pe < state().pes; ++pe) {
        if (is_here(pe)) {
            all.push_back(pe);
        }
    }
    if (is_progression(all)) {
        return {all.front(), all.size() > 1 ? all[1] - all[0] : 1, static_cast<int>(all.size())};
    }
    int begin = me;
    int end = me + 1;
    while (begin > 0 && is_here(begin - 1)) {
        --begin;
    }
    while (end < state().pes && is_here(end)) {
        ++end;
    }
    return {begin, 1, end - begin};
}

}  // namespace memfabric::shmem
