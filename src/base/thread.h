// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <thread>

namespace memfabric {

/// Starts a stoppable thread of the library: named (15 characters are shown), with every signal blocked, so
/// that the program's handlers never run on it. The returned thread asks to stop and joins when it is
/// destroyed; `body` must return soon after its token asks for it.
std::jthread start_thread(const std::string& name, std::function<void(std::stop_token)> body);

}  // namespace memfabric
