// SPDX-License-Identifier: Apache-2.0
#include "trans/exposures.h"

#include <algorithm>
#include <chrono>

#include "base/attempt.h"
#include "base/log.h"
#include "base/thread.h"

namespace memfabric::trans {

using memory::AddressRange;

namespace {

bool overlap(AddressRange a, AddressRange b) {
    return a.begin < b.end() && b.begin < a.end();
}

RegionsAnswer answer_of(RegionsOutcome outcome) {
    return {outcome, {}, 0, {}, {}};
}

}  // namespace

Exposures::~Exposures() {
    {
        const std::lock_guard lock(mutex_);
        closed_ = true;
    }
    worker_ = {};
    std::vector<SharedExposure> left;
    {
        const std::lock_guard lock(mutex_);
        while (!ranges_.empty()) {
            withdraw(ranges_.begin());
        }
        insist([&] { left = ending_; });
    }
    end(left, false);
}

void Exposures::start(std::shared_ptr<transport::RemoteMemory> memory, Load load) {
    const std::lock_guard lock(mutex_);
    memory_ = std::move(memory);
    load_ = std::move(load);
}

void Exposures::activate(std::span<const AddressRange> registered) {
    const std::lock_guard lock(mutex_);
    for (const AddressRange& range : registered) {
        insist([&] { ranges_.emplace(range.begin, Registered{range.end(), nullptr}); });
    }
    active_.store(true, std::memory_order_release);
}

void Exposures::change(std::span<const AddressRange> removed, std::span<const AddressRange> added) {
    if (!is_active()) {
        return;
    }
    const std::lock_guard lock(mutex_);
    for (const AddressRange& range : removed) {
        if (const auto registered = ranges_.find(range.begin); registered != ranges_.end()) {
            withdraw(registered);
        }
    }
    for (const AddressRange& range : added) {
        insist([&] { ranges_.emplace(range.begin, Registered{range.end(), nullptr}); });
    }
}

void Exposures::withdraw(Ranges::iterator range) {
    if (range->second.exposure != nullptr) {
        insist([&] { ending_.push_back(std::move(range->second.exposure)); });
    }
    ranges_.erase(range);
}

bool Exposures::find(AddressRange wanted, std::vector<Ranges::iterator>& found, AddressRange& missing) {
    auto next = ranges_.upper_bound(wanted.begin);
    next = next == ranges_.begin() ? next : std::prev(next);
    // What does not fit into the answer is asked for again: whoever asks for everything, time and again, must
    // not keep us busy.
    for (uint64_t address = wanted.begin; address < wanted.end() && found.size() < kMostAnswered; ++next) {
        if (next == ranges_.end() || next->first > address || next->second.end <= address) {
            missing = {address, wanted.end() - address};
            return false;
        }
        if (found.empty() || found.back() != next) {
            found.push_back(next);
        }
        address = next->second.end;
    }
    return true;
}

RegionsAnswer Exposures::answer(const RegionsRequest& request) {
    const std::lock_guard lock(mutex_);
    if (closed_ || request.target != instance_ || memory_ == nullptr) {
        return answer_of(RegionsOutcome::kClosed);
    }
    if (!is_active()) {
        load_wanted_ = true;
        wake_worker();
        return answer_of(RegionsOutcome::kLater);
    }
    std::vector<Ranges::iterator> found;
    for (const AddressRange& range : request.ranges) {
        AddressRange missing;
        if (!find(range, found, missing)) {
            RegionsAnswer answer = answer_of(RegionsOutcome::kMissing);
            answer.missing = missing;
            return answer;
        }
    }
    return tell(found, request.from);
}

RegionsAnswer Exposures::tell(std::span<const Ranges::iterator> found, const Initiator& to) {
    RegionsAnswer answer = answer_of(RegionsOutcome::kCovered);
    bool later = false;
    for (const Ranges::iterator range : found) {
        SharedExposure& exposure = range->second.exposure;
        if (exposure == nullptr) {
            auto fresh = std::make_shared<Exposure>();
            fresh->range = {range->first, range->second.end - range->first};
            wake_worker();
            opening_.push_back(fresh);
            exposure = std::move(fresh);
        }
        if (exposure->state == Exposure::State::kFailed) {
            answer.outcome = RegionsOutcome::kFailed;
            answer.code = static_cast<int32_t>(exposure->problem.code());
            answer.text = exposure->problem.message();
            exposure.reset();  // the next request tries again
            return answer;
        }
        later |= exposure->state == Exposure::State::kOpening;
    }
    if (later) {
        return answer_of(RegionsOutcome::kLater);
    }
    const std::shared_ptr<Holder> holder = holder_of(to);
    for (const Ranges::iterator range : found) {
        Exposure& exposure = *range->second.exposure;
        if (std::ranges::find(exposure.holders, holder) == exposure.holders.end()) {
            exposure.holders.push_back(holder);
        }
        answer.regions.push_back({exposure.range, exposure.memory->region()});
    }
    return answer;
}

std::shared_ptr<Holder> Exposures::holder_of(const Initiator& initiator) {
    if (const auto known = holders_.find(initiator.instance); known != holders_.end()) {
        return known->second;
    }
    std::erase_if(holders_, [](const auto& entry) { return entry.second.use_count() == 1; });
    return holders_.emplace(initiator.instance, std::make_shared<Holder>(initiator)).first->second;
}

void Exposures::wake_worker() {
    if (!worker_.joinable()) {
        worker_ = start_thread("mf-trans-expose", [this](const std::stop_token& stop) { work(stop); });
    }
    changed_.notify_all();
}

void Exposures::work(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (changed_.wait(lock, stop, [&] { return load_wanted_ || !opening_.empty(); })) {
        if (load_wanted_) {
            const Load load = load_;
            lock.unlock();
            load();
            lock.lock();
            load_wanted_ = false;
            continue;
        }
        // It stays there until it is open: where there is no memory for that, this thread begins again.
        const SharedExposure exposure = opening_.front();
        lock.unlock();
        open(exposure);
        lock.lock();
        opening_.pop_front();
    }
    for (const SharedExposure& exposure : opening_) {
        exposure->state = Exposure::State::kFailed;  // for whoever waits to end it
    }
    changed_.notify_all();
}

void Exposures::open(const SharedExposure& exposure) {
    const AddressRange range = exposure->range;
    auto exposed = memory_->expose({reinterpret_cast<std::byte*>(range.begin), range.size});
    const std::lock_guard lock(mutex_);
    if (exposed.is_ok()) {
        exposure->memory = std::move(exposed).value();
        exposure->state = Exposure::State::kOpen;
        log_debug("{:#x} + {} bytes are within reach of other hosts", range.begin, range.size);
    } else {
        exposure->problem = exposed.status();
        exposure->state = Exposure::State::kFailed;
    }
    changed_.notify_all();
}

std::vector<Exposures::SharedExposure> Exposures::ending_in(std::span<const AddressRange> ranges) const {
    std::vector<SharedExposure> inside;
    std::ranges::copy_if(ending_, std::back_inserter(inside), [&](const SharedExposure& exposure) {
        return std::ranges::any_of(ranges,
                                   [&](AddressRange range) { return overlap(range, exposure->range); });
    });
    return inside;
}

}  // namespace memfabric::trans
