// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>

#include "capi/private_api.h"

namespace memfabric::shmem {

/// A put to a PE of another host that nobody waits for at first: the way there is as long as the way back of
/// the word that it arrived. Whoever has it keeps what is put as it is until it has ended.
class Post {
 public:
    Post() = default;
    Post(const Post&) = delete;
    Post& operator=(const Post&) = delete;

    /// kNone: of the put no word is heard, unless it is waited for, or still there a moment later.
    enum class Word : uint8_t { kAsked, kNone };
    /// Ends the one before.
    void begin(int pe, uint64_t place, const void* data, size_t bytes, Word word, const char* call);
    /// Whether end() would not wait.
    bool is_done() const { return post_ == nullptr || mf_private_shm_post_is_done(post_) != 0; }
    /// Waits for it; ends the job where it failed.
    void end(const char* call);
    /// It is known to have arrived, or nobody cares any more.
    void settle();

 private:
    int32_t take_outcome();

    mf_private_post* post_ = nullptr;
    int pe_ = 0;
    size_t bytes_ = 0;
};

}  // namespace memfabric::shmem
