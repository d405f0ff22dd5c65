// SPDX-License-Identifier: Apache-2.0
#include "transport/fabric/silent_callers.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/tcp.h>  // its tcp_info tells more than the C library's
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <utility>

#include "base/log.h"
#include "transport/fabric/incoming_connections.h"
#include "transport/fabric/peer_sockets.h"

namespace memfabric::transport {
namespace {

constexpr int kEventsAtOnce = 16;

Status failed(const char* attempted) {
    return failure(errno_code(errno), "the fabric's watch over silent callers: {} failed: {}", attempted,
                   errno_text(errno));
}

/// Calls `use` with each number in the folder, of which more may come and go meanwhile.
template <typename Use>
void for_each_number_in(int folder, const Use& use) {
    alignas(dirent64) std::array<char, 4096> entries;
    ::lseek(folder, 0, SEEK_SET);
    for (ssize_t size = 0; (size = ::getdents64(folder, entries.data(), entries.size())) > 0;) {
        for (ssize_t place = 0; place < size;) {
            const auto& entry = *reinterpret_cast<const dirent64*>(entries.data() + place);
            place += entry.d_reclen;
            int number = -1;
            const char* const end = entry.d_name + std::strlen(entry.d_name);
            if (std::from_chars(entry.d_name, end, number).ptr == end) {
                use(number);
            }
        }
    }
}

}  // namespace

Result<std::unique_ptr<SilentCallers>> SilentCallers::open(std::span<const std::string> own_addresses,
                                                           Pace pace) {
    MF_ASSIGN_OR_RETURN(store::WakeTimer next_look, store::WakeTimer::create());
    std::unique_ptr<SilentCallers> opened(new SilentCallers(pace, std::move(next_look)));
    MF_RETURN_IF_ERROR(opened->begin());
    for (const std::string& address : own_addresses) {
        MF_RETURN_IF_ERROR(opened->listen_for_callers_at(address));
    }
    return opened->listening_.empty() ? nullptr : std::move(opened);
}

Status SilentCallers::begin() {
    events_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
    numbers_ = Fd(::open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    slot_ = Fd(::fcntl(events_.get(), F_DUPFD_CLOEXEC, 0));
    if (!slot_.is_open() || !numbers_.is_open()) {
        return failed("opening it");
    }
    plan_look(false);
    return watch(next_look_.descriptor(), EPOLLIN);
}

Status SilentCallers::listen_for_callers_at(const std::string& own_address) {
    Status watched;
    for_listeners_at(own_address, [&](int listener) {
        // Tells of a caller once, where the engine has not let it in before we look, for as long as it
        // listens there: it has the socket, not we.
        watched = watched.is_ok() ? watch(listener, EPOLLIN | EPOLLET) : watched;
        listening_.push_back(*SocketEndpoint::of(own_address));
    });
    return watched;
}

Status SilentCallers::watch(int descriptor, uint32_t events) const {
    epoll_event event{};
    event.events = events;
    event.data.fd = descriptor == next_look_.descriptor() ? descriptor : -1;
    return ::epoll_ctl(events_.get(), EPOLL_CTL_ADD, descriptor, &event) == 0 ? Status() : failed("watching");
}

void SilentCallers::serve() {
    std::array<epoll_event, kEventsAtOnce> events{};
    const int count = ::epoll_wait(events_.get(), events.data(), kEventsAtOnce, 0);
    for (int i = 0; i < count; ++i) {
        if (events[static_cast<size_t>(i)].data.fd == next_look_.descriptor()) {
            look();
        } else if (!is_soon_) {
            plan_look(true);
        }
    }
}

void SilentCallers::plan_look(bool soon) {
    is_soon_ = soon;
    next_look_.set(soon ? pace_.silence : pace_.look);
}

void SilentCallers::look() {
    const Supply supplied = supply();
    Count count;
    if (supplied != Supply::kPlenty) {
        count = end_silent_callers();
        tell(count, supplied);
    }
    // Where some were ended, the engine lets others in.
    plan_look(supplied == Supply::kGone || count.ended + count.left > 0);
}

/// The kernel gives the lowest number that is free.
SilentCallers::Supply SilentCallers::supply() const {
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    const Fd lowest(::fcntl(events_.get(), F_DUPFD_CLOEXEC, 0));
    if (!lowest.is_open()) {
        return Supply::kGone;
    }
    return static_cast<rlim_t>(lowest.get()) < files.rlim_cur / 8 * 7 ? Supply::kPlenty : Supply::kScarce;
}

SilentCallers::Count SilentCallers::end_silent_callers() const {
    Count count;
    for_each_number_in(numbers_.get(), [&](int number) {
        std::chrono::milliseconds silent_for{};
        if (!is_connected_at(number, listening_) || !holds_silent_caller(number, silent_for)) {
            return;
        }
        if (silent_for >= pace_.silence && break_off(slot_.get())) {
            ++count.ended;
        } else {
            ++count.left;
        }
    });
    ::dup3(events_.get(), slot_.get(), O_CLOEXEC);
    return count;
}

/// Whether what is in the slot now, which nobody else closes, is one.
bool SilentCallers::holds_silent_caller(int number, std::chrono::milliseconds& silent_for) const {
    tcp_info info{};
    socklen_t size = sizeof info;
    if (::dup3(number, slot_.get(), O_CLOEXEC) < 0 || !is_connected_at(slot_.get(), listening_) ||
        ::getsockopt(slot_.get(), IPPROTO_TCP, TCP_INFO, &info, &size) != 0 ||
        size < offsetof(tcp_info, tcpi_bytes_received) + sizeof info.tcpi_bytes_received) {
        return false;
    }
    silent_for = std::chrono::milliseconds(info.tcpi_last_data_recv);  // since it called, where nothing came
    return info.tcpi_bytes_received == 0;
}

void SilentCallers::tell(const Count& count, Supply supply) {
    if (count.ended > 0 && !std::exchange(told_of_callers_, true)) {
        log_warn(
            "fabric: descriptors of this process are short (ulimit -n), and {} connections to its ports of "
            "the "
            "fabric that said nothing were ended. Only hosts of the pool should reach these ports",
            count.ended);
    }
    if (count.ended + count.left == 0 && supply == Supply::kGone && !std::exchange(told_of_supply_, true)) {
        log_warn(
            "fabric: this process has no descriptor left for peers that connect to it. Raise the limit of "
            "open "
            "files (ulimit -n)");
    }
}

}  // namespace memfabric::transport
