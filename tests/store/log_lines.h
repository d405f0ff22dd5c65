// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <condition_variable>
#include <initializer_list>
#include <mutex>
#include <string>
#include <vector>

#include "base/log.h"
#include "tests/store/store_fixture.h"

namespace memfabric::store::test {

inline bool has_part(const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
}

struct Line {
    int level = 0;
    std::string text;
};

/// What is logged. Waits for a line that has all of the parts.
class LogLines {
 public:
    void add(int level, const char* text) {
        const std::lock_guard lock(mutex_);
        lines_.push_back({level, text});
        changed_.notify_all();
    }
    Line wait_for(std::initializer_list<const char*> parts) {
        std::unique_lock lock(mutex_);
        const Line* found = nullptr;
        changed_.wait_for(lock, std::chrono::seconds(30), [&] { return (found = find(parts)) != nullptr; });
        EXPECT_NE(found, nullptr) << "no line has '" << *parts.begin() << "' and the others";
        return found == nullptr ? Line() : *found;
    }
    bool has(std::initializer_list<const char*> parts) {
        const std::lock_guard lock(mutex_);
        return find(parts) != nullptr;
    }
    void clear() {
        const std::lock_guard lock(mutex_);
        lines_.clear();
    }

 private:
    const Line* find(std::initializer_list<const char*> parts) const {
        for (const Line& line : lines_) {
            if (std::ranges::all_of(parts, [&](const char* part) { return has_part(line.text, part); })) {
                return &line;
            }
        }
        return nullptr;
    }
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<Line> lines_;
};

inline LogLines log_lines;

/// While it lives, what is logged from that level on comes to log_lines.
class HeardLog {
 public:
    explicit HeardLog(LogLevel level) {
        log_lines.clear();
        set_log_level(level);
        set_external_logger([](int line_level, const char* text) { log_lines.add(line_level, text); });
    }
    ~HeardLog() {
        set_external_logger(nullptr);
        set_log_level(LogLevel::kWarn);
    }
    HeardLog(const HeardLog&) = delete;
    HeardLog& operator=(const HeardLog&) = delete;
};

}  // namespace memfabric::store::test
