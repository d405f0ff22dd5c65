// SPDX-License-Identifier: Apache-2.0
// Metrics of big memory between two processes of this machine.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <thread>

#include "local/bm_metrics.h"

namespace memfabric::bench {
namespace {

constexpr size_t kMiB = size_t{1} << 20;
constexpr size_t kGiB = size_t{1} << 30;

struct Settings {
    std::string suite = "parallel";
    size_t rounds = 21;
    size_t pool = 2 * kGiB;
    bool json = false;
    std::vector<std::string> peer;  // URL and size: this process is the peer
};

/// What one rank can have without driving the machine into a corner: both regions and the host's buffer must
/// fit.
size_t affordable_pool(size_t wanted) {
    constexpr size_t kBuffersAtOnce = 3;
    constexpr size_t kGranule = 2 * kMiB;
    const size_t available = measure::available_memory();
    const size_t share = available == 0 ? wanted : available / (kBuffersAtOnce + 1) / kGranule * kGranule;
    if (share < wanted) {
        std::fprintf(stderr, "bench_bm: %zu MiB a rank instead of %zu, for want of memory\n", share / kMiB,
                     wanted / kMiB);
    }
    return std::min(wanted, share);
}

/// One copy thread: the environment says MF_COPY_THREADS=1.
void run_single(BmMetrics& metrics, const Report& report, size_t pool) {
    struct Size {
        const char* name;
        size_t bytes;
    };
    for (const Size& size :
         {Size{"64KiB", kMiB / 16}, Size{"1MiB", kMiB}, Size{"64MiB", 64 * kMiB}, Size{"1GiB", kGiB}}) {
        if (size.bytes > pool) {
            std::fprintf(stderr, "bench_bm: no %s copies: the pool is smaller\n", size.name);
            continue;
        }
        report.print(metrics.walk(std::string("bm_h2g_") + size.name, Direction::kHostToPool, size.bytes));
        report.print(metrics.walk(std::string("bm_g2h_") + size.name, Direction::kPoolToHost, size.bytes));
    }
    report.print(metrics.hot("bm_h2g_64KiB_hot", kMiB / 16));
    report.print(metrics.hot("bm_h2g_1MiB_hot", kMiB));
    report.print(metrics.smallest("bm_copy_8B"));
    report.print(metrics.batch("bm_batch_122_one_thread"));
}

/// Default settings.
void run_parallel(BmMetrics& metrics, const Report& report) {
    report.print(metrics.parallel("bm_parallel_64MiB"));
    // As many threads as the library takes by default: one a core, at most 4.
    const size_t threads = std::clamp<size_t>(std::thread::hardware_concurrency(), 1, 4);
    report.print(metrics.plain_parallel("plain_parallel_64MiB", threads));
    report.print(metrics.batch("bm_batch_122"));
}

int run(const Settings& settings) {
    if (!settings.peer.empty()) {
        return measure::run_bm_peer(settings.peer[0], std::stoull(settings.peer[1]));
    }
    const size_t pool = affordable_pool(settings.pool);
    const measure::BmPair pair(pool, {measure::own_program(), "--peer"});
    BmMetrics metrics(pair, settings.rounds);
    const Report report(settings.json);
    if (settings.suite == "single") {
        run_single(metrics, report, pool);
    } else {
        run_parallel(metrics, report);
    }
    return 0;
}

}  // namespace
}  // namespace memfabric::bench

int main(int argc, char** argv) {
    memfabric::bench::Settings settings;
    CLI::App app("Metrics of big memory between two processes of this machine");
    app.add_option("--suite", settings.suite,
                   "single: one copy thread (set MF_COPY_THREADS=1); parallel: default settings")
        ->check(CLI::IsMember({"single", "parallel"}));
    app.add_option("--rounds", settings.rounds, "samples of each contender")->check(CLI::Range(1, 100000));
    app.add_option("--pool", settings.pool, "bytes that each rank contributes")
        ->transform(CLI::AsSizeValue(false));
    app.add_flag("--json", settings.json, "JSON objects instead of tab-separated lines");
    app.add_option("--peer", settings.peer, "for this program's own use: URL and size")
        ->expected(2)
        ->group("");
    CLI11_PARSE(app, argc, argv);
    try {
        return memfabric::bench::run(settings);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "bench_bm: %s\n", error.what());
        return 1;
    }
}
