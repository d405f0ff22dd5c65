// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "store/messages.h"

namespace memfabric::store {

inline Status check_name(const std::string& name) {
    if (name.empty() || name.size() > kMaxKeyLength) {
        return failure(Code::kStoreInvalidKey, "a key or name of {} bytes: 1 to {} are possible", name.size(),
                       kMaxKeyLength);
    }
    return {};
}

/// The name in a request: of a key, a group, a world or an object.
inline Status check_names(const auto& message) {
    if constexpr (
        requires { message.request.shape; } || requires { message.request.world; } ||
        requires { message.request.group; }) {
        return check_names(message.request);
    } else if constexpr (requires { message.key; }) {
        return check_name(message.key);
    } else if constexpr (requires { message.group; }) {
        return check_name(message.group);
    } else if constexpr (requires { message.world; }) {
        return check_name(message.world);
    } else if constexpr (requires { message.object; }) {
        return check_name(message.object);
    } else {
        return {};
    }
}

}  // namespace memfabric::store
