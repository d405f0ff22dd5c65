// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/core.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace memfabric {

/// Every reason for which an operation can fail. The values are those of include/smem/smem_error.h, so that
/// the C edge passes them on unchanged.
enum class Code : int32_t {
    kOk = 0,
    kError = -1,
    kStoreInvalidMessage = -400,
    kStoreInvalidKey = -401,
    kStoreNotExist = -404,
    kStoreTimeout = -601,
    kStoreSocket = -602,
    kInvalidParam = -2000,
    kMallocFailed = -2001,
    kNewObjectFailed = -2002,
    kNotStarted = -2003,
    kTimeout = -2004,
    kRepeatCall = -2005,
    kDuplicatedObject = -2006,
    kObjectNotExists = -2007,
    kNotInitialized = -2008,
    kResourceInUse = -2009,
    kReconnect = -2010,
    kGetObject = -2011,
    kPeerLost = -2012,
    kEvicted = -2013,
    kNotSupported = -2014,
    kRefused = -2015,
};

/// The outcome of an operation: nothing where it succeeded (one null pointer, free to return on hot paths),
/// else a code and a text that a user can act on: what was attempted, on what, with which peer, why it
/// failed, what to do. Making and copying one throws nothing: where there is no memory for the text, the code
/// stays, and the text says so.
class [[nodiscard]] Status {
 public:
    Status() = default;
    Status(Code code, std::string message) noexcept;
    Status(Code code, const char* message) noexcept;
    Status(const Status& other) noexcept;
    Status& operator=(const Status& other) noexcept {
        if (this != &other) {
            *this = Status(other);
        }
        return *this;
    }
    Status(Status&&) noexcept = default;
    Status& operator=(Status&&) noexcept = default;
    ~Status() = default;

    static Status ok() { return {}; }
    /// A failure whose text there is no memory for.
    static Status without_memory(Code code = Code::kMallocFailed) noexcept;

    bool is_ok() const { return detail_ == nullptr; }
    Code code() const { return detail_ ? detail_->code : Code::kOk; }
    const std::string& message() const;

    /// The same failure, told from one level further up: "context: message".
    Status with_context(std::string_view context) const noexcept;

 private:
    struct Detail {
        Code code;
        std::string message;
        bool is_permanent = false;
    };
    struct Release {
        void operator()(const Detail* detail) const noexcept;
    };
    using Owner = std::unique_ptr<const Detail, Release>;

    template <typename Text>
    static Owner owner_of(Code code, Text&& text) noexcept;
    static Owner without_text(Code code) noexcept;

    static const bool has_spare_texts_;  // whose initialization makes them, when the library is loaded

    Owner detail_;
};

namespace status_detail {
/// Throws nothing.
Status formatted(Code code, fmt::string_view format, fmt::format_args args) noexcept;
}  // namespace status_detail

/// A failure whose text is put together by fmt.
template <typename... Args>
Status failure(Code code, fmt::format_string<Args...> format, Args&&... args) {
    return status_detail::formatted(code, format, fmt::make_format_args(args...));
}

/// "errno N: meaning" for a failed system call; what to do, where descriptors ran short.
std::string errno_text(int error_number);

/// kMallocFailed where an error number says that memory, descriptors, threads or the like ran short, so that
/// the same may work another time; else kError.
Code errno_code(int error_number);

/// A value, or the reason why there is none.
template <typename T>
class [[nodiscard]] Result {
 public:
    Result(T value) : value_(std::move(value)) {}  // NOLINT(google-explicit-constructor): reads as a return
    Result(Status status) : status_(std::move(status)) {}  // NOLINT(google-explicit-constructor): likewise

    bool is_ok() const { return value_.has_value(); }
    const Status& status() const& { return status_; }
    Status status() && { return std::move(status_); }

    /// Only where is_ok().
    T& value() & { return *value_; }
    const T& value() const& { return *value_; }
    T&& value() && { return *std::move(value_); }
    T* operator->() { return &*value_; }
    const T* operator->() const { return &*value_; }
    T& operator*() & { return *value_; }
    const T& operator*() const& { return *value_; }
    T&& operator*() && { return *std::move(value_); }

 private:
    std::optional<T> value_;
    Status status_;
};

}  // namespace memfabric

#define MF_CONCAT_INNER(a, b) a##b
#define MF_CONCAT(a, b) MF_CONCAT_INNER(a, b)

/// Returns from the enclosing function where the expression (a Status) failed.
#define MF_RETURN_IF_ERROR(expression)                                            \
    do {                                                                          \
        if (::memfabric::Status mf_status_ = (expression); !mf_status_.is_ok()) { \
            return mf_status_;                                                    \
        }                                                                         \
    } while (false)

/// Declares or assigns `target` from the expression (a Result), or returns its Status.
#define MF_ASSIGN_OR_RETURN(target, expression) \
    MF_ASSIGN_OR_RETURN_AS(MF_CONCAT(mf_result_, __LINE__), target, expression)
#define MF_ASSIGN_OR_RETURN_AS(result, target, expression) \
    auto result = (expression);                            \
    if (!result.is_ok()) {                                 \
        return std::move(result).status();                 \
    }                                                      \
    target = std::move(result).value()
