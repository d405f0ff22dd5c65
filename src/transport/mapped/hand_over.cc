// SPDX-License-Identifier: Apache-2.0
#include "transport/mapped/hand_over.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "base/attempt.h"
#include "base/incarnation.h"
#include "base/log.h"
#include "base/room.h"
#include "base/secret_compare.h"
#include "base/thread.h"

namespace memfabric::transport {
namespace {

/// An asker that connects and says nothing is dropped after this time; the next one waits for it.
constexpr int kAskerPatience = 500;  // ms
/// How long to wait for a descriptor to become free in this process.
constexpr int kDescriptorPause = 100;  // ms
constexpr size_t kTextLength = 128;

/// One packet each way; both sides are of one host, so the layout is the machine's.
struct Request {
    char magic[8];
    char object[kTextLength];
    char token[kTextLength];
};
constexpr char kMagic[8] = "mf-seg1";

enum class Verdict : uint32_t { kHandedOver, kRefused, kAbsent };

struct Answer {
    Verdict verdict;  // kHandedOver: the descriptor is attached
    char text[2 * kTextLength];
};

template <size_t kSize>
bool put_text(char (&field)[kSize], const std::string& text) {
    if (text.size() >= kSize) {
        return false;
    }
    std::memcpy(field, text.c_str(), text.size() + 1);
    return true;
}

template <size_t kSize>
std::string take_text(const char (&field)[kSize]) {
    return {field, ::strnlen(field, kSize)};
}

bool wait_readable(int descriptor, int timeout) {
    pollfd wanted{descriptor, POLLIN, 0};
    return ::poll(&wanted, 1, timeout) > 0;
}

/// Room for one descriptor beside the packet.
union Control {
    cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
};

bool send_answer(int connection, Verdict verdict, const std::string& text, int descriptor) {
    Answer answer{};
    answer.verdict = verdict;
    put_text(answer.text, text.substr(0, sizeof answer.text - 1));
    iovec part{&answer, sizeof answer};
    Control control{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (descriptor >= 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof control.bytes;
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(&control.header), &descriptor, sizeof descriptor);
    }
    return ::sendmsg(connection, &message, MSG_NOSIGNAL) == static_cast<ssize_t>(sizeof answer);
}

/// Empty where the other one closed the connection and had not read the request.
Result<std::optional<Fd>> receive_answer(int connection) {
    Answer answer{};
    iovec part{&answer, sizeof answer};
    Control control{};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes;
    message.msg_controllen = sizeof control.bytes;
    const ssize_t size = ::recvmsg(connection, &message, MSG_CMSG_CLOEXEC);
    Fd received;
    const cmsghdr* const header = size > 0 ? CMSG_FIRSTHDR(&message) : nullptr;
    if (header != nullptr && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
        header->cmsg_len == CMSG_LEN(sizeof(int))) {
        int descriptor = -1;
        std::memcpy(&descriptor, CMSG_DATA(header), sizeof descriptor);
        received = Fd(descriptor);  // closed again where the rest is no answer
    }
    if (size < 0 && errno == ECONNRESET) {
        return std::optional<Fd>();
    }
    if (size != static_cast<ssize_t>(sizeof answer)) {
        return failure(Code::kPeerLost, "the process that was asked ended before it answered");
    }
    if (!received.is_open() && answer.verdict == Verdict::kHandedOver) {
        // The kernel has dropped it on the way.
        return failure(Code::kMallocFailed, "no descriptor was left for it here (ulimit -n)");
    }
    if (!received.is_open()) {
        const Code code = answer.verdict == Verdict::kAbsent ? Code::kPeerLost : Code::kRefused;
        return failure(code, "the process that was asked said no: {}", take_text(answer.text));
    }
    return std::optional<Fd>(std::move(received));
}

/// Empty where the asker is this user.
std::string objection_to_user(int connection) {
    ucred asker{};
    socklen_t length = sizeof asker;
    if (::getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &asker, &length) != 0) {
        return "the kernel does not say who asks";
    }
    return asker.uid == ::geteuid()
               ? ""
               : fmt::format("process {} belongs to user {}, not to {}", asker.pid, asker.uid, ::geteuid());
}

void judge(const HandOverServer::Lookup& lookup, int connection, const Request& request) {
    if (const std::string objection = objection_to_user(connection); !objection.empty()) {
        log_warn("a segment was not handed over: {}", objection);
        send_answer(connection, Verdict::kRefused, objection, -1);
        return;
    }
    bool answered = false;
    lookup(take_text(request.object), [&](int descriptor, const std::string& token) {
        const bool known = equal_in_constant_time(token, take_text(request.token));
        answered = known ? send_answer(connection, Verdict::kHandedOver, "", descriptor)
                         : send_answer(connection, Verdict::kRefused, "the object's token is wrong", -1);
    });
    if (!answered) {
        send_answer(connection, Verdict::kAbsent, "this process does not have that object", -1);
    }
}

/// Asks once. Empty where the other one closed the connection and had not heard the request: it does so to
/// askers that keep it waiting (kAskerPatience), as one does that is stopped on its way, and it listens on.
Result<std::optional<Fd>> ask(const RuntimeFolder& folder, const std::string& address, const Request& request,
                              Deadline deadline) {
    MF_ASSIGN_OR_RETURN(const Fd connection, folder.connect(address));
    if (const std::string objection = objection_to_user(connection.get()); !objection.empty()) {
        return failure(Code::kRefused, "{}", objection);
    }
    if (::send(connection.get(), &request, sizeof request, MSG_NOSIGNAL) !=
        static_cast<ssize_t>(sizeof request)) {
        if (errno == EPIPE || errno == ECONNRESET) {
            return std::optional<Fd>();
        }
        return failure(errno_code(errno), "sending the request failed ({})", errno_text(errno));
    }
    if (!wait_readable(connection.get(), deadline.poll_timeout())) {
        return failure(Code::kTimeout, "it did not answer in time; is it stopped?");
    }
    return receive_answer(connection.get());
}

}  // namespace

Result<std::unique_ptr<HandOverServer>> HandOverServer::start(const RuntimeFolder& folder, Lookup lookup) {
    folder.sweep();
    Fd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!wake.is_open()) {
        return failure(errno_code(errno), "no eventfd could be made, {}", errno_text(errno));
    }
    std::string name = fmt::format("{}-{:016x}", ::getpid(), random_u64());
    // Before there is such a file: where memory is short on the way, it goes again.
    auto file = std::make_unique<ExitFile>(folder.socket_path(name));
    MF_ASSIGN_OR_RETURN(Fd listener, folder.listen(name));
    return std::make_unique<HandOverServer>(std::move(name), std::move(file), std::move(listener),
                                            std::move(wake), std::move(lookup));
}

HandOverServer::HandOverServer(std::string name, std::unique_ptr<ExitFile> file, Fd listener, Fd wake,
                               Lookup lookup)
    : name_(std::move(name)),
      file_(std::move(file)),
      listener_(std::move(listener)),
      wake_(std::move(wake)),
      lookup_(std::move(lookup)),
      thread_(start_thread("mf-handover", [this](const std::stop_token& stop) { serve(stop); })) {}

HandOverServer::~HandOverServer() {
    thread_.request_stop();
    const uint64_t one = 1;
    static_cast<void>(!::write(wake_.get(), &one, sizeof one));
    thread_.join();
}

void HandOverServer::serve(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
        std::array<pollfd, 2> wanted = {{{listener_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}}};
        if (::poll(wanted.data(), wanted.size(), -1) < 0 && errno != EINTR) {
            log_error("handing segments on ends: waiting for askers failed ({})", errno_text(errno));
            return;
        }
        if ((wanted[0].revents & POLLIN) == 0) {
            continue;
        }
        const Fd connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (connection.is_open()) {
            answer(connection.get(), stop);
        } else if (has_no_room_for_caller(errno)) {
            wait_readable(wake_.get(), kDescriptorPause);
        }
    }
}

void HandOverServer::answer(int connection, const std::stop_token& stop) const {
    Request request{};
    if (!wait_readable(connection, kAskerPatience)) {
        return;
    }
    const bool whole = ::recv(connection, &request, sizeof request, MSG_DONTWAIT | MSG_TRUNC) ==
                       static_cast<ssize_t>(sizeof request);
    if (!whole || std::memcmp(request.magic, kMagic, sizeof kMagic) != 0) {
        return;  // a sweep's probe, or no process of this library
    }
    // The asker waits until its own deadline, so there is time for memory to come back.
    while (!did_with_memory([&] { judge(lookup_, connection, request); }) && !stop.stop_requested()) {
        pause_for_memory();
    }
}

Result<Fd> fetch_segment(const RuntimeFolder& folder, const std::string& address, const std::string& object,
                         const std::string& token, Deadline deadline) {
    Request request{};
    std::memcpy(request.magic, kMagic, sizeof kMagic);
    if (!put_text(request.object, object) || !put_text(request.token, token)) {
        return failure(Code::kInvalidParam, "object name or token is longer than {} bytes", kTextLength - 1);
    }
    const std::string attempt = fmt::format("asking process '{}' for the segment of {}", address, object);
    for (;;) {
        Result<std::optional<Fd>> received = ask(folder, address, request, deadline);
        if (!received.is_ok()) {
            return received.status().with_context(attempt);
        }
        if (received->has_value()) {
            return *std::move(*received);
        }
        if (deadline.expired()) {
            return failure(Code::kTimeout, "{} came too late to be heard; was this process stopped?",
                           attempt);
        }
    }
}

}  // namespace memfabric::transport
