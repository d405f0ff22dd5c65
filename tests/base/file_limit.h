// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/resource.h>

namespace memfabric::test {

/// The process's own limit of open files, while it lives.
class FileLimit {
 public:
    explicit FileLimit(rlim_t files) {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        const rlimit limit{files, before_.rlim_max};
        ::setrlimit(RLIMIT_NOFILE, &limit);
    }
    ~FileLimit() { ::setrlimit(RLIMIT_NOFILE, &before_); }
    FileLimit(const FileLimit&) = delete;
    FileLimit& operator=(const FileLimit&) = delete;

 private:
    rlimit before_{};
};

}  // namespace memfabric::test
