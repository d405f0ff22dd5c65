// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "descriptor.h"

namespace mf {

/// Passes what arrives on a pipe on to a descriptor, whole lines at a time, each behind a prefix.
class LineRelay {
 public:
    LineRelay(Descriptor source, int target, std::string prefix)
        : source_(std::move(source)), target_(target), prefix_(std::move(prefix)) {}

    int source() const { return source_.get(); }
    bool is_open() const { return source_.is_open(); }

    /// Reads once, which must not block (poll said so), and writes the lines that are complete; at the end of
    /// the stream also what is left, and closes. False: nobody reads the target any more.
    bool pump();

 private:
    bool write_lines(size_t end);

    Descriptor source_;
    int target_;
    std::string prefix_;
    std::string pending_;
};

}  // namespace mf
