// SPDX-License-Identifier: Apache-2.0
#include "bm/config.h"

#include "base/environment.h"
#include "runtime/launch_environment.h"
#include "store/types.h"

namespace memfabric::bm {
namespace {

Status check_timeouts(const WorldConfig& config) {
    if (config.init_timeout.count() == 0 || config.create_timeout.count() == 0 ||
        config.control_timeout.count() == 0) {
        return failure(Code::kInvalidParam,
                       "timeouts are seconds, at least 1: initTimeout is {}, createTimeout {}, "
                       "controlOperationTimeout {}",
                       config.init_timeout.count(), config.create_timeout.count(),
                       config.control_timeout.count());
    }
    return {};
}

Status complete_rank(WorldConfig& config) {
    if (config.auto_ranking) {
        config.rank.reset();
        return {};
    }
    if (!config.rank) {
        const auto launch = detect_launch(environment_variable);
        if (!launch) {
            return failure(Code::kInvalidParam,
                           "no rank was given: set rankId, or autoRanking, or start the program with mf run, "
                           "Slurm, mpirun or torchrun");
        }
        config.rank = launch->rank;
    }
    if (*config.rank >= slots_of(config)) {
        return failure(Code::kInvalidParam, "rank {} is outside a world of {} ranks", *config.rank,
                       slots_of(config));
    }
    return {};
}

}  // namespace

Status complete_world_config(WorldConfig& config) {
    if (config.world_size == 0 || config.world_size > store::kMaxWorldSize) {
        return failure(Code::kInvalidParam, "world size {} is outside 1 to {}", config.world_size,
                       store::kMaxWorldSize);
    }
    MF_RETURN_IF_ERROR(check_timeouts(config));
    if (!config.unified_address_space) {
        return {Code::kInvalidParam,
                "unifiedAddressSpace is false: BM exists in one address space only, leave it true"};
    }
    return config.start_store_only ? Status() : complete_rank(config);
}

uint32_t slots_of(const WorldConfig& config) {
    return config.dynamic_world_size ? store::kMaxWorldSize : config.world_size;
}

}  // namespace memfabric::bm
