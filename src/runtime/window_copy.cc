// SPDX-License-Identifier: Apache-2.0
#include "runtime/window_copy.h"

#include <algorithm>
#include <atomic>
#include <numeric>
#include <utility>

#include "base/attempt.h"
#include "base/thread.h"
#include "runtime/relay_halves.h"

namespace memfabric {
namespace {

/// Pieces that are planned before they are run: bounds the memory that a batch of a million rows takes.
constexpr size_t kPlannedAtMost = 4096;

/// Fewer bytes in all are on their way sooner than a thread for each further peer has started.
constexpr uint64_t kThreadsFrom = 256U << 10;

/// Peers served at once; the others follow as these end.
constexpr size_t kPeersAtOnce = 16;

std::byte* pointer(uint64_t address) {
    return reinterpret_cast<std::byte*>(address);
}

uint64_t address_of(const std::byte* place) {
    return reinterpret_cast<uint64_t>(place);
}

}  // namespace

void WindowCopy::Batch::add(const RemoteMember& peer, bool put, const transport::FabricPiece& piece,
                            uint64_t address) {
    if (pieces.empty()) {
        member = &peer;
        is_put = put;
        first = address;
    }
    pieces.push_back(piece);
}

uint64_t WindowCopy::Batch::bytes() const {
    return std::accumulate(pieces.begin(), pieces.end(), uint64_t{0},
                           [](uint64_t sum, const auto& piece) { return sum + piece.size; });
}

bool WindowCopy::is_remote(const memory::Window& window, const RemoteTable& table, uint64_t begin,
                           uint64_t size) {
    if (size == 0 || !window.range().contains(begin, size)) {
        return false;
    }
    const uint32_t last = window.rank_of(begin + size - 1);
    for (uint32_t rank = window.rank_of(begin); rank <= last; ++rank) {
        if (table[rank]) {
            return true;
        }
    }
    return false;
}

WindowCopy::Part WindowCopy::part_at(uint64_t address) const {
    const memory::Window& window = context_.window;
    if (!window.range().contains(address, 1)) {
        return {address, nullptr, 0};
    }
    const uint32_t rank = window.rank_of(address);
    return {address, (*context_.table)[rank].get(), address - window.region(rank).begin};
}

/// Bytes from the address on that lie in one rank's region, or in none; at most `size`.
uint64_t WindowCopy::run_at(uint64_t address, uint64_t size) const {
    const memory::Window& window = context_.window;
    if (!window.range().contains(address, 1)) {
        return size;
    }
    return std::min(size, window.region(window.rank_of(address)).end() - address);
}

Status WindowCopy::add(const copy::Piece& piece) {
    uint64_t source = address_of(piece.source);
    uint64_t destination = address_of(piece.destination);
    for (uint64_t rest = piece.size; rest > 0;) {
        const uint64_t run = std::min(run_at(source, rest), run_at(destination, rest));
        add_run(part_at(source), part_at(destination), run);
        source += run;
        destination += run;
        rest -= run;
    }
    return planned_ < kPlannedAtMost ? Status() : flush();
}

void WindowCopy::add_run(const Part& source, const Part& destination, size_t size) {
    ++planned_;
    if (source.member != nullptr && destination.member != nullptr) {
        relays_.push_back({source, destination, size});
    } else if (source.member != nullptr) {
        gets_[source.member->rank].add(
            *source.member, false, {pointer(destination.address), source.member->region, source.offset, size},
            source.address);
    } else if (destination.member != nullptr) {
        puts_[destination.member->rank].add(
            *destination.member, true,
            {pointer(source.address), destination.member->region, destination.offset, size},
            destination.address);
    } else {
        local_.push_back({pointer(destination.address), pointer(source.address), size});
    }
}

Status WindowCopy::copy_pieces(std::span<const copy::Piece> pieces) {
    for (const copy::Piece& piece : pieces) {
        MF_RETURN_IF_ERROR(add(piece));
    }
    return flush();
}

Status WindowCopy::copy_rows(const copy::Rows& rows) {
    if (rows.source_pitch == rows.width && rows.destination_pitch == rows.width) {
        const copy::Piece whole{rows.destination, rows.source, rows.width * rows.height};
        return copy_pieces({&whole, 1});
    }
    for (size_t row = 0; row < rows.height; ++row) {
        MF_RETURN_IF_ERROR(add({rows.destination + row * rows.destination_pitch,
                                rows.source + row * rows.source_pitch, rows.width}));
    }
    return flush();
}

Status WindowCopy::flush() {
    std::vector<Batch*> batches;
    for (Batches* direction : {&puts_, &gets_}) {
        for (auto& [rank, batch] : *direction) {
            batches.push_back(&batch);
        }
    }
    Status done = run(std::move(batches), local_);
    if (done.is_ok()) {
        done = run_relays();
    }
    planned_ = 0;
    local_.clear();
    puts_.clear();
    gets_.clear();
    relays_.clear();
    return done;
}

/// Runs all of them whatever becomes of one, so that none is under way on return; the first failure counts.
Status WindowCopy::run(std::vector<Batch*> batches, std::span<const copy::Piece> local) const {
    const uint64_t bytes =
        std::accumulate(batches.begin(), batches.end(), uint64_t{0},
                        [](uint64_t sum, const Batch* batch) { return sum + batch->bytes(); });
    std::atomic<size_t> next{0};
    const auto work = [&] {
        for (size_t i = next++; i < batches.size(); i = next++) {
            batches[i]->status = attempt([&] { return run_one(*batches[i]); });
        }
    };
    {
        std::vector<std::jthread> helpers;
        const size_t jobs = batches.size() + (local.empty() ? 0 : 1);
        // Where there is no room for a helper, the others do its part.
        static_cast<void>(did_with_memory([&] {
            for (size_t i = 1; bytes >= kThreadsFrom && i < std::min(jobs, kPeersAtOnce); ++i) {
                helpers.push_back(
                    start_thread("mf-remote-copy", [&work](const std::stop_token&) { work(); }));
            }
        }));
        context_.engine.copy_batch(local, context_.temperature);
        work();
    }
    for (const Batch* batch : batches) {
        MF_RETURN_IF_ERROR(batch->status);
    }
    return {};
}

Status WindowCopy::run_one(const Batch& batch) const {
    const RemoteMember& member = *batch.member;
    Status done = member.problem;
    if (done.is_ok()) {
        transport::RemoteMemory& transport = context_.transport;
        done = batch.is_put ? transport.put(*member.peer, batch.pieces, context_.deadline)
                            : transport.get(*member.peer, batch.pieces, context_.deadline);
    }
    if (done.is_ok()) {
        return done;
    }
    return done.with_context(
        fmt::format("{} {} bytes in {} pieces, the first at {:#x}, {} rank {} on host '{}'",
                    batch.is_put ? "writing" : "reading", batch.bytes(), batch.pieces.size(), batch.first,
                    batch.is_put ? "to" : "from", member.rank, member.host));
}

/// Goes through a buffer of two halves: while one is written, the other is being read.
class WindowCopy::RelayPipe {
 public:
    explicit RelayPipe(const WindowCopy& copy) : copy_(copy) {}

    Status run(std::span<const Relay> relays) {
        const std::vector<std::vector<Relay>> loads = cut(relays);
        return RelayHalves(RelayHalves::size_of(total_))
            .run(
                loads.size(),
                [&](size_t load, std::span<std::byte> half) { return move(loads[load], half, false); },
                [&](size_t load, std::span<std::byte> half) { return move(loads[load], half, true); });
    }

 private:
    /// Loads that fit into a half each.
    std::vector<std::vector<Relay>> cut(std::span<const Relay> relays) {
        std::vector<std::vector<Relay>> loads(1);
        size_t room = RelayHalves::kSize;
        for (Relay relay : relays) {
            total_ += relay.size;
            while (relay.size > 0) {
                if (room == 0) {
                    loads.emplace_back();
                    room = RelayHalves::kSize;
                }
                const size_t now = std::min(relay.size, room);
                loads.back().push_back({relay.source, relay.destination, now});
                for (Part* part : {&relay.source, &relay.destination}) {
                    part->address += now;
                    part->offset += now;
                }
                relay.size -= now;
                room -= now;
            }
        }
        return loads;
    }

    Status move(const std::vector<Relay>& load, std::span<std::byte> half, bool put) const {
        Batches batches;
        std::byte* place = half.data();
        for (const Relay& relay : load) {
            const Part& part = put ? relay.destination : relay.source;
            batches[part.member->rank].add(
                *part.member, put, {place, part.member->region, part.offset, relay.size}, part.address);
            place += relay.size;
        }
        std::vector<Batch*> all;
        for (auto& [rank, batch] : batches) {
            all.push_back(&batch);
        }
        return copy_.run(std::move(all), {});
    }

    const WindowCopy& copy_;
    size_t total_ = 0;
};

Status WindowCopy::run_relays() {
    return relays_.empty() ? Status() : RelayPipe(*this).run(relays_);
}

}  // namespace memfabric
