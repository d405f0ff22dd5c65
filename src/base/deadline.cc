// SPDX-License-Identifier: Apache-2.0
#include "base/deadline.h"

#include <algorithm>
#include <limits>

namespace memfabric {

using std::chrono::milliseconds;

Deadline Deadline::after(milliseconds duration) {
    const auto now = Clock::now();
    // UINT32_MAX seconds is a documented value; a sum past the clock's end means never.
    const auto room = std::chrono::duration_cast<milliseconds>(Clock::time_point::max() - now);
    return duration >= room ? never() : Deadline(now + duration);
}

milliseconds Deadline::remaining() const {
    if (is_never()) {
        return milliseconds::max();
    }
    const auto now = Clock::now();
    return now >= when_ ? milliseconds(0) : std::chrono::ceil<milliseconds>(when_ - now);
}

int Deadline::poll_timeout(int cap) const {
    const int limit = cap < 0 ? std::numeric_limits<int>::max() : cap;
    if (is_never()) {
        return cap;
    }
    return static_cast<int>(std::min<milliseconds::rep>(remaining().count(), limit));
}

}  // namespace memfabric
