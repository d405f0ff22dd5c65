// SPDX-License-Identifier: Apache-2.0
#include <vector>

#include "copy/engine.h"
#include "copy/engine_state.h"

namespace memfabric::copy {
namespace {

/// What a thread takes at a time: consecutive whole pieces, or a part of one large piece.
struct Share {
    std::span<const Piece> pieces;
    size_t offset = 0;  // of the part
    size_t size = 0;    // of the part; 0: the pieces are whole
};

size_t total_size(std::span<const Piece> pieces) {
    size_t total = 0;
    for (const Piece& piece : pieces) {
        total += piece.size;
    }
    return total;
}

/// Cuts pieces of at least two chunks into parts, and gathers smaller ones until they make a chunk.
std::vector<Share> share_out(std::span<const Piece> pieces, size_t total, size_t chunk) {
    std::vector<Share> shares;
    shares.reserve(total / chunk * 2 + 1);
    size_t first = 0;
    size_t gathered = 0;
    const auto close = [&](size_t end) {
        if (end > first) {
            shares.push_back({.pieces = pieces.subspan(first, end - first)});
        }
        first = end;
        gathered = 0;
    };
    for (size_t i = 0; i < pieces.size(); ++i) {
        if (pieces[i].size >= 2 * chunk) {
            close(i);
            for (size_t offset = 0; offset < pieces[i].size; offset += chunk) {
                shares.push_back({.pieces = pieces.subspan(i, 1),
                                  .offset = offset,
                                  .size = std::min(chunk, pieces[i].size - offset)});
            }
            first = i + 1;
            continue;
        }
        gathered += pieces[i].size;
        if (gathered >= chunk) {
            close(i + 1);
        }
    }
    close(pieces.size());
    return shares;
}

}  // namespace

void Engine::copy_batch(std::span<const Piece> pieces, Temperature temperature) {
    const size_t total = total_size(pieces);
    const auto copy_share = [&](const Share& share) {
        bool fence = false;
        for (const Piece& piece : share.pieces) {
            const size_t size = share.size == 0 ? piece.size : share.size;
            std::byte* destination = piece.destination + share.offset;
            const std::byte* source = piece.source + share.offset;
            const Kernel& kernel = state_->chooser.choose(destination, source, size, total, temperature);
            kernel.copy(destination, source, size);
            fence = fence || kernel.nontemporal;
        }
        if (fence) {
            store_fence();  // on the thread that stored
        }
    };
    if (!state_->is_shared(total)) {
        copy_share({.pieces = pieces});
        order_after_copy();
        return;
    }
    const std::vector<Share> shares = share_out(pieces, total, state_->chunk_size(total));
    state_->team.run(static_cast<uint32_t>(shares.size()),
                     [&](uint32_t index) { copy_share(shares[index]); });
    order_after_copy();
}

}  // namespace memfabric::copy
