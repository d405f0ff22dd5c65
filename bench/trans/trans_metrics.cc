// SPDX-License-Identifier: Apache-2.0
#include "trans/trans_metrics.h"

#include <sys/mman.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>

#include "measure/plain_copy.h"
#include "measure/statistics.h"

namespace memfabric::bench {
namespace {

constexpr size_t kMiB = size_t{1} << 20;
constexpr size_t kWarmUp = 64 * kMiB;
constexpr double kMicro = 1e6;
constexpr double kMilli = 1e3;

/// One block of a large model's KV cache: 61 layers, a large and a small piece each.
constexpr size_t kLayers = 61;
constexpr size_t kLargePiece = size_t{128} << 10;
constexpr size_t kSmallPiece = size_t{16} << 10;
/// Pieces lie scattered: each in a slot of its own, with gaps between.
constexpr size_t kSlot = size_t{192} << 10;
constexpr size_t kBlock = kLayers * kSlot;
constexpr double kBlockBytes = kLayers * (kLargePiece + kSmallPiece);

void check(int32_t code, const char* what) {
    if (code != 0) {
        throw std::runtime_error(std::string(what) + ": " + smem_get_last_err_msg());
    }
}

/// The pieces of one block, the arrays as smem_trans_batch_write() takes them.
struct Pieces {
    std::vector<const void*> sources;
    std::vector<void*> destinations;
    std::vector<size_t> sizes;

    void add(const std::byte* source, uint64_t destination, size_t size) {
        sources.push_back(source);
        destinations.push_back(reinterpret_cast<void*>(destination));
        sizes.push_back(size);
    }
};

Pieces pieces_at(const std::byte* source, uint64_t destination) {
    Pieces pieces;
    for (size_t layer = 0; layer < kLayers; ++layer) {
        // The destination's order is another one, as block tables are.
        const size_t from = layer * kSlot;
        const size_t to = (layer * 23 % kLayers) * kSlot;
        pieces.add(source + from, destination + to, kLargePiece);
        pieces.add(source + from + kLargePiece, destination + to + kLargePiece, kSmallPiece);
    }
    return pieces;
}

void copy_block(const std::byte* source, std::byte* destination, const measure::PlainCopy& copy) {
    const Pieces pieces = pieces_at(source, reinterpret_cast<uint64_t>(destination));
    for (size_t i = 0; i < pieces.sizes.size(); ++i) {
        copy(static_cast<std::byte*>(pieces.destinations[i]),
             static_cast<const std::byte*>(pieces.sources[i]), pieces.sizes[i]);
    }
}

void write_bare(pid_t pid, const Pieces& pieces) {
    std::vector<iovec> local;
    std::vector<iovec> remote;
    size_t total = 0;
    for (size_t i = 0; i < pieces.sizes.size(); ++i) {
        local.push_back({const_cast<void*>(pieces.sources[i]), pieces.sizes[i]});
        remote.push_back({pieces.destinations[i], pieces.sizes[i]});
        total += pieces.sizes[i];
    }
    const ssize_t written =
        ::process_vm_writev(pid, local.data(), local.size(), remote.data(), remote.size(), 0);
    if (written != static_cast<ssize_t>(total)) {
        throw std::runtime_error("process_vm_writev: the reference failed");
    }
}

void write_bare(pid_t pid, const std::byte* source, uint64_t destination, size_t size) {
    const iovec local{const_cast<std::byte*>(source), size};
    const iovec remote{reinterpret_cast<void*>(destination), size};
    if (::process_vm_writev(pid, &local, 1, &remote, 1, 0) != static_cast<ssize_t>(size)) {
        throw std::runtime_error("process_vm_writev: the reference failed");
    }
}

}  // namespace

TransMetrics::TransMetrics(std::string store_url, smem_trans_t engine, Target& target, TargetPlaces places,
                           std::byte* shared, size_t size, size_t rounds)
    : store_url_(std::move(store_url)),
      engine_(engine),
      target_(target),
      places_(places),
      shared_(shared),
      size_(size),
      rounds_(rounds),
      source_(size) {}

std::vector<double> TransMetrics::in_turns(const std::vector<Contender>& contenders, size_t step) const {
    std::vector<std::vector<double>> samples(contenders.size());
    size_t place = 0;
    for (size_t round = 0; round <= rounds_; ++round) {
        for (size_t turn = 0; turn < contenders.size(); ++turn) {
            const size_t which = (turn + round) % contenders.size();
            const double seconds = measure::seconds_of([&] { contenders[which](place); });
            place = place + 2 * step > size_ ? 0 : place + step;
            if (round > 0) {  // the first is the warm-up
                samples[which].push_back(seconds);
            }
        }
    }
    std::vector<double> medians;
    medians.reserve(samples.size());
    for (const auto& of_one : samples) {
        medians.push_back(measure::median(of_one));
    }
    return medians;
}

void TransMetrics::write_block(size_t place, uint64_t base) {
    Pieces pieces = pieces_at(source_.data() + place, base + place);
    check(smem_trans_batch_write(engine_, pieces.sources.data(), Target::kSession, pieces.destinations.data(),
                                 pieces.sizes.data(), static_cast<uint32_t>(pieces.sizes.size())),
          "smem_trans_batch_write");
}

Metric TransMetrics::kv(const std::string& name, bool pool) {
    const auto library = [&, base = pool ? places_.pool_memory : places_.private_memory](size_t place) {
        write_block(place, base);
    };
    std::vector<Contender> contenders = {library};
    if (pool) {
        // The reference's memory is mapped and was touched: so is the peer's then, once, by whole writes.
        for (size_t place = 0; place < size_; place += kWarmUp) {
            check(smem_trans_write(engine_, source_.data() + place, Target::kSession,
                                   reinterpret_cast<void*>(places_.pool_memory + place),
                                   std::min(kWarmUp, size_ - place)),
                  "smem_trans_write");
        }
        for (const measure::PlainCopy copy : {measure::plain_memcpy(), measure::nontemporal_loop()}) {
            contenders.emplace_back(
                [this, copy](size_t place) { copy_block(source_.data() + place, shared_ + place, copy); });
        }
    } else {
        contenders.emplace_back([this](size_t place) {
            write_bare(target_.pid(), pieces_at(source_.data() + place, places_.private_memory + place));
        });
    }
    const std::vector<double> seconds = in_turns(contenders, kBlock);
    const double reference = pool ? std::min(seconds[1], seconds[2]) : seconds[1];
    return {name, kBlockBytes / seconds[0] / 1e9, "GB/s", kBlockBytes / reference / 1e9};
}

Metric TransMetrics::kv_first(const std::string& name) {
    // The reference's memory once more, where this process has not been yet.
    void* const untouched = ::mremap(shared_, 0, size_, MREMAP_MAYMOVE);
    if (untouched == MAP_FAILED) {
        throw std::runtime_error("mremap: no second mapping of the reference's memory");
    }
    const std::vector<double> seconds =
        in_turns({[&](size_t place) { write_block(place, places_.pool_memory); },
                  [&](size_t place) {
                      copy_block(source_.data() + place, static_cast<std::byte*>(untouched) + place,
                                 measure::plain_memcpy());
                  }},
                 kBlock);
    ::munmap(untouched, size_);
    return {name, kBlockBytes / seconds[0] / 1e9, "GB/s", kBlockBytes / seconds[1] / 1e9};
}

Metric TransMetrics::write_64_mib(const std::string& name) {
    constexpr size_t kSize = 64 * kMiB;
    const std::vector<double> seconds = in_turns(
        {[&](size_t place) {
             check(smem_trans_write(engine_, source_.data() + place, Target::kSession,
                                    reinterpret_cast<void*>(places_.private_memory + place), kSize),
                   "smem_trans_write");
         },
         [&](size_t place) {
             write_bare(target_.pid(), source_.data() + place, places_.private_memory + place, kSize);
         }},
        kSize);
    return {name, kSize / seconds[0] / 1e9, "GB/s", kSize / seconds[1] / 1e9};
}

Metric TransMetrics::write_8(const std::string& name) {
    constexpr size_t kCalls = 20000;
    const std::vector<double> seconds =
        in_turns({[&](size_t) {
                      for (size_t i = 0; i < kCalls; ++i) {
                          check(smem_trans_write(engine_, source_.data(), Target::kSession,
                                                 reinterpret_cast<void*>(places_.private_memory), 8),
                                "smem_trans_write");
                      }
                  },
                  [&](size_t) {
                      for (size_t i = 0; i < kCalls; ++i) {
                          write_bare(target_.pid(), source_.data(), places_.private_memory, 8);
                      }
                  }},
                 0);
    return {name, seconds[0] / kCalls * kMicro, "us", seconds[1] / kCalls * kMicro, Better::kSmaller};
}

double TransMetrics::registering_seconds(size_t regions) {
    constexpr size_t kStride = 8192;  // regions that do not touch
    const double seconds = measure::seconds_of([&] {
        for (size_t i = 0; i < regions; ++i) {
            check(smem_trans_register_mem(engine_, source_.data() + i * kStride, kStride / 2, 0),
                  "smem_trans_register_mem");
        }
    });
    for (size_t i = 0; i < regions; ++i) {
        check(smem_trans_deregister_mem(engine_, source_.data() + i * kStride), "smem_trans_deregister_mem");
    }
    return seconds / static_cast<double>(regions);
}

Metric TransMetrics::register_many(const std::string& name) {
    std::vector<double> many;
    std::vector<double> few;
    for (size_t round = 0; round < rounds_; ++round) {
        many.push_back(registering_seconds(10000));
        few.push_back(registering_seconds(100));
    }
    return {name, measure::median(many) * kMicro, "us", measure::median(few) * kMicro, Better::kSmaller};
}

Metric TransMetrics::register_large(const std::string& name) {
    constexpr size_t kSize = size_t{1} << 30;
    std::vector<double> registering;
    std::vector<double> touching;
    const size_t samples = std::min<size_t>(rounds_, 5);
    for (size_t round = 0; round < samples; ++round) {
        void* const memory = ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE,
                                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory == MAP_FAILED) {
            throw std::runtime_error("no memory for a region of 1 GiB");
        }
        touching.push_back(measure::seconds_of([&] { std::memset(memory, 1, kSize); }));
        registering.push_back(measure::seconds_of(
            [&] { check(smem_trans_register_mem(engine_, memory, kSize, 0), "smem_trans_register_mem"); }));
        check(smem_trans_deregister_mem(engine_, memory), "smem_trans_deregister_mem");
        ::munmap(memory, kSize);
    }
    return {name, measure::median(registering) * kMilli, "ms", measure::median(touching) * kMilli,
            Better::kSmaller};
}

Metric TransMetrics::initialize(const std::string& name) {
    constexpr double kLimit = 50;  // ms
    std::vector<double> samples;
    smem_trans_config_t config;
    check(smem_trans_config_init(&config), "smem_trans_config_init");
    for (size_t round = 0; round < rounds_; ++round) {
        smem_trans_t handle = nullptr;
        samples.push_back(measure::seconds_of(
            [&] { handle = smem_trans_create(store_url_.c_str(), "127.0.0.1:7003", &config); }));
        if (handle == nullptr) {
            throw std::runtime_error(std::string("smem_trans_create: ") + smem_get_last_err_msg());
        }
        smem_trans_destroy(handle, 0);
    }
    return {name, measure::median(samples) * kMilli, "ms", kLimit, Better::kSmaller};
}

Metric TransMetrics::first_write(const std::string& name) {
    constexpr double kLimit = 20;  // ms
    std::vector<double> samples;
    for (size_t round = 0; round < rounds_; ++round) {
        target_.open_fresh_session();
        samples.push_back(measure::seconds_of([&] {
            check(smem_trans_write(engine_, source_.data(), Target::kFreshSession,
                                   reinterpret_cast<void*>(places_.private_memory), kMiB),
                  "smem_trans_write");
        }));
    }
    return {name, measure::median(samples) * kMilli, "ms", kLimit, Better::kSmaller};
}

}  // namespace memfabric::bench
