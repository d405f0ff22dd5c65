// SPDX-License-Identifier: Apache-2.0
#include <cstring>

#include "base/environment.h"
#include "capi/private_api.h"
#include "runtime/launch_environment.h"

extern "C" {

// No failure is reported here: whoever has no memory for this has none for what follows, and says so.
int32_t mf_private_detect_launch(mf_private_launch_t* place) {
    try {
        const auto found = memfabric::detect_launch(memfabric::environment_variable);
        if (!found) {
            return 0;
        }
        *place = {};
        found->launcher.copy(place->launcher, sizeof place->launcher - 1);
        place->rank = found->rank;
        place->world_size = found->world_size;
        return 1;
    } catch (...) {
        return 0;
    }
}

char* mf_private_store_of_environment(int32_t* served) {
    try {
        const auto found = memfabric::store_of_environment(memfabric::environment_variable);
        *served = found && found->is_served ? 1 : 0;
        return found ? ::strdup(found->url.c_str()) : nullptr;
    } catch (...) {
        return nullptr;
    }
}

}  // extern "C"
