// SPDX-License-Identifier: Apache-2.0
// Requests in a staging ring: whatever an initiator writes there, the target's memory changes only where it
// is registered.
#include <fcntl.h>

#include <algorithm>
#include <array>
#include <atomic>

#include "base/futex.h"
#include "base/mapping.h"
#include "tests/fuzz/fuzz.h"
#include "trans/lane_lock.h"
#include "trans/staging_server.h"

using namespace memfabric;
using namespace memfabric::trans;
using fuzz::require;

namespace {

constexpr size_t kPart = 4096;

/// A target whose memory is registered but for its first and last part, and one initiator's lane.
class Ring {
 public:
    static Ring& instance() {
        static Ring ring;
        return ring;
    }

    void ask(const staging::Request& request) {
        memory_.fill(std::byte{1});
        staging::Cell& cell = *reinterpret_cast<staging::Cell*>(lane_.data());
        cell.request = request;
        cell.state.store(staging::kRequested);
        auto& header = *reinterpret_cast<staging::Header*>(header_.data());
        header.doorbell.fetch_add(1);
        futex_wake_all(header.doorbell);
        while (cell.state.load() != staging::kDone) {
        }
        require(cell.answer.outcome <= staging::kMalformed);
        require(cell.answer.outcome == staging::kApplied || cell.answer.entry <= request.count);
        check_untouched(std::span(memory_).first(kPart));
        check_untouched(std::span(memory_).last(kPart));
    }

    uint64_t registered() const { return reinterpret_cast<uint64_t>(memory_.data()) + kPart; }

 private:
    Ring() {
        server_->start();
        require(lock_byte(own_.get(), staging::lane_offset(0)));
        reinterpret_cast<staging::Header*>(header_.data())->lanes.store(1);
    }
    bool covers(memory::AddressRange range) const {
        return memory::AddressRange{registered(), kPart}.contains(range.begin, range.size);
    }
    static void check_untouched(std::span<const std::byte> part) {
        require(std::ranges::all_of(part, [](std::byte byte) { return byte == std::byte{1}; }));
    }

    std::array<std::byte, 3 * kPart> memory_{};
    std::unique_ptr<StagingServer> server_ =
        StagingServer::create("ring", [this](memory::AddressRange range) { return covers(range); }).value();
    Fd own_ = reopen(server_->descriptor()).value();
    Mapping header_ = Mapping::shared(server_->descriptor(), staging::kHeaderSpace).value();
    Mapping lane_ =
        Mapping::shared(server_->descriptor(), staging::kControlSpace, staging::lane_offset(0)).value();
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    set_log_level(LogLevel::kFatal);
    Ring& ring = Ring::instance();
    fuzz::Input input(fuzz::as_text(data, size));
    staging::Request request;
    request.is_read = input.take<uint8_t>() % 2;
    const auto mode = input.take<uint8_t>();
    request.count = mode < 16 ? input.take<uint32_t>() : mode % 8;
    for (size_t i = 0; i < request.entries.size() && !input.is_empty(); ++i) {
        // Near the memory, or anywhere.
        const bool near = input.take<uint8_t>() % 4 != 0;
        const uint64_t address = near ? input.take<uint16_t>() : input.take<uint64_t>();
        request.entries[i].address = near ? ring.registered() - kPart + address : address;
        request.entries[i].size = near ? input.take<uint16_t>() : input.take<uint64_t>();
    }
    ring.ask(request);
    return 0;
}
