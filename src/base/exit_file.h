// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

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
    std::string path_;
};

/// Removes all of them that there are now, as the process's exit does. They are gone when this returns, also
/// where another thread is about it at the same time.
void remove_exit_files();

}  // namespace memfabric
