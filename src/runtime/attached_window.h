// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "memory/window_segment.h"

namespace memfabric {

class Runtime;

/// One object's window, mapped in this process. Shared by the object's handle and by every view of its
/// memory; the range stays mapped, and the window ours, until the last of them is gone.
class AttachedWindow {
 public:
    AttachedWindow(std::shared_ptr<Runtime> runtime, std::string object, memory::Window window,
                   memory::WindowSegment segment);
    ~AttachedWindow();
    AttachedWindow(const AttachedWindow&) = delete;
    AttachedWindow& operator=(const AttachedWindow&) = delete;

    const memory::Window& window() const { return window_; }
    memory::WindowSegment& segment() { return segment_; }
    const memory::WindowSegment& segment() const { return segment_; }

 private:
    std::shared_ptr<Runtime> runtime_;
    std::string object_;
    memory::Window window_;
    memory::WindowSegment segment_;
};

}  // namespace memfabric
