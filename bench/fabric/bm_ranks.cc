// SPDX-License-Identifier: Apache-2.0
#include "fabric/bm_ranks.h"

#include <chrono>
#include <cstring>
#include <stdexcept>
#include <thread>
#include <vector>

#include "smem_error.h"

namespace memfabric::bench {
namespace {

constexpr uint32_t kRanks = 2;
constexpr std::chrono::seconds kJoinLimit{60};

void check(int32_t code, const char* call) {
    if (code != 0) {
        throw std::runtime_error(std::string(call) + ": " + smem_get_last_err_msg() + " (code " +
                                 std::to_string(code) + ")");
    }
}

}  // namespace

BmRank::BmRank(const std::string& url, uint16_t rank, uint64_t region_size) : rank_(rank) {
    smem_bm_config_t config;
    check(smem_bm_config_init(&config), "smem_bm_config_init");
    config.rankId = rank;
    check(smem_bm_init(url.c_str(), kRanks, 0, &config), "smem_bm_init");
    handle_ = smem_bm_create(0, kRanks, SMEMB_DATA_OP_SDMA, region_size, 0, 0);
    if (handle_ == nullptr) {
        throw std::runtime_error(std::string("smem_bm_create: ") + smem_get_last_err_msg());
    }
    check(smem_bm_join(handle_, 0, nullptr), "smem_bm_join");
    std::memset(smem_bm_ptr(handle_, rank), 1, region_size);  // no page fault is measured
}

BmRank::~BmRank() {
    smem_bm_destroy(handle_);
    smem_bm_uninit(0);
}

std::byte* BmRank::peer_region() const {
    return static_cast<std::byte*>(smem_bm_ptr(handle_, static_cast<uint16_t>(1 - rank_)));
}

std::string BmRank::reach_peer() const {
    const auto end = std::chrono::steady_clock::now() + kJoinLimit;
    while (true) {
        std::byte probe{};
        smem_copy_params parameters{peer_region(), &probe, 1};
        const int32_t code = smem_bm_copy(handle_, &parameters, SMEMB_COPY_G2H, 0);
        if (code == 0) {
            return "";
        }
        if (code == SM_NOT_SUPPORTED || std::chrono::steady_clock::now() > end) {
            return smem_get_last_err_msg();
        }
        // The store's word of the peer's join is on its way.
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}

void BmRank::put_one(std::byte* local, uint64_t offset, size_t size) const {
    smem_copy_params parameters{local, peer_region() + offset, size};
    check(smem_bm_copy(handle_, &parameters, SMEMB_COPY_H2G, 0), "smem_bm_copy");
}

void BmRank::get_one(std::byte* local, uint64_t offset, size_t size) const {
    smem_copy_params parameters{peer_region() + offset, local, size};
    check(smem_bm_copy(handle_, &parameters, SMEMB_COPY_G2H, 0), "smem_bm_copy");
}

void BmRank::copy(std::span<const RawPiece> pieces, bool to_peer) const {
    std::vector<void*> local;
    std::vector<void*> remote;
    std::vector<uint64_t> sizes;
    for (const RawPiece& piece : pieces) {
        local.push_back(piece.local);
        remote.push_back(peer_region() + piece.offset);
        sizes.push_back(piece.size);
    }
    smem_batch_copy_params parameters{to_peer ? local.data() : remote.data(),
                                      to_peer ? remote.data() : local.data(), sizes.data(),
                                      static_cast<uint32_t>(sizes.size())};
    check(smem_bm_copy_batch(handle_, &parameters, to_peer ? SMEMB_COPY_H2G : SMEMB_COPY_G2H, 0),
          "smem_bm_copy_batch");
}

}  // namespace memfabric::bench
