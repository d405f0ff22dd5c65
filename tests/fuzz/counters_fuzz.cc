// SPDX-License-Identifier: Apache-2.0
// What a process believes of those that ask it for its counters, by HTTP, and of the counters that another
// process shows, whatever is in them.
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/fd.h"
#include "observe/http_connection.h"
#include "observe/texts.h"
#include "tests/fuzz/fuzz.h"

using namespace memfabric;
using namespace memfabric::observe;
using fuzz::require;

namespace {

constexpr std::string_view kPage = "the page\n";

std::string page() {
    return std::string(kPage);
}

bool is_answer(std::string_view text) {
    const bool is_page = text.ends_with(kPage);
    return text.starts_with(is_page ? "HTTP/1.1 200 " : "HTTP/1.1 4") && text.find("\r\n\r\n") != text.npos;
}

/// As it would come: in two pieces, and then no more.
void check_asker(std::string_view bytes, size_t first) {
    require(is_answer(http_answer(bytes, page)));
    int ends[2];
    require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    const Fd asker(ends[0]);
    HttpConnection connection{Fd(ends[1])};
    bool goes_on = true;
    first = std::min(first, bytes.size());
    for (const std::string_view part : {bytes.substr(0, first), bytes.substr(first)}) {
        if (::send(asker.get(), part.data(), part.size(), MSG_NOSIGNAL) < 0) {
            break;  // it has hung up
        }
        pollfd state{connection.descriptor(), connection.events(), 0};
        while (goes_on && ::poll(&state, 1, 0) > 0) {
            goes_on = connection.go_on(page);
            state.events = connection.events();
        }
    }
    ::shutdown(asker.get(), SHUT_WR);
    // Who says no more is not waited for.
    require(!goes_on || !connection.go_on(page) || connection.events() == POLLOUT);
}

/// Sound counters with some bytes changed: each change is an offset, a length and what stands there.
std::unique_ptr<BoardHeader> changed_header(fuzz::Input& input) {
    auto header = std::make_unique<BoardHeader>();
    header->magic = kBoardMagic;
    header->version = kBoardVersion;
    header->blocks_used = input.take<uint8_t>();
    header->shards_used = input.take<uint8_t>();
    auto* const bytes = reinterpret_cast<unsigned char*>(header.get());
    while (!input.is_empty()) {
        // Most of what is read lies in front of the blocks or in the first of them.
        size_t place = input.take<uint16_t>();
        place = (place & 1) != 0 ? offsetof(BoardHeader, blocks) + place / 2 : (place / 2) * 37;
        for (size_t left = input.take<uint8_t>(); left > 0 && place < sizeof *header; --left) {
            bytes[place++] = input.take<unsigned char>();
        }
    }
    return header;
}

/// The first cells of two threads, and so the words that are among them.
void put_numbers(int file, size_t size, uint8_t seed) {
    std::array<uint64_t, 96> numbers;
    for (size_t i = 0; i < numbers.size(); ++i) {
        numbers.at(i) = seed * (i + 1) * (seed % 2 != 0 ? 0x0101010101010101 : 1);
    }
    for (const size_t shard : {0, 1}) {
        const size_t place = offsetof(Board, shards) + shard * sizeof Board::shards[0];
        if (place + sizeof numbers <= size) {
            require(::pwrite(file, numbers.data(), sizeof numbers, static_cast<off_t>(place)) ==
                    sizeof numbers);
        }
    }
}

void check_counters(fuzz::Input& input, uint8_t seed) {
    // A whole one, or one that ends somewhere.
    const size_t size = input.take<uint8_t>() % 4 != 0 ? kBoardSize : input.take<uint32_t>() % kBoardSize;
    const std::unique_ptr<BoardHeader> header = changed_header(input);
    const Fd file(::memfd_create("counters", MFD_CLOEXEC));
    const size_t written = std::min(size, sizeof *header);
    require(::ftruncate(file.get(), static_cast<off_t>(size)) == 0 &&
            ::pwrite(file.get(), header.get(), written, 0) == static_cast<ssize_t>(written));
    put_numbers(file.get(), size, seed);
    const Result<Reading> reading = read_board(file.get());
    fuzz::require_reason(reading.status());
    if (reading.is_ok()) {
        require(nlohmann::json::accept(to_json(*reading)));
        require(!to_prometheus(*reading).empty());
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    set_log_level(LogLevel::kFatal);
    fuzz::Input input(fuzz::as_text(data, size));
    const auto kind = input.take<uint8_t>();
    if (kind < 128) {
        check_asker(input.rest(), kind);
    } else {
        check_counters(input, kind - 128);
    }
    return 0;
}
