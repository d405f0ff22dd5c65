// SPDX-License-Identifier: Apache-2.0
#include "table.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace demo {

void print_table(const std::vector<Row>& rows) {
    std::printf("%-18s %14s %10s %8s %8s\n", "direction", "bytes", "seconds", "GB/s", "share");
    for (const Row& row : rows) {
        const double seconds = std::max(row.seconds, 1e-9);
        std::printf("%-18s %14llu %10.4f %8.2f %8.2f\n", row.direction.c_str(),
                    static_cast<unsigned long long>(row.bytes), row.seconds,
                    static_cast<double>(row.bytes) / seconds / 1e9, row.plain_seconds / seconds);
    }
    std::printf(
        "share: of the speed of the fastest plain copy (memcpy or past the caches, one thread) of the same "
        "bytes\n"
        "between the same mappings, taken in turn with the pool's copies. Reading and hashing are not "
        "timed.\n");
}

ProgressBar::ProgressBar(uint64_t total)
    : total_(std::max<uint64_t>(total, 1)), terminal_(::isatty(STDOUT_FILENO) == 1) {}

ProgressBar::~ProgressBar() {
    if (terminal_) {
        std::printf("\r\033[K");
        std::fflush(stdout);
    }
}

void ProgressBar::label(const std::string& text) {
    label_ = text;
    draw();
}

void ProgressBar::advance(uint64_t bytes) {
    done_ += bytes;
    draw();
}

void ProgressBar::draw() const {
    if (!terminal_) {
        return;
    }
    constexpr uint64_t kWidth = 40;
    const uint64_t filled = std::min(kWidth, done_ * kWidth / total_);
    std::printf("\r\033[K%-8s [%s%s] %3llu %%", label_.c_str(), std::string(filled, '#').c_str(),
                std::string(kWidth - filled, '.').c_str(),
                static_cast<unsigned long long>(done_ * 100 / total_));
    std::fflush(stdout);
}

}  // namespace demo
