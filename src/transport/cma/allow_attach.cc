// SPDX-License-Identifier: Apache-2.0
#include "transport/cma/allow_attach.h"

#include <sys/prctl.h>

#include <cerrno>

#include "base/log.h"
#include "base/status.h"

namespace memfabric::transport {

void allow_attach_by_all() {
    // A kernel without Yama does not know the call, and does not need it.
    if (::prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0) != 0 && errno != EINVAL) {
        log_warn("allowing other processes to attach to this one failed ({})", errno_text(errno));
    }
}

}  // namespace memfabric::transport
