// SPDX-License-Identifier: Apache-2.0
#include "observe/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <bitset>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <mutex>
#include <new>

#include "base/fd.h"
#include "base/fork_guard.h"
#include "base/log.h"
#include "base/per_thread.h"
#include "base/permanent.h"
#include "observe/counters.h"

// constinit: no look whether it needs a constructor.
constinit __thread memfabric::observe::Cell* mf_private_counter_cells = nullptr;

namespace memfabric::observe {
namespace {

template <size_t kSize>
void put_text(std::array<char, kSize>& place, std::string_view text) {
    const size_t length = std::min(text.size(), kSize - 1);
    std::memcpy(place.data(), text.data(), length);
    std::fill(place.begin() + static_cast<ptrdiff_t>(length), place.end(), '\0');
}

Fd make_memfd() {
    Fd descriptor(::memfd_create(kBoardName, MFD_CLOEXEC | MFD_ALLOW_SEALING));
    const bool made = descriptor.is_open() && ::fchmod(descriptor.get(), S_IRUSR | S_IWUSR) == 0 &&
                      ::ftruncate(descriptor.get(), kBoardSize) == 0 &&
                      ::fcntl(descriptor.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0;
    return made ? std::move(descriptor) : Fd();
}

/// The process's one board. Never unmapped: threads count until the process ends.
class Writer {
 public:
    Writer() : descriptor_(make_memfd()) {
        prepare_for_fork();
        pthread_atfork(nullptr, nullptr, &enter_forked_child);
        board_ = map(descriptor_);
        begin();
    }

    /// A board of this process's own in the place of its parent's, with nothing counted in it. Cells that the
    /// parent handed out are this process's too, so they keep their names; of the parent's threads there is
    /// one, whose cells these are.
    void renew(const Cell* kept) {
        descriptor_ = make_memfd();
        Board* const fresh = map(descriptor_);
        take_over_names(board_->header, fresh->header);
        static_cast<void>(::mremap(fresh, kBoardSize, kBoardSize, MREMAP_MAYMOVE | MREMAP_FIXED, board_));
        new (&mutex_) std::mutex();  // another thread may have held it at the fork
        taken_.reset();
        if (kept != nullptr) {
            taken_.set(shard_of(kept));
        }
        publish();
    }

    Board& board() { return *board_; }
    int descriptor() const { return descriptor_.get(); }

    Words cells(Operation operation, Path path, std::string_view label, Block wanted) {
        const std::lock_guard lock(mutex_);
        BoardHeader& header = board_->header;
        for (uint32_t i = 0; i < header.blocks_used; ++i) {
            const Block& block = header.blocks.at(i);
            if (block.operation == static_cast<uint8_t>(operation) &&
                block.path == static_cast<uint8_t>(path) && block.number == wanted.number &&
                block.is_numbered == wanted.is_numbered && block.has_words == wanted.has_words &&
                block.count >= wanted.count &&
                label.substr(0, block.label.size() - 1) == block.label.data()) {
                return place_of(block);
            }
        }
        const size_t cells = cells_of_block(wanted.count, wanted.has_words != 0);
        if (header.blocks_used == kBlocks || cells > kCells - header.cells_used) {
            if (!warned_) {
                warned_ = true;
                log_warn("the table of counters is full: further peers are counted together, as 'other'");
            }
            return place_of(header.blocks.front());
        }
        wanted.first = header.cells_used;
        header.cells_used += static_cast<uint32_t>(cells);
        return add_block(operation, path, label, wanted);
    }

    void error(std::string_view where, Code code) {
        const std::lock_guard lock(mutex_);
        BoardHeader& header = board_->header;
        where = where.substr(0, ErrorCount{}.where.size() - 1);
        for (uint32_t i = 0; i < header.errors_used; ++i) {
            ErrorCount& known = header.errors.at(i);
            if (known.code == static_cast<int32_t>(code) && where == known.where.data()) {
                bump(known.count, 1);
                return;
            }
        }
        // The last one takes what is too many.
        const bool full = header.errors_used == kErrors - 1;
        ErrorCount& fresh = header.errors.at(header.errors_used);
        put_text(fresh.where, full ? "other" : where);
        fresh.code = static_cast<int32_t>(full ? Code::kError : code);
        bump(fresh.count, 1);
        if (!full) {
            std::atomic_ref(header.errors_used).fetch_add(1, std::memory_order_release);
        }
    }

    /// Null where all are taken.
    Cell* claim_shard() {
        const std::lock_guard lock(mutex_);
        for (uint32_t shard = 1; shard < kShards; ++shard) {
            if (!taken_.test(shard)) {
                taken_.set(shard);
                uint32_t& used = board_->header.shards_used;
                std::atomic_ref(used).store(std::max(used, shard + 1), std::memory_order_release);
                return board_->shards.at(shard).data();
            }
        }
        return nullptr;
    }
    /// What was counted in it stays; the next thread goes on there.
    void release_shard(const Cell* cells) {
        const std::lock_guard lock(mutex_);
        taken_.reset(shard_of(cells));
    }

    void set_text(std::array<char, 64> BoardHeader::*place, std::string_view text) {
        const std::lock_guard lock(mutex_);
        put_text(board_->header.*place, text);
    }

 private:
    static Board* map(const Fd& descriptor) {
        const int flags = (descriptor.is_open() ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS) | MAP_NORESERVE;
        void* const place = ::mmap(nullptr, kBoardSize, PROT_READ | PROT_WRITE, flags, descriptor.get(), 0);
        if (place == MAP_FAILED) {
            throw std::bad_alloc();
        }
        return static_cast<Board*>(place);
    }

    void begin() {
        BoardHeader& header = board_->header;
        header.cells_used = cells_of_block(kSpareCells, true);
        header.shards_used = 1;
        {
            const std::lock_guard lock(mutex_);
            static_cast<void>(
                add_block(Operation::kOther, Path::kNone, "other", {.count = kSpareCells, .has_words = 1}));
        }
        publish();
    }

    /// Another thread may have been about a further block at the fork: it is there once it is counted.
    static void take_over_names(BoardHeader& parents, BoardHeader& own) {
        own.blocks_used = std::atomic_ref(parents.blocks_used).load(std::memory_order_acquire);
        std::copy_n(parents.blocks.begin(), own.blocks_used, own.blocks.begin());
        own.cells_used = parents.cells_used;
        own.shards_used = parents.shards_used;
        own.host_id = parents.host_id;
    }

    /// From now on others may read the board.
    void publish() {
        BoardHeader& header = board_->header;
        header.version = kBoardVersion;
        header.pid = ::getpid();
        header.started = static_cast<uint64_t>(::time(nullptr));
        put_text(header.program, program_invocation_short_name);
        std::atomic_ref(header.magic).store(kBoardMagic, std::memory_order_release);
    }

    size_t shard_of(const Cell* cells) const {
        return static_cast<size_t>(cells - board_->shards.front().data()) / kCells;
    }

    static void enter_forked_child();

    static Words place_of(const Block& block) {
        constexpr uint32_t kWordsOfCell = sizeof(Cell) / sizeof(uint64_t);
        return {block.first, (block.first + block.count) * kWordsOfCell};
    }

    Words add_block(Operation operation, Path path, std::string_view label, Block block) {
        block.operation = static_cast<uint8_t>(operation);
        block.path = static_cast<uint8_t>(path);
        put_text(block.label, label);
        BoardHeader& header = board_->header;
        header.blocks.at(header.blocks_used) = block;
        std::atomic_ref(header.blocks_used).fetch_add(1, std::memory_order_release);
        return place_of(block);
    }

    Fd descriptor_;
    Board* board_ = nullptr;
    std::mutex mutex_;            // guards the tables; cells belong to their threads
    std::bitset<kShards> taken_;  // guarded by mutex_, as is what follows
    bool warned_ = false;
};

Writer& writer() {
    static Permanent<Writer> writer;
    return writer.get();
}

/// In a child that cannot use the library nothing may be counted: the memory is the parent's.
void Writer::enter_forked_child() {
    if (in_forked_child()) {
        mf_private_counter_cells = nullptr;
    } else {
        writer().renew(mf_private_counter_cells);
    }
}

/// Gives the thread's cells back when it ends.
class ShardOwner {
 public:
    ShardOwner() : cells_(writer().claim_shard()) {}
    ~ShardOwner() {
        mf_private_counter_cells = nullptr;
        if (cells_ != nullptr && !in_forked_child()) {
            writer().release_shard(cells_);
        }
        cells_ = nullptr;
    }
    ShardOwner(const ShardOwner&) = delete;
    ShardOwner& operator=(const ShardOwner&) = delete;
    Cell* cells() const { return cells_; }

 private:
    Cell* cells_;
};

/// The calling thread's, from now on; null where all shards have their threads.
Cell* take_cells() {
    mf_private_counter_cells = per_thread<ShardOwner>().cells();
    return mf_private_counter_cells;
}

/// In the first shard, which belongs to nobody: all threads that found no other one.
bool bump_shared(uint64_t& word) {
    return std::atomic_ref(word).fetch_add(1, std::memory_order_relaxed) % kSampled == 0;
}

}  // namespace

bool count_slowly(uint32_t cell, uint64_t bytes) {
    if (in_forked_child()) {
        return false;
    }
    if (Cell* const cells = take_cells()) {
        return add_to(cells[cell], bytes);
    }
    Cell& shared = own_board().shards.front().at(cell);
    std::atomic_ref(shared.bytes).fetch_add(bytes, std::memory_order_relaxed);
    return bump_shared(shared.operations);
}

bool count_word_slowly(uint32_t word) {
    if (in_forked_child()) {
        return false;
    }
    if (Cell* const cells = take_cells()) {
        return bump(word_at(cells, word), 1) % kSampled == 0;
    }
    return bump_shared(word_at(own_board().shards.front().data(), word));
}

Board& own_board() {
    return writer().board();
}

int own_board_descriptor() {
    return writer().descriptor();
}

void set_host_id(std::string_view host_id) {
    writer().set_text(&BoardHeader::host_id, host_id);
}

void set_metrics_address(std::string_view address) {
    writer().set_text(&BoardHeader::metrics, address);
}

uint32_t cell_of(Operation operation, Path path, std::string_view peer) {
    return MEMFABRIC_COUNTERS != 0 ? writer().cells(operation, path, peer, {.count = 1}).first_cell : 0;
}

uint32_t cells_of(Operation operation, Path path, std::string_view label, uint32_t number, uint32_t count) {
    return MEMFABRIC_COUNTERS != 0
               ? writer()
                     .cells(operation, path, label, {.count = count, .number = number, .is_numbered = 1})
                     .first_cell
               : 0;
}

Words words_of(Operation operation, Path path, std::string_view label, uint32_t number, uint32_t count) {
    return MEMFABRIC_COUNTERS != 0
               ? writer().cells(operation, path, label,
                                {.count = count, .number = number, .is_numbered = 1, .has_words = 1})
               : Words();
}

void record_time(Operation operation, Path path, std::chrono::nanoseconds time) {
    if (MEMFABRIC_COUNTERS == 0 || in_forked_child()) {
        return;
    }
    const auto length = static_cast<uint64_t>(std::max<int64_t>(time.count(), 0));
    const size_t bucket = std::min<size_t>(static_cast<size_t>(std::bit_width(length)), kBuckets - 1);
    Histogram& histogram =
        own_board().header.histograms.at(static_cast<size_t>(operation)).at(static_cast<size_t>(path));
    std::atomic_ref(histogram.buckets.at(bucket)).fetch_add(1, std::memory_order_relaxed);
    std::atomic_ref(histogram.nanoseconds).fetch_add(length, std::memory_order_relaxed);
}

void count_error(const char* where, Code code) {
    if (MEMFABRIC_COUNTERS != 0 && !in_forked_child()) {
        writer().error(where, code);
    }
}

}  // namespace memfabric::observe
