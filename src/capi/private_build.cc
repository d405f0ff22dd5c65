// SPDX-License-Identifier: Apache-2.0
#include <fmt/core.h>

#include <string>

#include "base/log.h"
#include "base/version.h"
#include "capi/private_api.h"
#include "capi/report.h"

extern "C" {

const char* mf_private_build_id(void) {
    static const std::string id = fmt::format("{}/{}", memfabric::kVersion, MF_PRIVATE_INTERFACE);
    return id.c_str();
}

void mf_private_reset_logger(void) {
    memfabric::set_external_logger(nullptr);
}

int32_t mf_private_last_error_code(void) {
    return memfabric::capi::last_failure_code();
}

}  // extern "C"
