// SPDX-License-Identifier: Apache-2.0
// Metrics of the transfer engine between two processes of this machine.
#include <sys/mman.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <exception>

#include "measure/statistics.h"
#include "trans/trans_metrics.h"

namespace memfabric::bench {
namespace {

constexpr size_t kMiB = size_t{1} << 20;

struct Settings {
    size_t rounds = 21;
    size_t size = 2048 * kMiB;
    std::string url = "tcp://127.0.0.1:7000";
    bool json = false;
};

/// The target has the size twice, this process once, and both share it once.
size_t affordable_size(size_t wanted) {
    constexpr size_t kBuffers = 4;
    const size_t available = measure::available_memory();
    const size_t share = available == 0 ? wanted : available / (kBuffers + 1) / kMiB * kMiB;
    if (share < wanted) {
        std::fprintf(stderr, "bench_trans: %zu MiB instead of %zu, for want of memory\n", share / kMiB,
                     wanted / kMiB);
    }
    return std::min(wanted, share);
}

smem_trans_t open_engine(const std::string& url) {
    smem_trans_config_t config;
    smem_trans_config_init(&config);
    const smem_trans_t engine = smem_trans_create(url.c_str(), "127.0.0.1:7004", &config);
    if (engine == nullptr) {
        throw std::runtime_error(std::string("smem_trans_create: ") + smem_get_last_err_msg());
    }
    return engine;
}

/// Store up to ready, in a process that has no connection yet: taken on the way.
Metric first_session(const std::string& url, smem_trans_t& engine) {
    constexpr double kLimit = 50;  // ms
    const double seconds = measure::seconds_of([&] { engine = open_engine(url); });
    return {"trans_initialize_first", seconds * 1e3, "ms", kLimit, Better::kSmaller};
}

int run(const Settings& settings) {
    const size_t size = affordable_size(settings.size);
    void* const shared = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        throw std::runtime_error("no shared memory for the reference");
    }
    Target target(settings.url, size);
    std::memset(shared, 1, size);
    if (smem_create_config_store(settings.url.c_str()) != 0) {
        throw std::runtime_error(std::string("smem_create_config_store: ") + smem_get_last_err_msg());
    }
    const TargetPlaces places = target.await_ready();
    const Report report(settings.json);
    smem_trans_t engine = nullptr;
    report.print(first_session(settings.url, engine));
    TransMetrics metrics(settings.url, engine, target, places, static_cast<std::byte*>(shared), size,
                         settings.rounds);
    report.print(metrics.kv("trans_kv_private", false));
    report.print(metrics.kv_first("trans_kv_pool_first"));
    report.print(metrics.kv("trans_kv_pool", true));
    report.print(metrics.write_64_mib("trans_write_64MiB_private"));
    report.print(metrics.write_8("trans_write_8B"));
    report.print(metrics.register_many("trans_register_10k"));
    report.print(metrics.register_large("trans_register_1GiB"));
    report.print(metrics.initialize("trans_initialize"));
    report.print(metrics.first_write("trans_first_write"));
    smem_trans_uninit(0);
    ::munmap(shared, size);
    return 0;
}

}  // namespace
}  // namespace memfabric::bench

int main(int argc, char** argv) {
    memfabric::bench::Settings settings;
    CLI::App app("Metrics of the transfer engine between two processes of this machine");
    app.add_option("--rounds", settings.rounds, "samples of each contender")->check(CLI::Range(1, 100000));
    app.add_option("--size", settings.size, "bytes that transfers walk over")
        ->transform(CLI::AsSizeValue(false));
    app.add_option("--url", settings.url, "where the bench's own config store listens");
    app.add_flag("--json", settings.json, "JSON objects instead of tab-separated lines");
    CLI11_PARSE(app, argc, argv);
    try {
        return memfabric::bench::run(settings);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "bench_trans: %s\n", error.what());
        return 1;
    }
}
