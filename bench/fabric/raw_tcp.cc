// SPDX-License-Identifier: Apache-2.0
#include "fabric/raw_tcp.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <vector>

#include "fabric/raw_protocol.h"

namespace memfabric::bench {
namespace {

constexpr uint64_t kAcknowledgement = 0x6d666f6b;

sockaddr_in address_of(const std::string& text, uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    if (inet_pton(AF_INET, text.c_str(), &address.sin_addr) != 1) {
        throw std::runtime_error("no IPv4 address: " + text);
    }
    return address;
}

void check_acknowledged(int descriptor) {
    uint64_t answer = 0;
    if (!receive_patient(descriptor, &answer, sizeof answer) || answer != kAcknowledgement) {
        throw std::runtime_error("the raw target did not acknowledge");
    }
}

void acknowledge(int descriptor) {
    send_whole(descriptor, &kAcknowledgement, sizeof kAcknowledgement);
}

/// One connection of the target.
class Service {
 public:
    Service(int descriptor, std::span<std::byte> memory) : descriptor_(descriptor), memory_(memory) {}

    void run() {
        RawHeader header{};
        while (receive_header(header)) {
            answer(header);
        }
        close(descriptor_);
    }

 private:
    bool receive_header(RawHeader& header) const {
        return receive_patient(descriptor_, &header, sizeof header);
    }

    iovec place(const RawHeader& header) const {
        if (header.offset > memory_.size() || header.size > memory_.size() - header.offset) {
            throw std::runtime_error("a raw message lies outside the target's memory");
        }
        return {memory_.data() + header.offset, header.size};
    }

    void answer(const RawHeader& header) {
        switch (header.operation) {
            case RawOperation::kPut:
                receive_whole(descriptor_, std::vector<iovec>{place(header)});
                acknowledge(descriptor_);
                break;
            case RawOperation::kGet:
                send_whole(descriptor_, std::vector<iovec>{place(header)});
                break;
            case RawOperation::kScattered:
                take_scattered(header.count);
                acknowledge(descriptor_);
                break;
            case RawOperation::kPing:
                acknowledge(descriptor_);
                break;
            case RawOperation::kCpu: {
                const double seconds = own_cpu();
                send_whole(descriptor_, &seconds, sizeof seconds);
                break;
            }
        }
    }

    void take_scattered(uint32_t count) const {
        std::vector<RawHeader> headers(count);
        receive_whole(descriptor_, headers.data(), count * sizeof(RawHeader));
        std::vector<iovec> places;
        places.reserve(count);
        for (const RawHeader& header : headers) {
            places.push_back(place(header));
        }
        receive_whole(descriptor_, places);
    }

    int descriptor_;
    std::span<std::byte> memory_;
};

}  // namespace

RawConnection::RawConnection(const std::string& address, uint16_t port)
    : descriptor_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const sockaddr_in target = address_of(address, port);
    if (descriptor_ < 0 ||
        connect(descriptor_, reinterpret_cast<const sockaddr*>(&target), sizeof target) != 0) {
        throw std::system_error(errno, std::generic_category(), "connecting to the raw target at " + address);
    }
    send_at_once(descriptor_);
}

RawConnection::~RawConnection() {
    close(descriptor_);
}

void RawConnection::put(std::span<const RawPiece> pieces, size_t outstanding) const {
    size_t acknowledged = 0;
    for (size_t i = 0; i < pieces.size(); ++i) {
        const RawHeader header{RawOperation::kPut, 1, pieces[i].offset, pieces[i].size};
        send_whole(descriptor_, std::vector<iovec>{{const_cast<RawHeader*>(&header), sizeof header},
                                                   {pieces[i].local, pieces[i].size}});
        for (; i + 1 - acknowledged >= outstanding; ++acknowledged) {
            check_acknowledged(descriptor_);
        }
    }
    for (; acknowledged < pieces.size(); ++acknowledged) {
        check_acknowledged(descriptor_);
    }
}

void RawConnection::get(std::span<const RawPiece> pieces, size_t outstanding) const {
    size_t asked = 0;
    for (size_t i = 0; i < pieces.size(); ++i) {
        for (; asked < pieces.size() && asked < i + outstanding; ++asked) {
            const RawHeader header{RawOperation::kGet, 1, pieces[asked].offset, pieces[asked].size};
            send_whole(descriptor_, &header, sizeof header);
        }
        if (!receive_whole(descriptor_, pieces[i].local, pieces[i].size)) {
            throw std::runtime_error("the raw target has ended");
        }
    }
}

void RawConnection::put_scattered(std::span<const RawPiece> pieces) const {
    RawHeader first{RawOperation::kScattered, static_cast<uint32_t>(pieces.size()), 0, 0};
    std::vector<RawHeader> headers;
    std::vector<iovec> parts(2);
    for (const RawPiece& piece : pieces) {
        headers.push_back({RawOperation::kPut, 1, piece.offset, piece.size});
        parts.push_back({piece.local, piece.size});
    }
    parts[0] = {&first, sizeof first};
    parts[1] = {headers.data(), headers.size() * sizeof(RawHeader)};
    send_whole(descriptor_, std::move(parts));
    check_acknowledged(descriptor_);
}

void RawConnection::ping() const {
    const RawHeader header{RawOperation::kPing, 1, 0, 8};
    send_whole(descriptor_, &header, sizeof header);
    check_acknowledged(descriptor_);
}

double RawConnection::target_cpu() const {
    const RawHeader header{RawOperation::kCpu, 1, 0, 0};
    double seconds = 0;
    send_whole(descriptor_, &header, sizeof header);
    receive_whole(descriptor_, &seconds, sizeof seconds);
    return seconds;
}

uint16_t serve_raw(const std::string& address, std::span<std::byte> memory) {
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in own = address_of(address, 0);
    socklen_t length = sizeof own;
    if (listener < 0 || bind(listener, reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0 ||
        listen(listener, 16) != 0 || getsockname(listener, reinterpret_cast<sockaddr*>(&own), &length) != 0) {
        throw std::system_error(errno, std::generic_category(), "listening on " + address);
    }
    std::thread([listener, memory] {
        for (int connection = 0; (connection = accept(listener, nullptr, nullptr)) >= 0;) {
            send_at_once(connection);
            std::thread([connection, memory] {
                try {
                    Service(connection, memory).run();
                } catch (const std::exception& error) {
                    std::fprintf(stderr, "raw target: %s\n", error.what());
                }
            }).detach();
        }
    }).detach();
    return ntohs(own.sin_port);
}

double own_cpu() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace memfabric::bench
