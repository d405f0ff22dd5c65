// SPDX-License-Identifier: Apache-2.0
// How memory is taken out of the reach of other hosts.
#include <algorithm>
#include <chrono>

#include "base/attempt.h"
#include "base/log.h"
#include "observe/long_wait.h"
#include "trans/exposures.h"

namespace memfabric::trans {

using memory::AddressRange;

namespace {

/// A process that lives answers within milliseconds; one that is stopped or cut off is not waited for longer:
/// its connections are broken off instead.
constexpr auto kPatience = std::chrono::seconds(1);
/// Pauses between questions to somebody whose transfer still runs.
constexpr auto kFirstPause = std::chrono::microseconds(100);
constexpr auto kLongestPause = std::chrono::milliseconds(10);

/// One holder, and what it holds of what is to end.
struct Told {
    std::shared_ptr<Holder> holder;
    std::vector<uint64_t> keys;
};

}  // namespace

Status Exposures::retire(std::span<const AddressRange> ranges, Deadline deadline) {
    if (!is_active()) {
        return {};
    }
    std::vector<SharedExposure> ending;
    {
        const std::lock_guard lock(mutex_);
        ending = ending_in(ranges);
    }
    if (ending.empty()) {
        return {};
    }
    MF_RETURN_IF_ERROR(wait_until_open(ending, deadline));
    MF_ASSIGN_OR_RETURN(const bool clean, revoke(ending, deadline));
    end(ending, clean);
    return {};
}

Status Exposures::close(Deadline deadline) {
    {
        const std::lock_guard lock(mutex_);
        closed_ = true;
        while (!ranges_.empty()) {
            withdraw(ranges_.begin());
        }
    }
    const AddressRange everything{0, UINT64_MAX};
    Status idle = attempt_until(deadline, [&] { return retire({&everything, 1}, deadline); });
    std::vector<SharedExposure> left;
    {
        const std::lock_guard lock(mutex_);
        insist([&] { left = ending_; });
    }
    end(left, false);
    return idle;
}

Status Exposures::wait_until_open(std::span<const SharedExposure> exposures, Deadline deadline) {
    std::unique_lock lock(mutex_);
    const auto opened = [&] {
        return std::ranges::none_of(exposures, [](const SharedExposure& exposure) {
            return exposure->state == Exposure::State::kOpening;
        });
    };
    if (changed_.wait_until(lock, deadline.sooner(Deadline::after(std::chrono::hours(1))).when(), opened)) {
        return {};
    }
    return failure(Code::kResourceInUse, "it is just being brought within reach of other hosts");
}

Result<bool> Exposures::revoke(std::span<const SharedExposure> exposures, Deadline deadline) {
    std::vector<Told> waiting;
    {
        const std::lock_guard lock(mutex_);
        std::map<std::shared_ptr<Holder>, std::vector<uint64_t>> by_holder;
        for (const SharedExposure& exposure : exposures) {
            if (exposure->state == Exposure::State::kOpen) {
                for (const std::shared_ptr<Holder>& holder : exposure->holders) {
                    by_holder[holder].push_back(exposure->memory->region().key);
                }
            }
        }
        for (auto& [holder, keys] : by_holder) {
            waiting.push_back({holder, std::move(keys)});
        }
    }
    bool clean = true;
    observe::LongWait wait;
    for (std::chrono::microseconds pause = kFirstPause; !waiting.empty();) {
        std::erase_if(waiting, [&](const Told& told) {
            const auto answer = told.holder->revoke(*memory_, instance_, told.keys,
                                                    deadline.sooner(Deadline::after(kPatience)));
            if (!answer.is_ok()) {
                log_debug("{} was not told that memory goes: {}", told.holder->name(),
                          answer.status().message());
            }
            clean &= answer.is_ok() && !answer->dirty;
            return !answer.is_ok() || !answer->busy;
        });
        if (waiting.empty()) {
            break;
        }
        if (deadline.expired()) {
            return failure(Code::kResourceInUse, "a transfer of {} still uses it",
                           waiting.front().holder->name());
        }
        wait.look([&] {
            return fmt::format("the end of a transfer of {}, which uses memory that is deregistered",
                               waiting.front().holder->name());
        });
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, pause);
        pause = std::min<std::chrono::microseconds>(2 * pause, kLongestPause);
    }
    return clean;
}

bool Exposures::begin_to_end(const SharedExposure& exposure) {
    using State = Exposure::State;
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return exposure->state != State::kOpening; });
    if (exposure->state == State::kEnding || exposure->state == State::kEnded) {
        changed_.wait(lock, [&] { return exposure->state == State::kEnded; });
        return false;
    }
    exposure->state = State::kEnding;
    return true;
}

void Exposures::end(std::span<const SharedExposure> exposures, bool clean) {
    std::vector<SharedExposure> ours;
    insist([&] { ours.reserve(exposures.size()); });
    std::ranges::copy_if(exposures, std::back_inserter(ours),
                         [this](const SharedExposure& exposure) { return begin_to_end(exposure); });
    // What breaks off the connections of everybody does so for all that has ended before: once is enough.
    for (const SharedExposure& exposure : ours) {
        if (exposure->memory != nullptr && (clean || exposure != ours.back())) {
            exposure->memory->retire();
        }
    }
    for (const SharedExposure& exposure : ours) {
        exposure->memory.reset();
    }
    const std::lock_guard lock(mutex_);
    for (const SharedExposure& exposure : ours) {
        exposure->state = Exposure::State::kEnded;
        exposure->holders.clear();
        std::erase(ending_, exposure);
    }
    changed_.notify_all();
}

}  // namespace memfabric::trans
