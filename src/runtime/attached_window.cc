// SPDX-License-Identifier: Apache-2.0
#include "runtime/attached_window.h"

#include <chrono>
#include <utility>

#include "base/log.h"
#include "runtime/runtime.h"

namespace memfabric {
namespace {

constexpr auto kReleasePatience = std::chrono::seconds(2);

}  // namespace

AttachedWindow::AttachedWindow(std::shared_ptr<Runtime> runtime, std::string object, memory::Window window,
                               memory::WindowSegment segment)
    : runtime_(std::move(runtime)),
      object_(std::move(object)),
      window_(window),
      segment_(std::move(segment)) {}

AttachedWindow::~AttachedWindow() {
    runtime_->mapped().withdraw(object_);
    runtime_->unmap_window(window_.range());
    // Last: from here on the store may give the range to another object.
    const Status released = runtime_->store().release_window(object_, Deadline::after(kReleasePatience));
    if (!released.is_ok()) {
        log_debug("the window of {} was not released by name ({}); it ends with the connection", object_,
                  released.message());
    }
}

}  // namespace memfabric
