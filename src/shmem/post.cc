// SPDX-License-Identifier: Apache-2.0
#include "shmem/post.h"

#include <utility>

#include "shmem/remote.h"
#include "shmem/startup.h"

namespace memfabric::shmem {
namespace {

constexpr const char* kWhat = "message";

}  // namespace

void Post::begin(int pe, uint64_t place, const void* data, size_t bytes, Word word, const char* call) {
    end(call);
    pe_ = pe;
    bytes_ = bytes;
    expect_done(mf_private_shm_post(heap_object(), reinterpret_cast<void*>(place), data, bytes,
                                    word == Word::kAsked ? 1 : 0, &post_),
                kWhat, bytes, pe, call);
}

int32_t Post::take_outcome() {
    mf_private_post* const ended = std::exchange(post_, nullptr);
    return ended == nullptr ? 0 : mf_private_shm_end_post(heap_object(), ended);
}

void Post::end(const char* call) {
    if (post_ != nullptr) {
        expect_done(take_outcome(), kWhat, bytes_, pe_, call);
    }
}

void Post::settle() {
    if (mf_private_post* const settled = std::exchange(post_, nullptr); settled != nullptr) {
        mf_private_shm_settle_post(settled);
    }
}

}  // namespace memfabric::shmem
