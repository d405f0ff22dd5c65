// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <optional>

namespace memfabric::python {

namespace py = pybind11;

enum class Access { kRead, kWrite };
/// kStrided also takes buffers with gaps, such as a slice of columns: the caller walks over them with a pitch
/// of its own.
enum class Layout { kContiguous, kStrided };

/// What the caller gave where an address is asked for: a plain number, a ctypes pointer, or an object with a
/// buffer, which is held (a bytearray cannot be resized, an array not be freed) as long as this lives. Made
/// and destroyed with the GIL held.
class Address {
 public:
    /// `name` is the parameter's, for the error texts.
    Address(py::handle object, const char* name, Access access, Layout layout = Layout::kContiguous);
    Address(Address&& other) noexcept;
    Address& operator=(Address&& other) noexcept;
    Address(const Address&) = delete;
    Address& operator=(const Address&) = delete;
    ~Address();

    uint64_t value() const { return value_; }
    void* pointer() const { return reinterpret_cast<void*>(value_); }
    /// Bytes that the buffer spans; nothing where a plain number was given.
    std::optional<uint64_t> extent() const { return extent_; }

    /// Throws ValueError where `size` bytes are more than the buffer has.
    void require(uint64_t size, const char* name) const;

 private:
    void hold_buffer(py::handle object, const char* name, Access access, Layout layout);
    void release() noexcept;

    uint64_t value_ = 0;
    std::optional<uint64_t> extent_;
    Py_buffer buffer_{};
    bool held_ = false;
};

/// A whole number in [0, maximum], from an int, an enum or anything else with __index__. `name` is for the
/// error text.
uint64_t to_unsigned(py::handle object, const char* name, uint64_t maximum);

/// The size of a copy: as given, else that of the buffers. Checks it against both.
uint64_t copy_size(py::handle size, const Address& source, const Address& destination);

}  // namespace memfabric::python
