// SPDX-License-Identifier: Apache-2.0
// Metrics of big memory between two hosts, against bare TCP. One process a host: "target" owns memory,
// "origin" measures. run.py starts both, each in a network namespace of its own.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <exception>
#include <functional>
#include <optional>
#include <random>
#include <thread>
#include <vector>

#include "common/report.h"
#include "common/turns.h"
#include "fabric/bm_ranks.h"
#include "fabric/raw_tcp.h"
#include "fabric/shared_word.h"
#include "measure/buffer.h"
#include "measure/statistics.h"

namespace memfabric::bench {
namespace {

constexpr size_t kKiB = 1024;
constexpr size_t kMiB = 1024 * kKiB;
constexpr double kGiga = 1e9;
constexpr double kMicro = 1e6;
constexpr size_t kSampleBytes = 128 * kMiB;  // what one sample moves at least
constexpr size_t kPings = 2000;              // of one sample
constexpr size_t kIdlePings = 20;
constexpr std::chrono::milliseconds kIdle{2};  // after which whoever spins briefly is asleep
constexpr uint64_t kRegion = 512 * kMiB;
constexpr uint16_t kTargetRank = 0;  // serves the store, and ends last
constexpr uint16_t kOriginRank = 1;

struct Settings {
    std::string url;
    std::string address;
    uint16_t raw_port = 0;
    size_t rounds = 7;
    std::string only;  // begins the names of the metrics that are measured
    bool json = false;
};

struct Size {
    const char* name;
    size_t bytes;
    size_t outstanding;
};
constexpr std::array kSizes{Size{"64KiB", 64 * kKiB, 16}, Size{"1MiB", kMiB, 8}, Size{"16MiB", 16 * kMiB, 4},
                            Size{"256MiB", 256 * kMiB, 2}};

using Pieces = std::vector<RawPiece>;

class Origin {
 public:
    explicit Origin(const Settings& settings)
        : rounds_(settings.rounds),
          only_(settings.only),
          report_(settings.json),
          local_(kRegion),
          first_(settings.address, settings.raw_port),
          second_(settings.address, settings.raw_port),
          rank_(settings.url, kOriginRank, kRegion),
          unreachable_(rank_.reach_peer()) {
        if (unreachable_.empty()) {
            word_.emplace(settings.url, kOriginRank);
        }
    }

    /// Whether every metric has a value of ours.
    bool run() {
        latency("fabric_put_8B", [&] { rank_.put_one(local_.data(), 0, 8); });
        latency("fabric_get_8B", [&] { rank_.get_one(local_.data(), 0, 8); });
        latency("fabric_fadd_8B", [&] { word_->fetch_add(); });
        latency_idle("fabric_put_8B_idle");
        for (const Size& size : kSizes) {
            bandwidth(std::string("fabric_put_") + size.name, size, true);
            bandwidth(std::string("fabric_get_") + size.name, size, false);
        }
        striped("fabric_put_256MiB_striped", kSizes.back());
        batch("fabric_kv_batch");
        cpu("fabric_cpu_vs_raw", kSizes[2]);
        return unreachable_.empty();
    }

 private:
    using Sample = std::function<double()>;

    void print(const std::string& name, const char* unit, Better better, const Sample& ours,
               const Sample& reference) {
        if (!name.starts_with(only_)) {
            return;
        }
        if (unreachable_.empty()) {
            const std::vector<double> medians = take_turns(rounds_, {ours, reference});
            report_.print({name, medians[0], unit, medians[1], better});
        } else {
            std::fprintf(stderr, "%s: the reference is %.4g %s; of ours there is none: %s\n", name.c_str(),
                         take_turns(rounds_, {reference}).front(), unit, unreachable_.c_str());
        }
    }

    void latency(const std::string& name, const std::function<void()>& once) {
        const auto timed = [](const std::function<void()>& call) {
            return measure::seconds_of([&] {
                       for (size_t i = 0; i < kPings; ++i) {
                           call();
                       }
                   }) /
                   static_cast<double>(kPings) * kMicro;
        };
        print(
            name, "us", Better::kSmaller, [&] { return timed(once); },
            [&] { return timed([&] { first_.ping(); }); });
    }

    void latency_idle(const std::string& name) {
        const auto timed = [](const std::function<void()>& call) {
            std::vector<double> samples;
            for (size_t i = 0; i < kIdlePings; ++i) {
                std::this_thread::sleep_for(kIdle);
                samples.push_back(measure::seconds_of(call) * kMicro);
            }
            return measure::median(samples);
        };
        print(
            name, "us", Better::kSmaller, [&] { return timed([&] { rank_.put_one(local_.data(), 0, 8); }); },
            [&] { return timed([&] { first_.ping(); }); });
    }

    /// The next pieces of the walk through both memories, which begins anew at their end.
    Pieces next_pieces(const Size& size) {
        Pieces pieces;
        while (pieces.size() < size.outstanding) {
            position_ = position_ + size.bytes > kRegion ? 0 : position_;
            pieces.push_back({local_.data() + position_, position_, size.bytes});
            position_ += size.bytes;
        }
        return pieces;
    }

    double gigabytes_a_second(const Size& size, const std::function<void(const Pieces&)>& move) {
        const size_t a_call = size.bytes * size.outstanding;
        const size_t calls = std::max<size_t>(kSampleBytes / a_call, 1);
        std::vector<Pieces> all(calls);
        for (Pieces& pieces : all) {
            pieces = next_pieces(size);
        }
        const double seconds = measure::seconds_of([&] {
            for (const Pieces& pieces : all) {
                move(pieces);
            }
        });
        return static_cast<double>(calls * a_call) / seconds / kGiga;
    }

    /// The raw side never drains its window between two calls: all pieces of a sample are one stream.
    double raw_stream(const Size& size, bool put) {
        const size_t a_call = size.bytes * size.outstanding;
        Pieces all;
        for (size_t i = 0; i < std::max<size_t>(kSampleBytes / a_call, 1); ++i) {
            const Pieces pieces = next_pieces(size);
            all.insert(all.end(), pieces.begin(), pieces.end());
        }
        const double seconds = measure::seconds_of([&] {
            if (put) {
                first_.put(all, size.outstanding);
            } else {
                first_.get(all, size.outstanding);
            }
        });
        return static_cast<double>(all.size() * size.bytes) / seconds / kGiga;
    }

    void bandwidth(const std::string& name, const Size& size, bool put) {
        const auto ours = [&, put](const Pieces& pieces) { put ? rank_.put(pieces) : rank_.get(pieces); };
        print(
            name, "GB/s", Better::kLarger, [&] { return gigabytes_a_second(size, ours); },
            [&, put] { return raw_stream(size, put); });
    }

    void striped(const std::string& name, const Size& size) {
        const auto halves = [&](const Pieces& pieces) {
            Pieces left;
            Pieces right;
            for (const RawPiece& piece : pieces) {
                const uint64_t half = piece.size / 2;
                left.push_back({piece.local, piece.offset, half});
                right.push_back({piece.local + half, piece.offset + half, piece.size - half});
            }
            std::jthread other([&] { second_.put(right, size.outstanding); });
            first_.put(left, size.outstanding);
        };
        print(
            name, "GB/s", Better::kLarger,
            [&] { return gigabytes_a_second(size, [&](const Pieces& pieces) { rank_.put(pieces); }); },
            [&] { return gigabytes_a_second(size, halves); });
    }

    /// One KV block: 61 x 128 KiB and 61 x 16 KiB, each in a slot of its own, elsewhere each time.
    Pieces scattered() {
        constexpr size_t kSlot = 128 * kKiB;
        constexpr size_t kPieces = 122;
        std::vector<size_t> from(kRegion / kSlot);
        for (size_t i = 0; i < from.size(); ++i) {
            from[i] = i;
        }
        std::vector<size_t> to = from;
        std::shuffle(from.begin(), from.end(), random_);
        std::shuffle(to.begin(), to.end(), random_);
        Pieces pieces;
        for (size_t i = 0; i < kPieces; ++i) {
            pieces.push_back(
                {local_.data() + from[i] * kSlot, to[i] * kSlot, i % 2 == 0 ? kSlot : 16 * kKiB});
        }
        return pieces;
    }

    void batch(const std::string& name) {
        const auto timed = [&](const std::function<void(const Pieces&)>& move) {
            constexpr size_t kBatches = 8;
            std::vector<Pieces> batches(kBatches);
            for (Pieces& pieces : batches) {
                pieces = scattered();
            }
            return measure::seconds_of([&] {
                       for (const Pieces& pieces : batches) {
                           move(pieces);
                       }
                   }) /
                   static_cast<double>(kBatches) * kMicro;
        };
        print(
            name, "us", Better::kSmaller,
            [&] { return timed([&](const Pieces& pieces) { rank_.put(pieces); }); },
            [&] { return timed([&](const Pieces& pieces) { first_.put_scattered(pieces); }); });
    }

    /// CPU seconds of both ends for a GiB.
    void cpu(const std::string& name, const Size& size) {
        const auto spent = [&](const std::function<void()>& work) {
            const double before = own_cpu() + first_.target_cpu();
            size_t moved = 0;
            while (moved < (size_t{1} << 30)) {
                work();
                moved += std::max(kSampleBytes, size.bytes * size.outstanding);
            }
            return (own_cpu() + first_.target_cpu() - before) / static_cast<double>(moved) *
                   static_cast<double>(size_t{1} << 30);
        };
        print(
            name, "s/GiB", Better::kSmaller,
            [&] {
                return spent(
                    [&] { gigabytes_a_second(size, [&](const Pieces& pieces) { rank_.put(pieces); }); });
            },
            [&] { return spent([&] { raw_stream(size, true); }); });
    }

    size_t rounds_;
    std::string only_;
    Report report_;
    measure::Buffer local_;
    RawConnection first_;
    RawConnection second_;
    BmRank rank_;
    std::string unreachable_;
    std::optional<SharedWord> word_;
    size_t position_ = 0;
    std::mt19937_64 random_{1};
};

/// Announces the raw port on standard output and stays until standard input ends.
int run_target(const Settings& settings) {
    const measure::Buffer memory(kRegion);
    std::printf("%u\n", serve_raw(settings.address, {memory.data(), memory.size()}));
    std::fflush(stdout);
    const BmRank rank(settings.url, kTargetRank, kRegion);
    const SharedWord word(settings.url, kTargetRank);
    while (std::getchar() != EOF) {
    }
    return 0;
}

}  // namespace
}  // namespace memfabric::bench

int main(int argc, char** argv) {
    using namespace memfabric::bench;
    Settings settings;
    CLI::App app("Metrics of big memory between two hosts; started by bench/fabric/run.py");
    app.add_option("--url", settings.url, "of the store, which the target serves")->required();
    app.add_option("--address", settings.address, "of the target's host")->required();
    app.add_option("--raw-port", settings.raw_port, "of the target; this process is the origin");
    app.add_option("--rounds", settings.rounds, "samples of each contender")->check(CLI::Range(1, 100000));
    app.add_option("--only", settings.only, "measures what begins so");
    app.add_flag("--json", settings.json, "JSON objects instead of tab-separated lines");
    CLI11_PARSE(app, argc, argv);
    try {
        if (settings.raw_port == 0) {
            return run_target(settings);
        }
        return Origin(settings).run() ? 0 : 1;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "bench_fabric: %s\n", error.what());
        return 1;
    }
}
