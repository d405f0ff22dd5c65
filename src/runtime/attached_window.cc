// SPDX-License-Identifier: Apache-2.0
#include "runtime/attached_window.h"

#include <utility>

#include "runtime/runtime.h"

namespace memfabric {
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
    runtime_->release_window(object_);
}

}  // namespace memfabric
