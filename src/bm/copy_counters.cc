// SPDX-License-Identifier: Apache-2.0
#include "bm/copy_counters.h"

#include <fmt/format.h>

#include <string>

namespace memfabric::bm {

using observe::Operation;
using observe::Path;

CopyCounters::CopyCounters(uint32_t object, const memory::Window& layout, uint32_t rank)
    : layout_(layout), rank_(rank) {
    const std::string label = fmt::format("BM {} rank", object);
    const auto cells = [&](Operation operation, Path path) {
        return observe::cells_of(operation, path, label, 0, layout.slots());
    };
    mapped_ = {cells(Operation::kBmPut, Path::kMapped), cells(Operation::kBmGet, Path::kMapped)};
    fabric_ = {cells(Operation::kBmPut, Path::kFabric), cells(Operation::kBmGet, Path::kFabric)};
    local_ = observe::cell_of(Operation::kBmLocal, Path::kMapped, fmt::format("BM {}", object));
}

observe::Counted CopyCounters::of(uint64_t source, uint64_t destination, const RemoteTable* table) const {
    const auto is_remote = [&](uint64_t address) {
        return table != nullptr && layout_.range().contains(address, 1) &&
               (*table)[layout_.rank_of(address)] != nullptr;
    };
    const bool by_fabric = is_remote(source) || is_remote(destination);
    return counted(source, destination, by_fabric ? fabric_ : mapped_,
                   by_fabric ? Path::kFabric : Path::kMapped);
}

observe::Counted CopyCounters::of(const copy::Piece& piece, const RemoteTable* table) const {
    return of(reinterpret_cast<uint64_t>(piece.source), reinterpret_cast<uint64_t>(piece.destination), table);
}

void CopyCounters::count_rest(std::span<const copy::Piece> pieces, const RemoteTable* table) const {
    for (size_t i = 1; i < pieces.size(); ++i) {
        static_cast<void>(observe::count(of(pieces[i], table).cell, pieces[i].size));
    }
}

}  // namespace memfabric::bm
