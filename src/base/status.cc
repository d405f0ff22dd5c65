// SPDX-License-Identifier: Apache-2.0
#include "base/status.h"

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "base/permanent.h"

namespace memfabric {
namespace {

constexpr std::array kCodes = {Code::kMallocFailed,     Code::kError,           Code::kStoreInvalidMessage,
                               Code::kStoreInvalidKey,  Code::kStoreNotExist,   Code::kStoreTimeout,
                               Code::kStoreSocket,      Code::kInvalidParam,    Code::kNewObjectFailed,
                               Code::kNotStarted,       Code::kTimeout,         Code::kRepeatCall,
                               Code::kDuplicatedObject, Code::kObjectNotExists, Code::kNotInitialized,
                               Code::kResourceInUse,    Code::kReconnect,       Code::kGetObject,
                               Code::kPeerLost,         Code::kEvicted,         Code::kNotSupported,
                               Code::kRefused};

}  // namespace

Status Status::without_memory(Code code) noexcept {
    Status status;
    status.detail_ = without_text(code);
    return status;
}

/// Made when the library is loaded, so that there is something to say when there is no memory.
Status::Owner Status::without_text(Code code) noexcept {
    using Details = std::array<Detail, kCodes.size()>;
    static const Permanent<Details> details([] {
        Details made;
        std::transform(kCodes.begin(), kCodes.end(), made.begin(), [](Code known) {
            const char* const text = known == Code::kMallocFailed
                                         ? "out of memory"
                                         : "there was no memory left to say more than the code";
            return Detail{known, text, true};
        });
        return made;
    }());
    const auto known = std::find(kCodes.begin(), kCodes.end(), code);
    const size_t place = known == kCodes.end() ? 0 : static_cast<size_t>(known - kCodes.begin());
    return Owner(&details.get().at(place));
}

const bool Status::has_spare_texts_ = Status::without_text(Code::kMallocFailed) != nullptr;

void Status::Release::operator()(const Detail* detail) const noexcept {
    if (!detail->is_permanent) {
        std::default_delete<const Detail>()(detail);
    }
}

template <typename Text>
Status::Owner Status::owner_of(Code code, Text&& text) noexcept {
    try {
        return Owner(std::make_unique<const Detail>(Detail{code, std::forward<Text>(text), false}).release());
    } catch (const std::bad_alloc&) {
        return without_text(code);
    }
}

Status::Status(Code code, std::string message) noexcept : detail_(owner_of(code, std::move(message))) {}

Status::Status(Code code, const char* message) noexcept : detail_(owner_of(code, message)) {}

Status::Status(const Status& other) noexcept
    : detail_(other.detail_ ? owner_of(other.detail_->code, other.detail_->message) : nullptr) {}

const std::string& Status::message() const {
    static const Permanent<std::string> none;
    return detail_ ? detail_->message : none.get();
}

Status Status::with_context(std::string_view context) const noexcept {
    return is_ok() ? Status() : failure(code(), "{}: {}", context, message());
}

Status status_detail::formatted(Code code, fmt::string_view format, fmt::format_args args) noexcept {
    try {
        return {code, fmt::vformat(format, args)};
    } catch (const std::bad_alloc&) {
        return Status::without_memory(code);
    }
}

std::string errno_text(int error_number) {
    std::string text =
        fmt::format("errno {}: {}", error_number, std::generic_category().message(error_number));
    if (error_number == EMFILE) {
        rlimit limit{};
        ::getrlimit(RLIMIT_NOFILE, &limit);
        text += fmt::format("; this process may have {}: close some or raise the limit (ulimit -n)",
                            limit.rlim_cur);
    } else if (error_number == ENFILE) {
        text += "; the machine may have no more: /proc/sys/fs/file-max";
    }
    return text;
}

Code errno_code(int error_number) {
    constexpr std::array kShort = {ENOMEM, EMFILE, ENFILE, ENOBUFS, ENOSPC, EAGAIN};
    return std::ranges::find(kShort, error_number) == kShort.end() ? Code::kError : Code::kMallocFailed;
}

}  // namespace memfabric
