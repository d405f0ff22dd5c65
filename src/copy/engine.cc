// SPDX-License-Identifier: Apache-2.0
#include "copy/engine.h"

#include "copy/cpu.h"
#include "copy/engine_state.h"

namespace memfabric::copy {
namespace {

/// Memory's bandwidth is used up by few cores; more than this would only take them from the program.
constexpr size_t kMostDefaultThreads = 4;

size_t helpers_of(const Options& options) {
    const size_t wanted = options.size(OptionId::kCopyThreads);
    return (wanted > 0 ? wanted : std::min(usable_cores(), kMostDefaultThreads)) - 1;
}

}  // namespace

Engine::State::State(const Options& options)
    : parallel_min(options.size(OptionId::kCopyParallelMin)), chooser(options), team(helpers_of(options)) {}

Engine::Engine(const Options& options) : state_(std::make_unique<State>(options)) {}

Engine::~Engine() = default;

ThreadTeam& Engine::team() {
    return state_->team;
}

size_t Engine::thread_count() const {
    return state_->team.helpers() + 1;
}

void Engine::copy_large(std::byte* destination, const std::byte* source, size_t size,
                        Temperature temperature) {
    const Kernel& kernel = state_->chooser.choose(destination, source, size, size, temperature);
    if (!state_->is_shared(size)) {
        kernel.copy(destination, source, size);
        if (kernel.nontemporal) {
            store_fence();
        }
        return;
    }
    const size_t chunk = state_->chunk_size(size);
    const auto copy_chunk = [&](uint32_t index) {
        const size_t offset = index * chunk;
        kernel.copy(destination + offset, source + offset, std::min(chunk, size - offset));
        if (kernel.nontemporal) {
            store_fence();  // on the thread that stored
        }
    };
    state_->team.run(static_cast<uint32_t>((size + chunk - 1) / chunk), copy_chunk);
}

}  // namespace memfabric::copy
