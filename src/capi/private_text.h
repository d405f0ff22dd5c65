// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstring>
#include <string>

#include "base/status.h"
#include "capi/report.h"

namespace memfabric::capi {

/// Runs a body that returns Result<std::string> and hands its text out for mf_private_free_text; nullptr
/// where it failed.
template <typename Body>
char* guarded_text(Body&& body, const char* function = __builtin_FUNCTION()) noexcept {
    const auto copied = [&]() -> Result<char*> {
        MF_ASSIGN_OR_RETURN(const std::string text, body());
        char* copy = ::strdup(text.c_str());
        if (copy == nullptr) {
            return failure(Code::kMallocFailed, "no memory for a text of {} bytes", text.size());
        }
        return copy;
    };
    return guarded_value<char*>(nullptr, copied, function);
}

}  // namespace memfabric::capi
