// SPDX-License-Identifier: Apache-2.0
#include "observe/http_connection.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <utility>

namespace memfabric::observe {
namespace {

constexpr size_t kLongestRequest = 8192;  // bytes
constexpr std::chrono::seconds kLongest{5};
constexpr std::string_view kEndOfHeader = "\r\n\r\n";

std::string answer(std::string_view status, std::string_view type, std::string_view body) {
    return fmt::format("HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}",
                       status, type, body.size(), body);
}

bool would_block() {
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

}  // namespace

std::string http_answer(std::string_view request, const std::function<std::string()>& page) {
    const std::string_view line = request.substr(0, request.find("\r\n"));
    const size_t method_end = line.find(' ');
    const size_t target_end = line.find(' ', method_end == line.npos ? line.npos : method_end + 1);
    if (target_end == line.npos || !line.substr(target_end + 1).starts_with("HTTP/1.")) {
        return answer("400 Bad Request", "text/plain", "This answers HTTP/1.1.\n");
    }
    const std::string_view target = line.substr(method_end + 1, target_end - method_end - 1);
    if (line.substr(0, method_end) != "GET") {
        return answer("405 Method Not Allowed", "text/plain", "GET is the only method.\n");
    }
    if (target.substr(0, target.find('?')) != "/metrics") {
        return answer("404 Not Found", "text/plain", "The counters are at /metrics.\n");
    }
    return answer("200 OK", "text/plain; version=0.0.4; charset=utf-8", page());
}

HttpConnection::HttpConnection(Fd descriptor)
    : descriptor_(std::move(descriptor)), deadline_(Deadline::after(kLongest)) {}

short HttpConnection::events() const {
    return answer_.empty() ? POLLIN : POLLOUT;
}

bool HttpConnection::go_on(const std::function<std::string()>& page) {
    if (!answer_.empty()) {
        return write_some();
    }
    if (!read_some()) {
        return false;
    }
    if (request_.find(kEndOfHeader) == request_.npos) {
        return request_.size() < kLongestRequest;
    }
    answer_ = http_answer(request_, page);
    return write_some();
}

bool HttpConnection::read_some() {
    std::array<char, 2048> bytes{};
    const ssize_t got = ::recv(descriptor_.get(), bytes.data(), bytes.size(), 0);
    if (got > 0) {
        request_.append(bytes.data(), static_cast<size_t>(got));
        return true;
    }
    return got < 0 && would_block();
}

bool HttpConnection::write_some() {
    const ssize_t sent = ::send(descriptor_.get(), answer_.data(), answer_.size(), MSG_NOSIGNAL);
    if (sent > 0) {
        answer_.erase(0, static_cast<size_t>(sent));
        return !answer_.empty();
    }
    return sent < 0 && would_block();
}

}  // namespace memfabric::observe
