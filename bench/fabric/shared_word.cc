// SPDX-License-Identifier: Apache-2.0
#include "fabric/shared_word.h"

#include <stdexcept>

#include "capi/private_api.h"
#include "smem.h"

namespace memfabric::bench {
namespace {

constexpr uint32_t kRanks = 2;
constexpr uint64_t kBytes = 2 << 20;
constexpr uint32_t kAdd = 4;  // of mf_private_shm_atomic

void check(bool succeeded, const char* call) {
    if (!succeeded) {
        throw std::runtime_error(std::string(call) + ": " + smem_get_last_err_msg());
    }
}

}  // namespace

SharedWord::SharedWord(const std::string& url, uint32_t rank) {
    smem_shm_config_t config;
    check(smem_shm_config_init(&config) == 0, "smem_shm_config_init");
    config.startConfigStore = false;
    check(smem_shm_init(url.c_str(), kRanks, rank, 0, &config) == 0, "smem_shm_init");
    void* first = nullptr;
    handle_ = smem_shm_create(0, kRanks, rank, kBytes, SMEMS_DATA_OP_ROCE, 0, &first);
    check(handle_ != nullptr, "smem_shm_create");
    peer_word_ = static_cast<char*>(first) + (kRanks - 1 - rank) * kBytes;
}

SharedWord::~SharedWord() {
    smem_shm_destroy(handle_, 0);
    smem_shm_uninit(0);
}

uint64_t SharedWord::fetch_add() const {
    uint64_t old = 0;
    check(mf_private_shm_atomic(handle_, peer_word_, sizeof old, kAdd, 1, 0, &old) == 0,
          "mf_private_shm_atomic");
    return old;
}

}  // namespace memfabric::bench
