// SPDX-License-Identifier: Apache-2.0
#include "base/status.h"

#include <system_error>

#include "base/permanent.h"

namespace memfabric {

const std::string& Status::message() const {
    static const Permanent<std::string> none;
    return detail_ ? detail_->message : none.get();
}

Status Status::with_context(std::string_view context) const {
    if (is_ok()) {
        return {};
    }
    return failure(code(), "{}: {}", context, message());
}

std::string errno_text(int error_number) {
    return fmt::format("errno {}: {}", error_number, std::generic_category().message(error_number));
}

}  // namespace memfabric
