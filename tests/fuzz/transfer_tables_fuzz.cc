// SPDX-License-Identifier: Apache-2.0
// The tables that transfer sessions of one host share: a table of registered memory that its owner wrote
// anything into, and a board on which initiators announced anything.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vector>

#include "tests/fuzz/fuzz.h"
#include "trans/in_flight.h"
#include "trans/lane_lock.h"
#include "trans/table_view.h"

using namespace memfabric;
using namespace memfabric::trans;
using fuzz::require;

namespace {

namespace layout = table_layout;

/// Numbers written at chosen places of a shared segment, and taken back.
class Scribble {
 public:
    explicit Scribble(int descriptor) : descriptor_(descriptor) {}
    ~Scribble() {
        for (const uint64_t place : places_) {
            write(place, 0);
        }
    }
    Scribble(const Scribble&) = delete;
    Scribble& operator=(const Scribble&) = delete;

    void put(uint64_t place, uint64_t value) {
        places_.push_back(place);
        write(place, value);
    }

 private:
    void write(uint64_t place, uint64_t value) const {
        require(::pwrite(descriptor_, &value, sizeof value, static_cast<off_t>(place)) == sizeof value);
    }
    int descriptor_;
    std::vector<uint64_t> places_;
};

int table_segment() {
    const int made = ::memfd_create("table", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    require(::ftruncate(made, sizeof(layout::Table)) == 0);
    require(::fcntl(made, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) == 0);
    return made;
}

/// The beginnings of what has a meaning; the fuzzer adds a small number.
uint64_t place_in_table(uint8_t what, uint16_t index) {
    switch (what % 5) {
        case 0:
            return index % sizeof(uint64_t[4]);
        case 1:
            return offsetof(layout::Table, segments) + index % layout::kMaxSegments * sizeof(layout::Segment);
        case 2:
            return offsetof(layout::Table, directory) + index % 64 * sizeof(uint64_t);
        case 3:
            return offsetof(layout::Table, chunks) + index % 16 * sizeof(layout::Chunk);
        default:
            return offsetof(layout::Table, chunks) + index % 2048 * sizeof(uint64_t);
    }
}

void check_table(fuzz::Input input) {
    static const int segment = table_segment();
    Scribble scribble(segment);
    scribble.put(offsetof(layout::Table, header), layout::kMagic);
    for (int i = 0; i < 64 && !input.is_empty(); ++i) {
        const auto what = input.take<uint8_t>();
        const uint64_t place = place_in_table(what, input.take<uint16_t>());
        scribble.put(place, what < 128 ? input.take<uint8_t>() : input.take<uint64_t>());
    }
    const auto view = TableView::open(Fd(::fcntl(segment, F_DUPFD_CLOEXEC, 0)));
    fuzz::require_reason(view.status());
    if (!view.is_ok()) {
        return;
    }
    const memory::AddressRange wanted[] = {{0, 1}, {1, 10}, {16, 256}, {1, ~uint64_t{0} - 1}};
    std::vector<TableView::Part> parts;
    TableView::Missing missing;
    const auto outcome = view->check(wanted, parts, missing, Deadline::after(std::chrono::milliseconds(0)));
    if (outcome == TableView::Outcome::kCovered) {
        uint64_t covered = 0;
        for (const TableView::Part& part : parts) {
            require(part.piece < std::size(wanted));
            const memory::AddressRange range = wanted[part.piece];
            require(range.contains(part.begin, part.size));
            covered += part.piece == 2 ? part.size : 0;
        }
        require(covered == wanted[2].size);
    } else if (outcome == TableView::Outcome::kMissing) {
        require(missing.piece < std::size(wanted));
    }
    for (const uint32_t number : {0U, 1U, 4095U, 4096U, ~0U}) {
        const auto range = view->segment(number);
        require(!range || (number != 0 && number < layout::kMaxSegments));
    }
}

/// The first pages of the header and of the first two lanes, of which one lives.
void check_board(fuzz::Input input) {
    static const InFlightBoard board = InFlightBoard::create("board").value();
    static const auto lane =
        InFlightLane::claim(Fd(::fcntl(board.descriptor(), F_DUPFD_CLOEXEC, 0)), "initiator").value();
    constexpr uint64_t kSpace = uint64_t{64} << 10;
    constexpr uint64_t kUsed = 1088;
    Scribble scribble(board.descriptor());
    for (int i = 0; i < 64 && !input.is_empty(); ++i) {
        const uint64_t part = input.take<uint8_t>() % 3;
        scribble.put(part * kSpace + input.take<uint16_t>() % kUsed / 8 * 8, input.take<uint64_t>());
    }
    const Status status = board.wait_until_free({4096, 4096}, Deadline::after(std::chrono::milliseconds(0)));
    fuzz::require_reason(status);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    set_log_level(LogLevel::kFatal);
    fuzz::Input input(fuzz::as_text(data, size));
    if (input.take<uint8_t>() % 2 == 0) {
        check_table(input);
    } else {
        check_board(input);
    }
    return 0;
}
