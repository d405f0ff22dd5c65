// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <array>
#include <mutex>
#include <string>

#include "base/environment.h"
#include "base/fork_guard.h"
#include "base/options.h"
#include "base/printable.h"

namespace memfabric {
namespace log_detail {

namespace {

/// Option MF_LOG_LEVEL, from the library's load on; a level that cannot be is told when the options are read.
LogLevel initial_level() {
    const char* const text = environment_variable("MF_LOG_LEVEL");
    Options options;
    static_cast<void>(text == nullptr || options.set(OptionId::kLogLevel, text).is_ok());
    return static_cast<LogLevel>(options.integer(OptionId::kLogLevel));
}

}  // namespace

std::atomic<int> threshold{static_cast<int>(initial_level())};

namespace {

struct Sink {
    std::atomic<ExternalLogger> external{nullptr};
    std::mutex mutex;
    std::shared_ptr<spdlog::logger> standard_error;  // guarded by mutex
};

Sink& sink() {
    // Never destroyed: threads of the program may still log while it exits.
    static Sink* const instance = std::make_unique<Sink>().release();
    return *instance;
}

spdlog::level::level_enum to_spdlog(LogLevel level) {
    constexpr std::array kLevels = {spdlog::level::debug, spdlog::level::info, spdlog::level::warn,
                                    spdlog::level::err, spdlog::level::critical};
    return kLevels.at(static_cast<size_t>(level));
}

std::shared_ptr<spdlog::logger> make_standard_error_logger() {
    auto target = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    auto logger = std::make_shared<spdlog::logger>("memfabric", std::move(target));
    logger->set_level(spdlog::level::trace);
    logger->set_pattern("%Y-%m-%d %H:%M:%S.%e %P %n %l: %v");
    return logger;
}

}  // namespace

void emit(LogLevel level, fmt::string_view format, fmt::format_args args) noexcept {
    // Another thread may have held the sink's lock at the fork.
    if (in_forked_child()) {
        return;
    }
    try {
        std::string line = fmt::vformat(format, args);
        make_printable(line);
        Sink& target = sink();
        // Called without a lock: the logger may take locks of its own (Python's, say) or change the logger.
        if (const ExternalLogger external = target.external.load()) {
            external(static_cast<int>(level), line.c_str());
            return;
        }
        const std::lock_guard lock(target.mutex);
        if (!target.standard_error) {
            target.standard_error = make_standard_error_logger();
        }
        target.standard_error->log(to_spdlog(level), line);
    } catch (...) {
        // A message that cannot be written must not take the program down; there is nowhere left to report
        // it.
        return;
    }
}

}  // namespace log_detail

void set_log_level(LogLevel level) {
    log_detail::threshold.store(static_cast<int>(level), std::memory_order_relaxed);
}

void set_external_logger(ExternalLogger logger) {
    log_detail::sink().external.store(logger);
}

}  // namespace memfabric
