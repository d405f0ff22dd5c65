// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace memfabric {

/// The text of the calling thread's last failure. A pointer that was handed out is valid until the next
/// failure or clear on the same thread.
void set_last_error(std::string_view text) noexcept;
const char* last_error();
const char* take_last_error();

}  // namespace memfabric
