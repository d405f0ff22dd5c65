// SPDX-License-Identifier: Apache-2.0
// Microbenchmarks of the copy engine: every kernel, cold and hot, and what the engine makes of them.
#include <benchmark/benchmark.h>
#include <sys/mman.h>

#include <cstring>
#include <string>

#include "copy/engine.h"
#include "copy/kernels.h"

namespace memfabric::copy {
namespace {

constexpr size_t kKiB = 1024;
constexpr size_t kWalked = size_t{512} * 1024 * kKiB;

/// Two buffers that are larger than the caches, every page there.
class Walk {
 public:
    static Walk& instance() {
        static Walk walk;
        return walk;
    }

    /// Moves on by `size`, and begins anew at the end.
    void advance(size_t size) { offset_ = offset_ + 2 * size > kWalked ? 0 : offset_ + size; }
    std::byte* destination() const { return buffers_ + offset_; }
    const std::byte* source() const { return buffers_ + kWalked + offset_; }

 private:
    Walk()
        : buffers_(static_cast<std::byte*>(
              mmap(nullptr, 2 * kWalked, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {
        std::memset(buffers_, 1, 2 * kWalked);
    }

    std::byte* buffers_;  // until the process ends
    size_t offset_ = 0;
};

void set_bytes(benchmark::State& state) {
    state.SetBytesProcessed(static_cast<int64_t>(state.iterations()) * state.range(0));
}

void kernel_cold(benchmark::State& state, const Kernel& kernel) {
    const auto size = static_cast<size_t>(state.range(0));
    Walk& walk = Walk::instance();
    for ([[maybe_unused]] auto iteration : state) {
        kernel.copy(walk.destination(), walk.source(), size);
        store_fence();
        walk.advance(size);
    }
    set_bytes(state);
}

void kernel_hot(benchmark::State& state, const Kernel& kernel) {
    const auto size = static_cast<size_t>(state.range(0));
    const Walk& walk = Walk::instance();
    for ([[maybe_unused]] auto iteration : state) {
        kernel.copy(walk.destination(), walk.source(), size);
        store_fence();
    }
    set_bytes(state);
}

void engine_copy(benchmark::State& state, const char* threads, bool cold) {
    Options options;
    if (!options.set(OptionId::kCopyThreads, threads).is_ok()) {
        state.SkipWithError("MF_COPY_THREADS");
        return;
    }
    Engine engine(options);
    const auto size = static_cast<size_t>(state.range(0));
    Walk& walk = Walk::instance();
    for ([[maybe_unused]] auto iteration : state) {
        engine.copy(walk.destination(), walk.source(), size);
        if (cold) {
            walk.advance(size);
        }
    }
    set_bytes(state);
}

void register_benchmarks() {
    for (const Kernel& kernel : available_kernels()) {
        const std::string name(kernel.name);
        benchmark::RegisterBenchmark((name + "/cold").c_str(), kernel_cold, kernel)
            ->Range(4 * kKiB, 64 * kKiB * kKiB);
        benchmark::RegisterBenchmark((name + "/hot").c_str(), kernel_hot, kernel)->Range(8, 1024 * kKiB);
    }
    for (const char* threads : {"1", "2", "4"}) {
        const std::string name = std::string("engine_") + threads + "_threads";
        benchmark::RegisterBenchmark((name + "/cold").c_str(), engine_copy, threads, true)
            ->Range(4 * kKiB, 64 * kKiB * kKiB)
            ->UseRealTime();
        benchmark::RegisterBenchmark((name + "/hot").c_str(), engine_copy, threads, false)
            ->Range(8, 8 * kKiB * kKiB)
            ->UseRealTime();
    }
}

}  // namespace
}  // namespace memfabric::copy

int main(int argc, char** argv) {
    memfabric::copy::register_benchmarks();
    benchmark::Initialize(&argc, argv);
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    return 0;
}
