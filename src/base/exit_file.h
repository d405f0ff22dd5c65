// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "base/exit_call.h"

namespace memfabric {

/// A file that is removed when this is destroyed, or when the process exits without having got that far;
/// never by a forked child. (A killed process leaves it behind; whoever comes next must be able to tell.)
class ExitFile {
 public:
    explicit ExitFile(std::string path);
    ~ExitFile();
    ExitFile(const ExitFile&) = delete;
    ExitFile& operator=(const ExitFile&) = delete;

 private:
    const std::string path_;
    std::optional<ExitCall> at_exit_;
};

}  // namespace memfabric
