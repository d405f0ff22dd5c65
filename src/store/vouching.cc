// SPDX-License-Identifier: Apache-2.0
#include "store/vouching.h"

#include <algorithm>

#include "base/log.h"

namespace memfabric::store {
namespace {

constexpr size_t kAsked = 4;  // processes of the host: some may be stopped as well, or see other processes
constexpr std::chrono::milliseconds kPatience(500);
constexpr std::chrono::milliseconds kWayBack(1000);  // of a process that goes on

}  // namespace

void Vouching::begin(const MembershipTable& memberships) {
    has_begun_ = true;
    for (auto& [group, member] : memberships.missing()) {
        inquiries_[{member.host_id, member.process}].memberships.emplace_back(group, member);
    }
}

bool Vouching::is_missed(const MembershipTable& memberships, const Process& process,
                         const Inquiry& inquiry) const {
    const bool is_back = std::ranges::all_of(inquiry.memberships, [&](const auto& membership) {
        return memberships.is_present(membership.first, membership.second);
    });
    return !is_back && !sessions_.is_here(process.host_id, process.id);
}

bool Vouching::may_come(const Process& process, Inquiry& inquiry, Clock::time_point now) {
    const bool was_stopped = inquiry.stopped != Clock::time_point();
    if (process.host_id == own_host_ && process.id.is_stopped()) {
        inquiry.stopped = now;
    } else if (inquiry.awaited == 0 || now - inquiry.asked >= kPatience) {
        if (inquiry.asked != Clock::time_point() && !was_stopped) {
            return false;  // it is not, or nobody has said so
        }
        inquiry.asked = now;
        inquiry.awaited = sessions_.ask_about(process.host_id, process.id, kAsked);
    }
    return now - inquiry.stopped < kWayBack || (inquiry.awaited != 0 && !was_stopped);
}

bool Vouching::is_worth_waiting(const MembershipTable& memberships, Clock::time_point now) {
    if (!has_begun_) {
        begin(memberships);
    }
    for (auto entry = inquiries_.begin(); entry != inquiries_.end();) {
        auto& [process, inquiry] = *entry;
        const bool is_open = is_missed(memberships, process, inquiry) && may_come(process, inquiry, now);
        entry = is_open ? std::next(entry) : inquiries_.erase(entry);
    }
    for (auto& [process, inquiry] : inquiries_) {
        if (inquiry.stopped != Clock::time_point() && !std::exchange(inquiry.is_told, true)) {
            log_info("config store: waits for pid {} on host {}, which is stopped and has not come back",
                     process.id.pid, process.host_id);
        }
    }
    return !inquiries_.empty();
}

void Vouching::take_answer(uint64_t session, const VouchedMessage& answer) {
    const auto found = inquiries_.find({sessions_.host_of(session), answer.process});
    if (found != inquiries_.end()) {
        found->second.stopped = answer.is_stopped ? Clock::now() : found->second.stopped;
        found->second.awaited -= std::min<size_t>(found->second.awaited, 1);
    }
}

std::string Vouching::text() const {
    std::string text;
    for (const auto& [process, inquiry] : inquiries_) {
        text += fmt::format("; pid {} on host {} {}has not come back", process.id.pid, process.host_id,
                            inquiry.stopped == Clock::time_point() ? "" : "is stopped and ");
    }
    return text;
}

void Vouching::end() {
    inquiries_.clear();
    has_begun_ = false;
}

}  // namespace memfabric::store
