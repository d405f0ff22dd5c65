// SPDX-License-Identifier: Apache-2.0
#include "rank.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <span>
#include <stdexcept>
#include <vector>

#include "input.h"
#include "placement.h"
#include "plain_copy.h"
#include "smem.h"
#include "smem_bm.h"

namespace demo {
namespace {

using Clock = std::chrono::steady_clock;

/// The launcher is gone or wants no more: end quietly.
struct Cancelled {};

std::runtime_error library_error(const char* what) {
    return std::runtime_error(std::string(what) + ": " + smem_get_last_err_msg());
}

/// This rank's part of the pool, from init to uninit.
class Pool {
 public:
    Pool(const RankArguments& arguments, const Placement& placement) {
        smem_bm_config_t config;
        smem_bm_config_init(&config);
        config.rankId = static_cast<uint16_t>(arguments.rank);
        config.startConfigStore = false;  // the launcher serves it
        if (smem_bm_init(arguments.store_url.c_str(), arguments.ranks, 0, &config) != SM_OK) {
            throw library_error("smem_bm_init");
        }
        handle_ = smem_bm_create(0, arguments.ranks, SMEMB_DATA_OP_SDMA, placement.region_size(), 0, 0);
        if (handle_ == nullptr || smem_bm_join(handle_, 0, nullptr) != SM_OK) {
            const std::runtime_error error = library_error("creating and joining the pool");
            close();
            throw error;
        }
    }
    ~Pool() { close(); }
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;

    std::byte* region(uint32_t rank) const {
        return static_cast<std::byte*>(smem_bm_ptr(handle_, static_cast<uint16_t>(rank)));
    }
    smem_bm_t handle() const { return handle_; }

 private:
    void close() {
        smem_bm_destroy(handle_);
        smem_bm_uninit(0);
    }

    smem_bm_t handle_ = nullptr;
};

/// The runs of one block: where they lie in the pool, and where in a buffer.
struct Runs {
    std::vector<void*> pool;
    std::vector<uint64_t> offsets;
    std::vector<uint64_t> sizes;
};

struct Times {
    double pool = 0;
    double by_memcpy = 0;
    double nontemporal = 0;
};

using PlainCopy = void (*)(std::byte* destination, const std::byte* source, size_t size);

class Worker {
 public:
    Worker(const RankArguments& arguments, const Channel& launcher)
        : arguments_(arguments),
          launcher_(launcher),
          placement_{arguments.total, arguments.ranks},
          pool_(arguments, placement_),
          data_(placement_.block()),
          other_(placement_.block()) {}

    Message scatter();
    Message gather();

 private:
    Runs runs_of(uint64_t offset, uint64_t size) const;
    void touch_pool() const;
    void copy_pool(const Runs& runs, bool to_pool);
    void copy_plain(const Runs& runs, bool to_pool, PlainCopy copy);
    template <typename Copy>
    static void add_time(double& seconds, const Copy& copy);
    void report_progress(uint64_t size) const;
    Message done(const Times& times) const;

    const RankArguments& arguments_;
    const Channel& launcher_;
    Placement placement_;
    Pool pool_;
    std::vector<std::byte> data_;
    std::vector<std::byte> other_;  // the plain copies' own buffer: they must not do the pool's work
};

Runs Worker::runs_of(uint64_t offset, uint64_t size) const {
    Runs runs;
    for (uint64_t done = 0; done < size;) {
        const uint64_t at = offset + done;
        const uint64_t length = std::min(placement_.run_length(at), size - done);
        runs.pool.push_back(pool_.region(placement_.rank_of(at)) + placement_.offset_in_region(at));
        runs.offsets.push_back(done);
        runs.sizes.push_back(length);
        done += length;
    }
    return runs;
}

/// A process sees a page of the pool for the first time at a cost of its own, which no copy below shall
/// carry.
void Worker::touch_pool() const {
    const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
    for (uint32_t rank = 0; rank < arguments_.ranks; ++rank) {
        const volatile std::byte* region = pool_.region(rank);
        for (size_t at = 0; at < placement_.region_size(); at += page) {
            static_cast<void>(region[at]);
        }
    }
}

void Worker::copy_pool(const Runs& runs, bool to_pool) {
    std::vector<void*> buffers;
    for (const uint64_t offset : runs.offsets) {
        buffers.push_back(data_.data() + offset);
    }
    std::vector<void*> sources = to_pool ? buffers : runs.pool;
    std::vector<void*> destinations = to_pool ? runs.pool : buffers;
    smem_batch_copy_params batch = {sources.data(), destinations.data(), runs.sizes.data(),
                                    static_cast<uint32_t>(runs.sizes.size())};
    if (smem_bm_copy_batch(pool_.handle(), &batch, to_pool ? SMEMB_COPY_H2G : SMEMB_COPY_G2H, 0) != SM_OK) {
        throw library_error("smem_bm_copy_batch");
    }
}

void Worker::copy_plain(const Runs& runs, bool to_pool, PlainCopy copy) {
    for (size_t i = 0; i < runs.sizes.size(); ++i) {
        auto* pool = static_cast<std::byte*>(runs.pool[i]);
        std::byte* buffer = other_.data() + runs.offsets[i];
        copy(to_pool ? pool : buffer, to_pool ? buffer : pool, runs.sizes[i]);
    }
}

template <typename Copy>
void Worker::add_time(double& seconds, const Copy& copy) {
    const Clock::time_point begin = Clock::now();
    copy();
    seconds += std::chrono::duration<double>(Clock::now() - begin).count();
}

void Worker::report_progress(uint64_t size) const {
    Message message;
    message.kind = Kind::kProgress;
    message.bytes = size;
    if (!launcher_.send(message)) {
        throw Cancelled{};
    }
}

Message Worker::done(const Times& times) const {
    Message message;
    message.kind = Kind::kDone;
    message.bytes = arguments_.total;
    message.pool_seconds = times.pool;
    message.plain_seconds = std::min(times.by_memcpy, times.nontemporal);
    return message;
}

Message Worker::scatter() {
    touch_pool();
    const Input input = scan_input(arguments_.input);
    if (input.total != arguments_.total) {
        throw std::runtime_error("input " + arguments_.input.string() + ": changed while the demo ran");
    }
    InputReader reader(input);
    Times times;
    for (uint64_t offset = 0; offset < arguments_.total; offset += placement_.block()) {
        const uint64_t size = std::min(placement_.block(), arguments_.total - offset);
        reader.read(std::span(data_).first(size));
        const Runs runs = runs_of(offset, size);
        // The pool's copy comes last: what the plain ones left there, zeros, must not be what is read back.
        add_time(times.by_memcpy, [&] { copy_plain(runs, true, copy_by_memcpy); });
        add_time(times.nontemporal, [&] { copy_plain(runs, true, copy_nontemporal); });
        add_time(times.pool, [&] { copy_pool(runs, true); });
        report_progress(size);
    }
    return done(times);
}

Message Worker::gather() {
    touch_pool();
    Sha256 sha;
    Times times;
    size_t turn = 0;
    for (uint64_t offset = 0; offset < arguments_.total; offset += placement_.block(), ++turn) {
        const uint64_t size = std::min(placement_.block(), arguments_.total - offset);
        const Runs runs = runs_of(offset, size);
        // Each of the three is first, second and third in turn: being first may mean colder caches.
        for (size_t step = 0; step < 3; ++step) {
            switch ((turn + step) % 3) {
                case 0:
                    add_time(times.pool, [&] { copy_pool(runs, false); });
                    break;
                case 1:
                    add_time(times.by_memcpy, [&] { copy_plain(runs, false, copy_by_memcpy); });
                    break;
                default:
                    add_time(times.nontemporal, [&] { copy_plain(runs, false, copy_nontemporal); });
                    break;
            }
        }
        sha.update(std::span(data_).first(size));
        report_progress(size);
    }
    Message message = done(times);
    message.digest = sha.digest();
    return message;
}

void serve(Worker& worker, const Channel& launcher) {
    launcher.send(Kind::kReady);
    while (const std::optional<Message> message = launcher.receive()) {
        switch (message->kind) {
            case Kind::kScatter:
                launcher.send(worker.scatter());
                break;
            case Kind::kGather:
                launcher.send(worker.gather());
                break;
            default:
                return;
        }
    }
}

}  // namespace

int run_rank(const RankArguments& arguments, const Channel& launcher) {
    try {
        Worker worker(arguments, launcher);
        serve(worker, launcher);
        return 0;
    } catch (const Cancelled&) {
        return 1;
    } catch (const std::exception& error) {
        launcher.send(failure_message(error.what()));
        return 1;
    }
}

}  // namespace demo
