// SPDX-License-Identifier: Apache-2.0
#include "bench_bm.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>

#include "measure/bm_pair.h"
#include "measure/buffer.h"
#include "measure/plain_copy.h"
#include "measure/walk.h"

namespace mf {
namespace {

namespace measure = memfabric::measure;

using measure::BmPair;
using measure::Operation;
using measure::WalkResult;
using measure::WalkShape;

constexpr size_t kLine = 64;          // what the non-temporal loop needs sizes to be multiples of
constexpr size_t kGranule = 2 << 20;  // of the pool's sizes

/// Where data comes from and goes to.
struct Route {
    std::byte* destination;
    const std::byte* source;
    smem_bm_copy_type type;
};

/// The two ranks, and this process's own memory where the direction needs it.
class Bench {
 public:
    Bench(const BenchSettings& settings, const std::vector<std::string>& peer_command)
        : pair_(settings.pool, peer_command),
          host_(settings.direction == "g2g" ? nullptr : std::make_unique<measure::Buffer>(settings.pool)),
          route_(route_of(settings.direction)),
          shape_{.block = settings.block, .batch = settings.batch, .threads = settings.threads} {}

    std::vector<WalkResult> measure_all(double seconds) const {
        std::vector<Operation> contenders = {by_library(), by_plain(measure::plain_memcpy())};
        if (shape_.block % kLine == 0) {
            contenders.push_back(by_plain(measure::nontemporal_loop()));
        }
        const auto duration = std::chrono::nanoseconds(static_cast<int64_t>(seconds * 1e9));
        return measure::walk_in_turns(shape_, pair_.region_size(), duration, contenders);
    }

    /// Copies everything once, by the library, into memory that holds something else. Whether it is there
    /// then.
    bool verify() const {
        const size_t size = pair_.region_size() / shape_.operation_bytes() / shape_.threads * shape_.threads *
                            shape_.operation_bytes();
        auto* source = const_cast<std::byte*>(route_.source);
        for (size_t i = 0; i + sizeof(uint64_t) <= size; i += sizeof(uint64_t)) {
            const uint64_t word = i * 0x9E3779B97F4A7C15U;
            std::memcpy(source + i, &word, sizeof(word));
        }
        std::memset(route_.destination, 0xFF, size);
        measure::walk_once(shape_, pair_.region_size(), by_library());
        return std::memcmp(route_.destination, route_.source, size) == 0;
    }

 private:
    Route route_of(const std::string& direction) const {
        if (direction == "h2g") {
            return {pair_.peer_region(), host_->data(), SMEMB_COPY_H2G};
        }
        if (direction == "g2h") {
            return {host_->data(), pair_.peer_region(), SMEMB_COPY_G2H};
        }
        return {pair_.peer_region(), pair_.own_region(), SMEMB_COPY_G2G};
    }

    Operation by_plain(measure::PlainCopy copy) const {
        return [this, copy](size_t offset) {
            for (size_t end = offset + shape_.operation_bytes(); offset < end; offset += shape_.block) {
                copy(route_.destination + offset, route_.source + offset, shape_.block);
            }
        };
    }

    Operation by_library() const {
        if (shape_.batch == 1) {
            return [this](size_t offset) {
                pair_.copy(route_.destination + offset, route_.source + offset, shape_.block, route_.type);
            };
        }
        return [this](size_t offset) { copy_batch(offset); };
    }

    void copy_batch(size_t offset) const {
        std::vector<void*> sources;
        std::vector<void*> destinations;
        const std::vector<uint64_t> sizes(shape_.batch, shape_.block);
        for (size_t i = 0; i < shape_.batch; ++i, offset += shape_.block) {
            sources.push_back(const_cast<std::byte*>(route_.source) + offset);  // it is only read
            destinations.push_back(route_.destination + offset);
        }
        smem_batch_copy_params parameters{sources.data(), destinations.data(), sizes.data(),
                                          static_cast<uint32_t>(shape_.batch)};
        BmPair::check(smem_bm_copy_batch(pair_.handle(), &parameters, route_.type, 0), "smem_bm_copy_batch");
    }

    BmPair pair_;
    std::unique_ptr<measure::Buffer> host_;
    Route route_;
    WalkShape shape_;
};

constexpr double kNanosecondsPerMicrosecond = 1000;

double microseconds(const WalkResult& result, double share) {
    return static_cast<double>(result.latencies.quantile(share)) / kNanosecondsPerMicrosecond;
}

void print_row(const char* name, const WalkResult& result) {
    std::printf("%-22s %9.2f GB/s   p50 %10.2f us   p99 %10.2f us   %llu operations\n", name,
                result.gigabytes_per_second(), microseconds(result, 0.5), microseconds(result, 0.99),
                static_cast<unsigned long long>(result.latencies.count()));
}

nlohmann::ordered_json json_of(const WalkResult& result) {
    return {{"gigabytes_per_second", result.gigabytes_per_second()},
            {"p50_us", microseconds(result, 0.5)},
            {"p99_us", microseconds(result, 0.99)},
            {"operations", result.latencies.count()},
            {"bytes", result.bytes}};
}

const WalkResult& fastest_plain(const std::vector<WalkResult>& results) {
    return *std::max_element(results.begin() + 1, results.end(),
                             [](const WalkResult& a, const WalkResult& b) {
                                 return a.gigabytes_per_second() < b.gigabytes_per_second();
                             });
}

void print_json(const BenchSettings& settings, const std::vector<WalkResult>& results, double share,
                std::optional<bool> verified) {
    nlohmann::ordered_json object = {{"direction", settings.direction}, {"block", settings.block},
                                     {"batch", settings.batch},         {"threads", settings.threads},
                                     {"pool", settings.pool},           {"memfabric", json_of(results[0])},
                                     {"memcpy", json_of(results[1])}};
    if (results.size() > 2) {
        object["nontemporal_loop"] = json_of(results[2]);
    }
    object["share_of_plain_copy"] = share;
    if (verified) {
        object["verified"] = *verified;
    }
    std::printf("%s\n", object.dump(2).c_str());
}

void print_table(const BenchSettings& settings, const std::vector<WalkResult>& results, double share,
                 std::optional<bool> verified) {
    std::printf(
        "%s between two processes, %zu bytes a block, %zu a batch, %zu threads, walking over %zu MiB\n",
        settings.direction.c_str(), settings.block, settings.batch, settings.threads, settings.pool >> 20);
    print_row("memfabric", results[0]);
    print_row("memcpy", results[1]);
    if (results.size() > 2) {
        print_row("non-temporal loop", results[2]);
    }
    std::printf("memfabric moves %.0f %% of what the faster plain copy does\n", share * 100);
    if (verified) {
        std::printf("%s\n", *verified ? "verified: every byte arrived"
                                      : "VERIFICATION FAILED: the destination differs from the source");
    }
}

}  // namespace

int bench_bm(const BenchSettings& settings, const std::vector<std::string>& peer_command) {
    if (settings.pool == 0 || settings.pool % kGranule != 0) {
        throw std::runtime_error("--pool must be a multiple of 2 MiB");
    }
    const Bench bench(settings, peer_command);
    const std::vector<WalkResult> results = bench.measure_all(settings.seconds);
    const double plain = fastest_plain(results).gigabytes_per_second();
    const double share = plain > 0 ? results[0].gigabytes_per_second() / plain : 0;
    const std::optional<bool> verified = settings.verify ? std::optional(bench.verify()) : std::nullopt;
    (settings.json ? print_json : print_table)(settings, results, share, verified);
    return verified.value_or(true) ? 0 : 1;
}

}  // namespace mf
