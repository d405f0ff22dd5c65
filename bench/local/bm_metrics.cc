// SPDX-License-Identifier: Apache-2.0
#include "local/bm_metrics.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <random>
#include <thread>
#include <vector>

#include "common/turns.h"
#include "measure/plain_copy.h"
#include "measure/statistics.h"

namespace memfabric::bench {
namespace {

using measure::BmPair;
using measure::PlainCopy;

constexpr size_t kKiB = 1024;
constexpr size_t kMiB = 1024 * kKiB;
constexpr double kGiga = 1e9;

/// What one sample moves at least: long enough for the clock, short enough that machine noise hits all
/// contenders alike.
constexpr size_t kSampleBytes = 128 * kMiB;

/// The pieces of one batch as the C interface takes them.
struct Batch {
    std::vector<void*> sources;
    std::vector<void*> destinations;
    std::vector<uint64_t> sizes;
};

constexpr size_t kBatchOfEach = 61;
constexpr size_t kLargePiece = 128 * kKiB;
constexpr size_t kSmallPiece = 16 * kKiB;

/// Every piece in a slot of its own, chosen at random: no two overlap.
Batch scattered_batch(std::byte* pool, std::byte* host, size_t size, std::mt19937_64& random) {
    const size_t slots = size / kLargePiece;
    const auto draw = [&] {
        std::vector<size_t> chosen;
        while (chosen.size() < 2 * kBatchOfEach) {
            const size_t slot = random() % slots;
            if (std::find(chosen.begin(), chosen.end(), slot) == chosen.end()) {
                chosen.push_back(slot);
            }
        }
        return chosen;
    };
    const std::vector<size_t> to = draw();
    const std::vector<size_t> from = draw();
    Batch batch;
    for (size_t i = 0; i < to.size(); ++i) {
        batch.destinations.push_back(pool + to[i] * kLargePiece);
        batch.sources.push_back(host + from[i] * kLargePiece);
        batch.sizes.push_back(i % 2 == 0 ? kLargePiece : kSmallPiece);
    }
    return batch;
}

void copy_by_loop(const Batch& batch, PlainCopy copy) {
    for (size_t i = 0; i < batch.sizes.size(); ++i) {
        copy(static_cast<std::byte*>(batch.destinations[i]), static_cast<const std::byte*>(batch.sources[i]),
             batch.sizes[i]);
    }
}

}  // namespace

struct BmMetrics::Ends {
    std::byte* destination;
    const std::byte* source;
    smem_bm_copy_type type;
};

BmMetrics::Ends BmMetrics::ends(Direction direction, size_t offset) const {
    std::byte* pool = pair_.peer_region() + offset;
    std::byte* host = host_.data() + offset;
    return direction == Direction::kHostToPool ? Ends{pool, host, SMEMB_COPY_H2G}
                                               : Ends{host, pool, SMEMB_COPY_G2H};
}

/// The next place of the walk, which begins anew at the end of the region.
size_t BmMetrics::advance(size_t size) {
    const size_t place = position_ + size > host_.size() ? 0 : position_;
    position_ = place + size;
    return place;
}

Metric BmMetrics::walk(const std::string& name, Direction direction, size_t size) {
    const size_t copies = std::max<size_t>(kSampleBytes / size, 1);
    const auto sample = [&](const auto& copy) {
        const double seconds = measure::seconds_of([&] {
            for (size_t i = 0; i < copies; ++i) {
                copy(ends(direction, advance(size)));
            }
        });
        return static_cast<double>(copies * size) / seconds / kGiga;
    };
    const auto plain = [&](PlainCopy copy) {
        return sample([&](const Ends& at) { copy(at.destination, at.source, size); });
    };
    const std::vector<double> medians = take_turns(
        rounds_,
        {[&] {
             return sample([&](const Ends& at) { pair_.copy(at.destination, at.source, size, at.type); });
         },
         [&] { return plain(measure::plain_memcpy()); }, [&] { return plain(measure::nontemporal_loop()); }});
    return {.name = name, .value = medians[0], .unit = "GB/s", .reference = std::max(medians[1], medians[2])};
}

Metric BmMetrics::hot(const std::string& name, size_t size) {
    const size_t copies = kSampleBytes / size;
    const Ends at = ends(Direction::kHostToPool, 0);
    const auto sample = [&](const auto& copy) {
        const double seconds = measure::seconds_of([&] {
            for (size_t i = 0; i < copies; ++i) {
                copy();
            }
        });
        return static_cast<double>(copies * size) / seconds / kGiga;
    };
    const PlainCopy memcpy_copy = measure::plain_memcpy();
    const std::vector<double> medians = take_turns(
        rounds_, {[&] { return sample([&] { pair_.copy(at.destination, at.source, size, at.type); }); },
                  [&] { return sample([&] { memcpy_copy(at.destination, at.source, size); }); }});
    return {.name = name, .value = medians[0], .unit = "GB/s", .reference = medians[1]};
}

Metric BmMetrics::parallel(const std::string& name) {
    constexpr size_t kSize = 64 * kMiB;
    const auto sample = [&](const auto& copy) {
        const Ends at = ends(Direction::kHostToPool, advance(kSize));
        return static_cast<double>(kSize) / measure::seconds_of([&] { copy(at); }) / kGiga;
    };
    const PlainCopy loop = measure::nontemporal_loop();
    const std::vector<double> medians = take_turns(
        rounds_,
        {[&] {
             return sample([&](const Ends& at) { pair_.copy(at.destination, at.source, kSize, at.type); });
         },
         [&] { return sample([&](const Ends& at) { loop(at.destination, at.source, kSize); }); }});
    return {.name = name, .value = medians[0], .unit = "GB/s", .reference = medians[1]};
}

Metric BmMetrics::plain_parallel(const std::string& name, size_t threads) {
    constexpr size_t kSize = 64 * kMiB;
    const PlainCopy loop = measure::nontemporal_loop();
    const auto sample = [&](size_t count) {
        const Ends at = ends(Direction::kHostToPool, advance(kSize));
        const size_t part = kSize / count / kMiB * kMiB;
        const double seconds = measure::seconds_of([&] {
            std::vector<std::jthread> helpers;
            for (size_t i = 1; i < count; ++i) {
                helpers.emplace_back([=] { loop(at.destination + i * part, at.source + i * part, part); });
            }
            loop(at.destination, at.source, part);
        });
        return static_cast<double>(part * count) / seconds / kGiga;
    };
    const std::vector<double> medians =
        take_turns(rounds_, {[&] { return sample(threads); }, [&] { return sample(1); }});
    return {.name = name, .value = medians[0], .unit = "GB/s", .reference = medians[1]};
}

Metric BmMetrics::smallest(const std::string& name) {
    constexpr size_t kCalls = 100000;  // shorter than a time slice, so that the median sees no preemption
    constexpr double kNanosecondsPerCall = 1e9 / kCalls;
    const Ends at = ends(Direction::kHostToPool, 0);
    using Memcpy = void* (*)(void*, const void*, size_t);
    Memcpy volatile opaque = &std::memcpy;  // a call through a pointer, whatever the compiler knows of memcpy
    const Memcpy memcpy_copy = opaque;
    const std::vector<double> medians =
        take_turns(rounds_, {[&] {
                                 return measure::seconds_of([&] {
                                     for (size_t i = 0; i < kCalls; ++i) {
                                         pair_.copy(at.destination, at.source, 8, at.type);
                                     }
                                 });
                             },
                             [&] {
                                 return measure::seconds_of([&] {
                                     for (size_t i = 0; i < kCalls; ++i) {
                                         memcpy_copy(at.destination, at.source, 8);
                                     }
                                 });
                             }});
    return {.name = name,
            .value = medians[0] * kNanosecondsPerCall,
            .unit = "ns",
            .reference = medians[1] * kNanosecondsPerCall,
            .better = Better::kSmaller};
}

Metric BmMetrics::batch(const std::string& name) {
    constexpr size_t kBatchesPerSample = 8;
    constexpr double kMicrosecondsPerBatch = 1e6 / kBatchesPerSample;
    std::mt19937_64 random(122);  // the same places in every run
    const auto sample = [&](const auto& copy) {
        std::vector<Batch> batches;
        for (size_t i = 0; i < kBatchesPerSample; ++i) {
            batches.push_back(scattered_batch(pair_.peer_region(), host_.data(), host_.size(), random));
        }
        return measure::seconds_of([&] {
            for (Batch& batch : batches) {
                copy(batch);
            }
        });
    };
    const auto by_library = [&](Batch& batch) {
        smem_batch_copy_params parameters{batch.sources.data(), batch.destinations.data(), batch.sizes.data(),
                                          static_cast<uint32_t>(batch.sizes.size())};
        BmPair::check(smem_bm_copy_batch(pair_.handle(), &parameters, SMEMB_COPY_H2G, 0),
                      "smem_bm_copy_batch");
    };
    const std::vector<double> medians = take_turns(
        rounds_,
        {[&] { return sample(by_library); },
         [&] { return sample([](Batch& batch) { copy_by_loop(batch, measure::plain_memcpy()); }); }});
    return {.name = name,
            .value = medians[0] * kMicrosecondsPerBatch,
            .unit = "us",
            .reference = medians[1] * kMicrosecondsPerBatch,
            .better = Better::kSmaller};
}

}  // namespace memfabric::bench
