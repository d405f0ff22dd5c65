// SPDX-License-Identifier: Apache-2.0
#include "observe/start.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <limits>
#include <memory>
#include <mutex>
#include <string>

#include "base/fd.h"
#include "base/fork_guard.h"
#include "base/log.h"
#include "base/patient_lock.h"
#include "base/permanent.h"
#include "observe/long_wait.h"
#include "observe/metrics_server.h"
#include "observe/texts.h"
#include "observe/timed.h"
#include "observe/writer.h"

namespace memfabric::observe {

constinit std::atomic<int64_t> wait_notice_milliseconds{5000};
constinit std::atomic<int64_t> slow_nanoseconds{std::numeric_limits<int64_t>::max()};

namespace {

struct Wanted {
    std::mutex mutex;
    bool started = false;
    std::string dump;  // a file; empty: none
    std::unique_ptr<MetricsServer> metrics;
};

Wanted& wanted() {
    static Permanent<Wanted> wanted;
    return wanted.get();
}

/// "%p" becomes the pid, so that processes with one environment write files of their own.
std::string with_pid(std::string path) {
    for (size_t at = path.find("%p"); at != std::string::npos; at = path.find("%p", at)) {
        path.replace(at, 2, std::to_string(::getpid()));
    }
    return path;
}

Status write_all(int descriptor, std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::write(descriptor, text.data(), text.size());
        if (written < 0 && errno != EINTR) {
            return failure(Code::kError, "writing failed ({})", errno_text(errno));
        }
        text.remove_prefix(written < 0 ? 0 : static_cast<size_t>(written));
    }
    return {};
}

/// All of it or nothing: under another name first.
Status write_file(const std::string& path, const std::string& text) {
    const std::string fresh = fmt::format("{}.{}.new", path, ::getpid());
    Fd file(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR));
    if (!file.is_open()) {
        return failure(Code::kError, "making '{}' failed ({})", fresh, errno_text(errno));
    }
    Status status = write_all(file.get(), text);
    file.reset();
    if (status.is_ok() && ::rename(fresh.c_str(), path.c_str()) != 0) {
        status = failure(Code::kError, "renaming '{}' to '{}' failed ({})", fresh, path, errno_text(errno));
    }
    if (!status.is_ok()) {
        ::unlink(fresh.c_str());
    }
    return status;
}

/// Runs at exit, after the program's atexit functions.
__attribute__((destructor)) void end_at_exit() {
    write_dump();
    const std::unique_lock lock(wanted().mutex, std::try_to_lock);
    if (lock.owns_lock() && !in_forked_child()) {
        wanted().metrics.reset();
    }
}

/// The processes of one host share an environment, but no port.
std::string own_metrics_address(const Options& options) {
    const std::string& text = options.text(OptionId::kMetrics);
    Result<Endpoint> endpoint = parse_endpoint(text, PortRule::kAnyAllowed);
    const int64_t number = options.is_given(OptionId::kLocalRank) ? options.integer(OptionId::kLocalRank) : 0;
    if (!endpoint.is_ok() || endpoint->port == 0 || number <= 0) {
        return text;
    }
    endpoint->port = static_cast<uint16_t>(endpoint->port + number);
    return endpoint->text();
}

/// With the lock of wanted() held.
Status start_metrics_locked(const std::string& address, const Options& options) {
    MF_ASSIGN_OR_RETURN(wanted().metrics, MetricsServer::start(address, options));
    set_metrics_address(wanted().metrics->endpoint().text());
    log_info("answering Prometheus at http://{}/metrics", wanted().metrics->endpoint().text());
    return {};
}

}  // namespace

void start(const Options& options, std::string_view host_id) {
    const std::lock_guard lock(wanted().mutex);
    if (wanted().started) {
        return;
    }
    wanted().started = true;
    set_host_id(host_id);
    wait_notice_milliseconds = options.integer(OptionId::kWaitNotice);
    wanted().dump = options.text(OptionId::kCountersDump);
    const std::chrono::milliseconds slow(options.integer(OptionId::kSlowOperation));
    if (slow.count() != 0) {
        slow_nanoseconds = std::chrono::nanoseconds(slow).count();
    }
    if (!options.text(OptionId::kMetrics).empty()) {
        const Status started = start_metrics_locked(own_metrics_address(options), options);
        if (!started.is_ok()) {  // no reason for a program not to run
            log_warn("{} (MF_METRICS)", started.message());
        }
    }
}

Result<std::string> start_metrics(const std::string& address, const Options& options) {
    const std::lock_guard lock(wanted().mutex);
    MF_RETURN_IF_ERROR(start_metrics_locked(address, options));
    return wanted().metrics->endpoint().text();
}

void write_dump() {
    if (in_forked_child()) {
        return;
    }
    const std::unique_lock lock = lock_with_patience(wanted().mutex);
    if (!lock.owns_lock() || wanted().dump.empty()) {
        return;
    }
    const std::string path = with_pid(wanted().dump);
    const Result<Reading> reading = read_own_board();
    const Status written = reading.is_ok() ? write_file(path, to_json(*reading) + "\n") : reading.status();
    if (!written.is_ok()) {
        log_error("writing the counters to '{}' (MF_COUNTERS_DUMP): {}", path, written.message());
    }
}

void log_slow(Operation operation, Path path, std::chrono::nanoseconds time, const std::string& about) {
    log_warn("slow: {} by {} took {:.3f} ms: {}", name_of(operation), name_of(path),
             std::chrono::duration<double, std::milli>(time).count(), about);
}

}  // namespace memfabric::observe
