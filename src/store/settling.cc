// SPDX-License-Identifier: Apache-2.0
#include "store/settling.h"

#include <algorithm>
#include <utility>

namespace memfabric::store {
namespace {

constexpr int kLongest = 4;  // times the settling time, where clients keep coming

}  // namespace

void Settling::begin(Clock::time_point now) {
    if (!ends_) {
        began_ = now;
        ends_ = now + time_;
        latest_ = now + kLongest * time_;
    }
}

void Settling::prolong(Clock::time_point now) {
    if (ends_) {
        ends_ = std::max(*ends_, std::min(latest_, now + time_ / 4));
    }
}

bool Settling::go_on(Clock::time_point now, std::chrono::milliseconds period,
                     std::chrono::milliseconds most) {
    if (now >= began_ + most) {
        return false;
    }
    ends_ = now + period;
    return true;
}

bool Settling::hold(Held request) {
    bytes_ += sizeof(Held) + request.body.size();
    if (bytes_ > max_bytes_) {
        return false;
    }
    held_.push_back(std::move(request));
    return true;
}

std::vector<Settling::Held> Settling::end() {
    ends_.reset();
    bytes_ = 0;
    return std::exchange(held_, {});
}

bool Settling::cancel(RequestKey request) {
    return std::erase_if(held_, [&](const Held& held) { return held.request == request; }) != 0;
}

void Settling::end_session(uint64_t session) {
    std::erase_if(held_, [&](const Held& held) { return held.request.session == session; });
}

}  // namespace memfabric::store
