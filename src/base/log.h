// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/core.h>

#include <atomic>
#include <string_view>
#include <utility>

#include "base/status.h"

namespace memfabric {

/// The numbers are those of smem_set_log_level.
enum class LogLevel : int { kDebug = 0, kInfo = 1, kWarn = 2, kError = 3, kFatal = 4 };

using ExternalLogger = void (*)(int level, const char* message);

/// Messages below the level are not even formatted. Thread-safe.
void set_log_level(LogLevel level);

/// Sends every message to `logger` instead of standard error; nullptr restores standard error. The logger is
/// called on whatever thread logs, several at once where several threads do, with one line without its line
/// end.
void set_external_logger(ExternalLogger logger);

namespace log_detail {
extern std::atomic<int> threshold;
void emit(LogLevel level, fmt::string_view format, fmt::format_args args) noexcept;
}  // namespace log_detail

inline bool log_enabled(LogLevel level) {
    return static_cast<int>(level) >= log_detail::threshold.load(std::memory_order_relaxed);
}

/// Throws nothing: a message that there is no memory for is dropped.
template <typename... Args>
void log(LogLevel level, fmt::format_string<Args...> format, Args&&... args) {
    if (log_enabled(level)) {
        log_detail::emit(level, format, fmt::make_format_args(args...));
    }
}

template <typename... Args>
void log_debug(fmt::format_string<Args...> format, Args&&... args) {
    log(LogLevel::kDebug, format, std::forward<Args>(args)...);
}
template <typename... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
    log(LogLevel::kInfo, format, std::forward<Args>(args)...);
}
template <typename... Args>
void log_warn(fmt::format_string<Args...> format, Args&&... args) {
    log(LogLevel::kWarn, format, std::forward<Args>(args)...);
}
template <typename... Args>
void log_error(fmt::format_string<Args...> format, Args&&... args) {
    log(LogLevel::kError, format, std::forward<Args>(args)...);
}

}  // namespace memfabric
