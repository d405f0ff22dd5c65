// SPDX-License-Identifier: Apache-2.0
//
// Every rank sends one KV block (61 pieces of 128 KiB and 61 of 16 KiB, scattered) to the next rank: queued
// as an asynchronous batch, ended by a wait. Then it fetches a column of a matrix that lies in the next
// rank's memory by a 2D copy, and checks both.
//
//   build/release/bin/mf run -n 4 -- build/release/bin/bm_batch_async

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "example.h"

namespace {

constexpr uint64_t kRegion = uint64_t{64} << 20;
constexpr size_t kPieces = 122;
constexpr size_t kLarge = 128 * 1024;
constexpr size_t kSmall = 16 * 1024;
constexpr size_t kSpacing = 256 * 1024;  // pieces lie this far apart in the pool
constexpr size_t kBlockOffset = size_t{1} << 20;
constexpr size_t kMatrixOffset = size_t{48} << 20;
constexpr size_t kRows = 256;
constexpr size_t kRowBytes = 4096;
constexpr size_t kColumnBytes = 64;

/// BM from init to uninit, and one object from create to destroy; what was begun ends also on an early
/// return.
class Pool {
 public:
    explicit Pool(const example_world& world) : world_(world) {
        if (!example_init(&world_)) {
            return;
        }
        handle_ = smem_bm_create(0, world_.size, SMEMB_DATA_OP_SDMA, kRegion, 0, 0);
        joined_ = handle_ != nullptr && smem_bm_join(handle_, 0, nullptr) == SM_OK;
        if (!joined_) {
            example_failed("creating or joining the pool");
        }
    }
    ~Pool() {
        if (joined_) {
            example_finish(handle_);
        } else {
            smem_bm_destroy(handle_);
            smem_bm_uninit(0);
        }
    }
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;

    bool joined() const { return joined_; }
    smem_bm_t handle() const { return handle_; }
    std::byte* region(uint32_t rank) const {
        return static_cast<std::byte*>(smem_bm_ptr(handle_, static_cast<uint16_t>(rank)));
    }

 private:
    example_world world_;
    smem_bm_t handle_ = nullptr;
    bool joined_ = false;
};

size_t piece_size(size_t piece) {
    return piece % 2 == 0 ? kLarge : kSmall;
}

std::byte pattern(uint32_t rank, size_t piece) {
    return static_cast<std::byte>(rank * 31 + piece + 1);
}

bool send_block(const Pool& pool, uint32_t rank, uint32_t next) {
    std::vector<std::vector<std::byte>> pieces;
    std::vector<void*> sources;
    std::vector<void*> destinations;
    std::vector<uint64_t> sizes;
    for (size_t i = 0; i < kPieces; ++i) {
        pieces.emplace_back(piece_size(i), pattern(rank, i));
        sources.push_back(pieces.back().data());
        destinations.push_back(pool.region(next) + kBlockOffset + i * kSpacing);
        sizes.push_back(pieces.back().size());
    }
    smem_batch_copy_params batch = {sources.data(), destinations.data(), sizes.data(), kPieces};
    if (smem_bm_copy_batch(pool.handle(), &batch, SMEMB_COPY_H2G, ASYNC_COPY_FLAG) != SM_OK) {
        return example_failed("smem_bm_copy_batch");
    }
    // The pieces must live until here; other work would go before this line.
    return smem_bm_wait(pool.handle()) == SM_OK || example_failed("smem_bm_wait");
}

bool block_arrived(const Pool& pool, uint32_t rank, uint32_t previous) {
    for (size_t i = 0; i < kPieces; ++i) {
        const std::byte* piece = pool.region(rank) + kBlockOffset + i * kSpacing;
        const std::byte expected = pattern(previous, i);
        if (!std::all_of(piece, piece + piece_size(i), [&](std::byte byte) { return byte == expected; })) {
            std::fprintf(stderr, "rank %u: piece %zu differs\n", rank, i);
            return false;
        }
    }
    return true;
}

/// Own memory is written through the pointer, as any memory.
void fill_matrix(const Pool& pool, uint32_t rank) {
    for (size_t row = 0; row < kRows; ++row) {
        std::byte* begin = pool.region(rank) + kMatrixOffset + row * kRowBytes;
        std::fill(begin, begin + kRowBytes, pattern(rank, row));
    }
}

bool fetch_column(const Pool& pool, uint32_t owner) {
    std::vector<std::byte> column(kRows * kColumnBytes);
    smem_copy_2d_params rows = {pool.region(owner) + kMatrixOffset + 128,
                                kRowBytes,
                                column.data(),
                                kColumnBytes,
                                kColumnBytes,
                                kRows};
    if (smem_bm_copy_2d(pool.handle(), &rows, SMEMB_COPY_G2H, 0) != SM_OK) {
        return example_failed("smem_bm_copy_2d");
    }
    for (size_t i = 0; i < column.size(); ++i) {
        if (column[i] != pattern(owner, i / kColumnBytes)) {
            std::fprintf(stderr, "column of rank %u: row %zu differs\n", owner, i / kColumnBytes);
            return false;
        }
    }
    return true;
}

}  // namespace

int main(int argc, char** argv) {
    example_world world = {};
    if (!example_find_world(argc, argv, &world)) {
        return 1;
    }
    const Pool pool(world);
    if (!pool.joined()) {
        return 1;
    }
    const uint32_t next = (world.rank + 1) % world.size;
    const uint32_t previous = (world.rank + world.size - 1) % world.size;
    fill_matrix(pool, world.rank);
    const bool right = example_barrier(&world, pool.handle(), 1) && send_block(pool, world.rank, next) &&
                       example_barrier(&world, pool.handle(), 2) &&
                       block_arrived(pool, world.rank, previous) && fetch_column(pool, next);
    std::printf("rank %u of %u: %zu pieces from rank %u and a column of rank %u are %s\n", world.rank,
                world.size, kPieces, previous, next, right ? "right" : "WRONG");
    return example_barrier(&world, pool.handle(), 3) && right ? 0 : 1;
}
