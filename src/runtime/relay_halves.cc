// SPDX-License-Identifier: Apache-2.0
#include "runtime/relay_halves.h"

#include <atomic>

#include "base/attempt.h"
#include "base/thread.h"

namespace memfabric {

RelayHalves::RelayHalves(size_t size) : size_(size) {}

Status RelayHalves::run(size_t loads, const Step& fill, const Step& empty) {
    const size_t used = std::min(loads, halves_.size());
    for (size_t half = 0; half < used; ++half) {
        halves_.at(half).bytes = std::make_unique_for_overwrite<std::byte[]>(size_);
    }
    if (loads > 1) {
        return run_overlapped(loads, fill, empty);
    }
    for (size_t load = 0; load < loads; ++load) {
        MF_RETURN_IF_ERROR(fill(load, bytes_of(load)));
        MF_RETURN_IF_ERROR(empty(load, bytes_of(load)));
    }
    return {};
}

Status RelayHalves::run_overlapped(size_t loads, const Step& fill, const Step& empty) {
    Status filled;  // the filler's until a half is full
    std::atomic<bool> over{false};
    const auto filler = start_thread("mf-relay", [&](const std::stop_token&) {
        for (size_t load = 0; load < loads; ++load) {
            half_of(load).free.acquire();
            if (over) {
                return;
            }
            Status status = attempt([&] { return fill(load, bytes_of(load)); });
            const bool failed = !status.is_ok();
            if (failed) {
                filled = std::move(status);
                over = true;
            }
            half_of(load).full.release();
            if (failed) {
                return;
            }
        }
    });
    Status emptied;
    for (size_t load = 0; load < loads && emptied.is_ok(); ++load) {
        half_of(load).full.acquire();
        if (over) {
            return filled;
        }
        emptied = attempt([&] { return empty(load, bytes_of(load)); });
        over = over || !emptied.is_ok();
        half_of(load).free.release();
    }
    return emptied;
}

}  // namespace memfabric
