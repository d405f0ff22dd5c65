// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace demo {

struct Row {
    std::string direction;
    uint64_t bytes = 0;
    double seconds = 0;
    double plain_seconds = 0;
};

void print_table(const std::vector<Row>& rows);

/// A bar on a terminal; nothing elsewhere.
class ProgressBar {
 public:
    explicit ProgressBar(uint64_t total);
    ~ProgressBar();
    ProgressBar(const ProgressBar&) = delete;
    ProgressBar& operator=(const ProgressBar&) = delete;

    void label(const std::string& text);
    void advance(uint64_t bytes);

 private:
    void draw() const;

    uint64_t total_;
    uint64_t done_ = 0;
    std::string label_;
    bool terminal_;
};

}  // namespace demo
