// SPDX-License-Identifier: Apache-2.0
#include "copy/engine.h"
#include "copy/engine_state.h"

namespace memfabric::copy {
namespace {

/// The rows from `first` to before `last`, of each the bytes from `offset` on.
struct Band {
    size_t first = 0;
    size_t last = 0;
    size_t offset = 0;
    size_t width = 0;
};

void copy_band(const Rows& rows, const Band& band, const Kernel& kernel) {
    std::byte* destination = rows.destination + band.first * rows.destination_pitch + band.offset;
    const std::byte* source = rows.source + band.first * rows.source_pitch + band.offset;
    for (size_t row = band.first;;) {
        kernel.copy(destination, source, band.width);
        if (++row == band.last) {
            break;  // before the addresses leave the last row
        }
        destination += rows.destination_pitch;
        source += rows.source_pitch;
    }
    if (kernel.nontemporal) {
        store_fence();
    }
}

/// How rows are cut for the threads: bands of whole rows, or, where a row is longer than a chunk, parts of
/// one row.
struct Cut {
    Cut(const Rows& rows, size_t chunk)
        : rows_per_band(std::max<size_t>(chunk / rows.width, 1)),
          part_width(std::min(chunk, rows.width)),
          parts_per_row((rows.width + part_width - 1) / part_width),
          bands((rows.height + rows_per_band - 1) / rows_per_band) {}

    size_t count() const { return bands * parts_per_row; }

    Band band(const Rows& rows, size_t index) const {
        const size_t first = index / parts_per_row * rows_per_band;
        const size_t offset = index % parts_per_row * part_width;
        return {.first = first,
                .last = std::min(first + rows_per_band, rows.height),
                .offset = offset,
                .width = std::min(part_width, rows.width - offset)};
    }

    size_t rows_per_band;
    size_t part_width;
    size_t parts_per_row;
    size_t bands;
};

}  // namespace

void Engine::copy_rows(const Rows& rows, Temperature temperature) {
    if (rows.width == 0 || rows.height == 0) {
        return;
    }
    const size_t total = rows.width * rows.height;
    if (rows.width == rows.source_pitch && rows.width == rows.destination_pitch) {
        copy(rows.destination, rows.source, total, temperature);
        return;
    }
    const Kernel& kernel =
        state_->chooser.choose(rows.destination, rows.source, rows.width, total, temperature);
    if (!state_->is_shared(total)) {
        copy_band(rows, {.first = 0, .last = rows.height, .offset = 0, .width = rows.width}, kernel);
        order_after_copy();
        return;
    }
    const Cut cut(rows, state_->chunk_size(total));
    state_->team.run(static_cast<uint32_t>(cut.count()),
                     [&](uint32_t index) { copy_band(rows, cut.band(rows, index), kernel); });
    order_after_copy();
}

}  // namespace memfabric::copy
