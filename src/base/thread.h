// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <new>
#include <stop_token>
#include <string>
#include <thread>

namespace memfabric {

/// There is no room for another thread: its stack is memory, too, so that what stands memory being short
/// stands this.
class NoThread : public std::bad_alloc {
 public:
    const char* what() const noexcept override { return "no thread could be started"; }
};

/// Starts a stoppable thread of the library: named (15 characters are shown), with every signal blocked, so
/// that the program's handlers never run on it. The returned thread asks to stop and joins when it is
/// destroyed; `body` must return soon after its token asks for it.
///
/// A body that is thrown out by std::bad_alloc is called again after a pause, but not for ever once the
/// thread is asked to stop: a loop goes on as if the step that there was no memory for had not begun, and is
/// to be written so that this is true. What must not be done twice catches for itself (base/attempt.h).
/// Throws NoThread.
std::jthread start_thread(const std::string& name, std::function<void(std::stop_token)> body);

}  // namespace memfabric
