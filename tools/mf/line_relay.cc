// SPDX-License-Identifier: Apache-2.0
#include "line_relay.h"

#include <array>
#include <cerrno>

namespace mf {
namespace {

constexpr size_t kLongestLine = size_t{1} << 20;  // what is longer is passed on in pieces

bool write_all(int target, std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::write(target, text.data(), text.size());
        if (written < 0 && errno != EINTR) {
            return false;
        }
        text.remove_prefix(static_cast<size_t>(written < 0 ? 0 : written));
    }
    return true;
}

}  // namespace

bool LineRelay::pump() {
    std::array<char, size_t{64} << 10> buffer;
    const ssize_t size = ::read(source_.get(), buffer.data(), buffer.size());
    if (size < 0 && errno == EINTR) {
        return true;
    }
    if (size <= 0) {
        source_.reset();
        if (!pending_.empty()) {
            pending_ += '\n';
        }
        return write_lines(pending_.size());
    }
    pending_.append(buffer.data(), static_cast<size_t>(size));
    // Progress bars end their lines by a carriage return.
    const size_t last_end = pending_.find_last_of("\n\r");
    if (last_end != std::string::npos) {
        return write_lines(last_end + 1);
    }
    return pending_.size() < kLongestLine || write_lines(pending_.size());
}

bool LineRelay::write_lines(size_t end) {
    std::string text;
    for (size_t begin = 0; begin < end;) {
        const size_t stop = std::min(pending_.find_first_of("\n\r", begin), end - 1) + 1;
        // A line's "\r\n" stays together.
        const size_t next =
            stop < end && pending_[stop - 1] == '\r' && pending_[stop] == '\n' ? stop + 1 : stop;
        text += prefix_;
        text.append(pending_, begin, next - begin);
        begin = next;
    }
    pending_.erase(0, end);
    return write_all(target_, text);
}

}  // namespace mf
