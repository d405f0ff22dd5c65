// SPDX-License-Identifier: Apache-2.0
#include "shm/config.h"

#include "store/types.h"

namespace memfabric::shm {

Status check_world_config(const WorldConfig& config) {
    if (config.world_size == 0 || config.world_size > store::kMaxWorldSize) {
        return failure(Code::kInvalidParam, "world size {} is outside 1 to {}", config.world_size,
                       store::kMaxWorldSize);
    }
    if (config.rank >= config.world_size) {
        return failure(Code::kInvalidParam, "rank {} is outside a world of {} ranks", config.rank,
                       config.world_size);
    }
    if (config.init_timeout.count() == 0 || config.create_timeout.count() == 0 ||
        config.control_timeout.count() == 0) {
        return failure(Code::kInvalidParam,
                       "timeouts are seconds, at least 1: shmInitTimeout is {}, shmCreateTimeout {}, "
                       "controlOperationTimeout {}",
                       config.init_timeout.count(), config.create_timeout.count(),
                       config.control_timeout.count());
    }
    return {};
}

}  // namespace memfabric::shm
