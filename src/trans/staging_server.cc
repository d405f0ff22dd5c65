// SPDX-License-Identifier: Apache-2.0
#include "trans/staging_server.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "base/attempt.h"
#include "base/futex.h"
#include "base/log.h"
#include "base/thread.h"
#include "trans/lane_lock.h"

namespace memfabric::trans {

using staging::Cell;
using staging::Entry;
using staging::Header;
using staging::Request;

namespace {

/// Looks for work this often before it sleeps: the next chunk of a large transfer comes within it.
constexpr int kLooksBeforeSleep = 2000;
/// A sleep at a time; a request wakes it at once.
constexpr auto kLongSleep = std::chrono::seconds(60);

bool is_well_formed(const Request& request) {
    if (request.count == 0 || request.count > staging::kMaxEntries) {
        return false;
    }
    uint64_t total = 0;
    for (uint32_t i = 0; i < request.count; ++i) {
        const Entry& entry = request.entries[i];
        if (entry.size == 0 || entry.size > staging::kDataSize - total ||
            entry.address + entry.size < entry.address) {
            return false;
        }
        total += entry.size;
    }
    return true;
}

/// Between the ring's file and the program's memory by the kernel, which answers with an error where the
/// memory is gone. Not by the functions pread and pwrite: ThreadSanitizer, which does not know what orders
/// the copy and the program's own accesses (another process), would report a race.
bool move_bytes(int descriptor, bool is_read, const Entry& entry, uint64_t offset) {
    auto* const memory = reinterpret_cast<std::byte*>(entry.address);
    for (uint64_t done = 0; done < entry.size;) {
        const auto at = static_cast<off_t>(offset + done);
        const long moved =
            ::syscall(is_read ? SYS_pwrite64 : SYS_pread64, descriptor, memory + done, entry.size - done, at);
        if (moved > 0) {
            done += static_cast<uint64_t>(moved);
        } else if (errno != EINTR || moved == 0) {
            return false;
        }
    }
    return true;
}

}  // namespace

Result<std::unique_ptr<StagingServer>> StagingServer::create(const std::string& name, Covers covers) {
    Options options;
    MF_ASSIGN_OR_RETURN(memory::Segment segment,
                        memory::Segment::create(name, staging::kSize, options, staging::kHeaderSpace));
    MF_RETURN_IF_ERROR(segment.commit(0, sizeof(Header)));
    MF_ASSIGN_OR_RETURN(Mapping header, Mapping::shared(segment.descriptor(), staging::kHeaderSpace));
    return std::make_unique<StagingServer>(std::move(segment), std::move(header), std::move(covers));
}

StagingServer::StagingServer(memory::Segment segment, Mapping header, Covers covers)
    : segment_(std::move(segment)), header_(std::move(header)), covers_(std::move(covers)) {}

StagingServer::~StagingServer() {
    thread_.request_stop();
    header().doorbell.fetch_add(1);
    futex_wake_all(header().doorbell);
}

void StagingServer::start() {
    const std::lock_guard lock(start_mutex_);
    if (!thread_.joinable()) {
        thread_ = start_thread("mf-staging", [this](const std::stop_token& stop) { run(stop); });
    }
}

void StagingServer::run(const std::stop_token& stop) {
    int looks = 0;
    while (!stop.stop_requested()) {
        if (serve_all()) {
            looks = 0;
            continue;
        }
        if (++looks < kLooksBeforeSleep) {
            std::this_thread::yield();
            continue;
        }
        looks = 0;
        const uint32_t seen = header().doorbell.load(std::memory_order_seq_cst);
        header().asleep.store(1, std::memory_order_seq_cst);
        if (!serve_all() && !stop.stop_requested()) {
            futex_wait(header().doorbell, seen, Deadline::after(kLongSleep));
        }
        header().asleep.store(0, std::memory_order_relaxed);
    }
}

bool StagingServer::serve_all() {
    bool served = false;
    const uint32_t lanes = std::min(header().lanes.load(std::memory_order_acquire), staging::kLanes);
    for (uint32_t lane = 0; lane < lanes; ++lane) {
        served = serve_lane(lane) || served;
    }
    return served;
}

staging::Cell* StagingServer::cells_of(uint32_t lane) {
    auto found = lanes_.find(lane);
    if (found == lanes_.end()) {
        Result<Mapping> mapping =
            Mapping::shared(segment_.descriptor(), staging::kControlSpace, staging::lane_offset(lane));
        if (!mapping.is_ok()) {
            log_error("staging ring: {}", mapping.status().message());
            return nullptr;
        }
        found = lanes_.emplace(lane, std::move(mapping).value()).first;
    }
    return reinterpret_cast<Cell*>(found->second.data());
}

/// One request a lane and round, so that a large transfer does not hold up the others.
bool StagingServer::serve_lane(uint32_t lane) {
    Cell* const cells = cells_of(lane);
    for (uint32_t index = 0; cells != nullptr && index < staging::kCells; ++index) {
        if (cells[index].state.load(std::memory_order_acquire) == staging::kRequested &&
            serve(lane, index, cells[index])) {
            return true;
        }
    }
    return false;
}

bool StagingServer::serve(uint32_t lane, uint32_t index, Cell& cell) {
    const std::lock_guard lock(serving_);
    uint32_t requested = staging::kRequested;
    if (!cell.state.compare_exchange_strong(requested, staging::kServing, std::memory_order_acq_rel)) {
        return false;  // taken back by its initiator
    }
    if (byte_is_locked(segment_.descriptor(), staging::lane_offset(lane))) {
        std::memcpy(copy_.get(), &cell.request, sizeof *copy_);
        if (!did_with_memory([&] { cell.answer = apply(lane, index, *copy_); })) {
            cell.state.store(staging::kRequested, std::memory_order_seq_cst);
            throw std::bad_alloc();  // this thread begins again, and the request waits
        }
    }  // else its initiator died, and nothing keeps the memory registered that it asked for
    cell.state.store(staging::kDone, std::memory_order_seq_cst);
    if (cell.waiting.load(std::memory_order_seq_cst) != 0) {
        futex_wake_all(cell.state);
    }
    return true;
}

staging::Answer StagingServer::apply(uint32_t lane, uint32_t index, const Request& request) {
    if (!is_well_formed(request)) {
        return {staging::kMalformed, 0};
    }
    for (uint32_t i = 0; i < request.count; ++i) {
        if (!covers_({request.entries[i].address, request.entries[i].size})) {
            return {staging::kNotRegistered, i};
        }
    }
    uint64_t offset = staging::data_offset(lane, index);
    for (uint32_t i = 0; i < request.count; ++i) {
        if (!move_bytes(segment_.descriptor(), request.is_read != 0, request.entries[i], offset)) {
            return {staging::kNoMemory, i};
        }
        offset += request.entries[i].size;
    }
    return {staging::kApplied, 0};
}

}  // namespace memfabric::trans
