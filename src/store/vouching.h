// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "store/membership_table.h"
#include "store/sessions.h"

namespace memfabric::store {

/// A store that was started again, and those whom its clients miss: a process that is stopped cannot come
/// back, and is not lost. Its host's other processes know whether it is, and so does the store where it runs
/// there.
class Vouching {
 public:
    using Clock = std::chrono::steady_clock;

    Vouching(Sessions& sessions, std::string own_host)
        : sessions_(sessions), own_host_(std::move(own_host)) {}

    /// Whether one of those who are missed is stopped, may turn out to be, or was until just now.
    bool is_worth_waiting(const MembershipTable& memberships, Clock::time_point now);
    void take_answer(uint64_t session, const VouchedMessage& answer);
    /// For the texts of those who wait: "; pid 7 on host a is stopped and has not come back"; empty: nobody
    /// is waited for.
    std::string text() const;
    void end();

 private:
    struct Process {
        std::string host_id;
        ProcessId id;
        // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy sees a 0 in there
        auto operator<=>(const Process&) const = default;
    };
    struct Inquiry {
        std::vector<std::pair<std::string, KnownMember>> memberships;  // with the names of the groups
        Clock::time_point asked;
        size_t awaited = 0;         // answers
        Clock::time_point stopped;  // when it was last
        bool is_told = false;       // to the log
    };

    void begin(const MembershipTable& memberships);
    bool is_missed(const MembershipTable& memberships, const Process& process, const Inquiry& inquiry) const;
    bool may_come(const Process& process, Inquiry& inquiry, Clock::time_point now);

    Sessions& sessions_;
    const std::string own_host_;
    bool has_begun_ = false;
    std::map<Process, Inquiry> inquiries_;
};

}  // namespace memfabric::store
