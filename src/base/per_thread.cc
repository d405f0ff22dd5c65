// SPDX-License-Identifier: Apache-2.0
#include "base/per_thread.h"

#include <pthread.h>

#include <optional>
#include <utility>

namespace memfabric::per_thread_detail {
namespace {

/// Ends in the reverse order. An object that is made again on the way is ended by the next call.
void end_all(void* first) {
    for (auto* what = static_cast<AtEnd*>(first); what != nullptr;) {
        AtEnd* const next = std::exchange(what->next, nullptr);
        what->end(*what);
        what = next;
    }
}

/// None where the program has used up all keys.
std::optional<pthread_key_t> make_key() {
    pthread_key_t key = 0;
    return ::pthread_key_create(&key, &end_all) == 0 ? std::optional(key) : std::nullopt;
}

}  // namespace

void do_at_thread_end(AtEnd& what) noexcept {
    static const std::optional<pthread_key_t> key = make_key();
    if (key) {
        what.next = static_cast<AtEnd*>(::pthread_getspecific(*key));
        if (::pthread_setspecific(*key, &what) != 0) {
            what.next = nullptr;
        }
    }
}

}  // namespace memfabric::per_thread_detail
