// SPDX-License-Identifier: Apache-2.0
#include "shmem/told_wait.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "capi/private_api.h"
#include "shmem/hosts.h"
#include "shmem/state.h"
#include "shmem/team.h"

namespace memfabric::shmem {
namespace {

constexpr size_t kNamed = 8;  // PEs in one text

WaitMark& mark_of(int pe) {
    return find_team(SHMEM_TEAM_WORLD)->slots[static_cast<size_t>(pe)]->mark;
}

/// Members of the group on this host, in their order.
template <typename Visit>
void visit_members_here(const Awaited& group, const Visit& visit) {
    for (int i = 0; i < group.size; ++i) {
        const int pe = group.start + i * group.stride;
        if (is_here(pe)) {
            visit(pe);
        }
    }
}

bool waits_with(const Awaited& group, int pe) {
    return mark_of(pe).place.load(std::memory_order_relaxed) == reinterpret_cast<uint64_t>(group.place);
}

/// One of those who wait for the same speaks up, the others whisper.
bool is_first_to_wait(const Awaited& group) {
    int first = state().pes;
    visit_members_here(group, [&](int pe) { first = waits_with(group, pe) ? std::min(first, pe) : first; });
    return first >= state().me;
}

std::string name_of(int pe) {
    const uint32_t other = mark_of(pe).pe.load(std::memory_order_relaxed);
    return other == 0 ? fmt::format("PE {}", pe)
                      : fmt::format("PE {} (which waits for PE {})", pe, other - 1);
}

std::string missing_members(const Awaited& group) {
    std::vector<int> missing;
    visit_members_here(group, [&](int pe) {
        if (pe != state().me && !waits_with(group, pe)) {
            missing.push_back(pe);
        }
    });
    if (missing.empty()) {
        return "the other PEs";
    }
    std::string text;
    for (size_t i = 0; i < std::min(missing.size(), kNamed); ++i) {
        text += (i == 0 ? "" : ", ") + name_of(missing[i]);
    }
    return missing.size() > kNamed ? fmt::format("{} and {} more", text, missing.size() - kNamed) : text;
}

std::string text_of(const Awaited& awaited) {
    switch (awaited.what) {
        case Awaited::What::kMembers:
            return missing_members(awaited);
        case Awaited::What::kMessage:
            return fmt::format("PE {} on another host", awaited.start);
        case Awaited::What::kRoom:
            return fmt::format("PE {} on another host, which has not taken the last messages", awaited.start);
        case Awaited::What::kVariable:
            return fmt::format("a PE that changes the variable at {}", awaited.place);
        case Awaited::What::kLock:
            return fmt::format("the PE that has the lock at {}", awaited.place);
    }
    return {};
}

}  // namespace

ToldWait::ToldWait(const Awaited& awaited)
    : awaited_(awaited), notices_(std::chrono::milliseconds(mf_private_wait_notice())) {
    long_waits.fetch_add(1, std::memory_order_relaxed);
    WaitMark& mark = mark_of(state().me);
    const bool is_group = awaited.what == Awaited::What::kMembers;
    const bool is_one = awaited.what == Awaited::What::kMessage || awaited.what == Awaited::What::kRoom;
    mark.place.store(is_group ? reinterpret_cast<uint64_t>(awaited.place) : 0, std::memory_order_relaxed);
    mark.pe.store(is_one ? static_cast<uint32_t>(awaited.start) + 1 : 0, std::memory_order_relaxed);
}

ToldWait::~ToldWait() {
    WaitMark& mark = mark_of(state().me);
    mark.place.store(0, std::memory_order_relaxed);
    mark.pe.store(0, std::memory_order_relaxed);
    long_waits.fetch_sub(1, std::memory_order_relaxed);
}

void ToldWait::look() {
    if (notices_.is_due()) {
        tell();
    }
}

timespec ToldWait::stretch() const {
    using std::chrono::nanoseconds;
    using std::chrono::seconds;
    const auto left = std::max<nanoseconds>(notices_.next() - WaitNotices::Clock::now(), nanoseconds(1));
    const auto whole = std::chrono::duration_cast<seconds>(left);
    return {whole.count(), (left - whole).count()};
}

/// A program may well wait for long for a variable: that is no warning.
void ToldWait::tell() const {
    const bool warns = awaited_.what == Awaited::What::kMembers ? is_first_to_wait(awaited_)
                                                                : awaited_.what != Awaited::What::kVariable;
    const std::string text = fmt::format("PE {} in {}: {}", state().me, awaited_.call, text_of(awaited_));
    mf_private_log_wait(warns ? 1 : 0, notices_.seconds(), text.c_str());
}

}  // namespace memfabric::shmem
