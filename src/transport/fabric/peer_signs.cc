// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/peer_signs.h"

#include <algorithm>
#include <utility>

#include "base/log.h"

namespace memfabric::transport {
namespace {

// The hosts exchange a sign each second on an idle connection.
constexpr std::chrono::milliseconds kSilentAfter{2500};
constexpr std::chrono::milliseconds kLookAgain{100};

}  // namespace

PeerSigns::PeerSigns(std::string name, const std::vector<PeerLine>& lines, uint64_t instance,
                     std::chrono::milliseconds silence, PeerPatience patience)
    : name_(std::move(name)), silence_(silence), patience_(patience), notices_(patience.notice) {
    for (const PeerLine& line : lines) {
        const std::string from = lines.size() > 1 ? line.from : "";
        lines_.push_back({line, std::make_unique<PeerWatch>(name_, line.door, from, instance, silence)});
    }
}

Status PeerSigns::look(Clock::time_point heard) {
    bool can_learn = false;
    Clock::time_point last = std::max(heard, begun_);
    for (const Line& line : lines_) {
        MF_RETURN_IF_ERROR(line.watch->look());
        can_learn = can_learn || line.watch->can_learn();
        last = std::max(last, line.watch->last_sign().value_or(last));
    }
    const Clock::time_point now = Clock::now();
    if (lines_.size() > 1) {
        compare_rails(now);
    }
    if (can_learn) {
        give_notice(heard);
    }
    if (!can_learn || now - last < silence_) {
        return {};
    }
    return failure(
        Code::kPeerLost,
        "{}: its host gave no sign for {:.1f} s{}: the link or the host is down. `mf ping` says which hosts "
        "reach each other; MF_FABRIC_PEER_TIMEOUT is how long a host may be silent",
        name_, std::chrono::duration<double>(now - last).count(), names());
}

void PeerSigns::give_notice(Clock::time_point heard) {
    const std::scoped_lock guard(mutex_);
    if (notices_.next() > Clock::now()) {
        return;
    }
    if (const std::string text = doubts(heard); !text.empty() && notices_.is_due()) {
        log_warn("waiting for {}, which {}", name_, text);
    }
}

std::string PeerSigns::doubts(Clock::time_point heard) {
    const auto now = Clock::now();
    if (now - heard < patience_.suspect) {
        return {};
    }
    const auto recent = std::max(patience_.suspect, kSilentAfter);
    const bool host_answers = std::ranges::any_of(lines_, [&](const Line& line) {
        const auto sign = line.watch->last_sign();
        return line.watch->is_inside() && sign && now - *sign < recent;
    });
    const std::chrono::duration<double> silent = now - heard;
    return fmt::format("has given no sign for {:.1f} s ({})", silent.count(),
                       host_answers ? "its host answers: it is stopped, or too busy"
                                    : "neither has its host: the link or the host is down");
}

bool PeerSigns::may_look_again() {
    const Clock::duration now = Clock::now().time_since_epoch();
    Clock::duration at = look_again_at_.load(std::memory_order_relaxed);
    return now >= at && look_again_at_.compare_exchange_strong(at, now + kLookAgain);
}

/// A rail is silent only while another one is not: else it is the peer, or its host.
void PeerSigns::compare_rails(Clock::time_point now) {
    const std::scoped_lock guard(mutex_);
    const auto speaks = [&](const Line& line) {
        const auto sign = line.watch->last_sign();
        return sign && now - *sign < kSilentAfter;
    };
    const bool any_speaks = std::ranges::any_of(lines_, speaks);
    for (const Line& line : lines_) {
        if (speaks(line)) {
            note(line, false);
        } else if (any_speaks && now - begun_ >= kSilentAfter) {
            note(line, true);
        }
    }
}

void PeerSigns::note(const Line& line, bool is_silent) {
    const uint64_t bit = uint64_t{1} << line.line.rail;
    const uint64_t before = is_silent ? silent_.fetch_or(bit) : silent_.fetch_and(~bit);
    if (is_silent && (before & bit) == 0) {
        log_warn("fabric: {} gives no sign over {} for {} ms: going on over the other interfaces", name_,
                 line.line.name, kSilentAfter.count());
    } else if (!is_silent && (before & bit) != 0) {
        log_info("fabric: {} is reached over {} again", name_, line.line.name);
    }
}

std::string PeerSigns::names() const {
    std::string text;
    for (const Line& line : lines_) {
        if (!line.line.name.empty()) {
            text += (text.empty() ? " over " : ", ") + line.line.name;
        }
    }
    return text;
}

}  // namespace memfabric::transport
