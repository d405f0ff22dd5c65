// SPDX-License-Identifier: Apache-2.0
#include "transfer.h"

#include <limits>
#include <string>
#include <vector>

#include "buffers.h"
#include "capi/private_api.h"
#include "errors.h"
#include "smem_error.h"
#include "smem_trans.h"

namespace memfabric::python {
namespace {

constexpr uint64_t kNoLimit = std::numeric_limits<uint64_t>::max();

smem_trans_t to_handle(uint64_t handle) {
    return reinterpret_cast<smem_trans_t>(static_cast<uintptr_t>(handle));
}

/// Numbers out of a list, tuple or array; `addresses` holds the buffers of those that are no numbers.
class Numbers {
 public:
    Numbers(py::handle sequence, const char* name, Access access) {
        if (!read_array(sequence)) {
            read_items(sequence, name, access);
        }
    }

    size_t size() const { return values_.size(); }
    const std::vector<uint64_t>& values() const { return values_; }
    void** pointers() { return reinterpret_cast<void**>(values_.data()); }
    size_t* sizes() { return reinterpret_cast<size_t*>(values_.data()); }
    std::vector<Address> take_held() { return std::move(held_); }
    /// Throws where a size is more than the buffer of the same place has.
    void require(const std::vector<uint64_t>& sizes, const char* name) const {
        for (size_t i = 0; i < held_.size(); ++i) {
            held_[i].require(sizes[held_at_[i]], name);
        }
    }

 private:
    /// An array of 64-bit integers is taken as it is.
    bool read_array(py::handle sequence) {
        if (PyObject_CheckBuffer(sequence.ptr()) == 0) {
            return false;
        }
        Py_buffer buffer;
        if (PyObject_GetBuffer(sequence.ptr(), &buffer, PyBUF_FORMAT | PyBUF_ND) != 0) {
            PyErr_Clear();
            return false;
        }
        const std::string format = buffer.format == nullptr ? "" : buffer.format;
        const bool fits = buffer.ndim == 1 && buffer.itemsize == sizeof(uint64_t) && format.size() == 1 &&
                          std::string("lLqQnN").find(format) != std::string::npos;
        if (fits) {
            const auto* first = static_cast<const uint64_t*>(buffer.buf);
            values_.assign(first, first + buffer.shape[0]);
        }
        PyBuffer_Release(&buffer);
        return fits;
    }

    void read_items(py::handle sequence, const char* name, Access access) {
        const py::object items = py::reinterpret_steal<py::object>(
            PySequence_Fast(sequence.ptr(), "a list, a tuple or an array of addresses or sizes is needed"));
        if (!items) {
            throw py::error_already_set();
        }
        const Py_ssize_t count = PySequence_Fast_GET_SIZE(items.ptr());
        PyObject** const first = PySequence_Fast_ITEMS(items.ptr());
        values_.reserve(static_cast<size_t>(count));
        for (Py_ssize_t i = 0; i < count; ++i) {
            read_item(first[i], name, access);
        }
    }

    void read_item(PyObject* item, const char* name, Access access) {
        if (PyLong_CheckExact(item)) {
            const uint64_t value = PyLong_AsUnsignedLongLong(item);
            if (value != kNoLimit || PyErr_Occurred() == nullptr) {
                values_.push_back(value);
                return;
            }
            PyErr_Clear();
        }
        Address address(item, name, access);
        values_.push_back(address.value());
        if (address.extent()) {
            held_at_.push_back(values_.size() - 1);
            held_.push_back(std::move(address));
        }
    }

    std::vector<uint64_t> values_;
    std::vector<Address> held_;
    std::vector<size_t> held_at_;  // index in values_ of each
};

int32_t lengths_differ(size_t local, size_t remote, size_t sizes) {
    const std::string text = "the lists differ in length: " + std::to_string(local) + " buffers, " +
                             std::to_string(remote) + " peer buffers, " + std::to_string(sizes) + " lengths";
    return mf_private_report(SM_INVALID_PARAM, text.c_str());
}

int32_t too_many(size_t count) {
    const std::string text = "a batch of " + std::to_string(count) + " pieces is too large";
    return mf_private_report(SM_INVALID_PARAM, text.c_str());
}

uint64_t create(const std::string& store_url, const std::string& session, int role, uint32_t device_id) {
    smem_trans_config_t config;
    if (smem_trans_config_init(&config) != 0) {
        return 0;
    }
    config.role = static_cast<smem_trans_role_t>(role);
    config.deviceId = device_id;
    return without_gil([&] {
        return reinterpret_cast<uintptr_t>(smem_trans_create(store_url.c_str(), session.c_str(), &config));
    });
}

int32_t register_memory(uint64_t handle, py::handle buffer, py::handle capacity) {
    const Address address(buffer, "buffer_addr", Access::kWrite);
    const uint64_t size = capacity.is_none() && address.extent()
                              ? *address.extent()
                              : to_unsigned(capacity, "capacity", kNoLimit);
    address.require(size, "buffer_addr");
    return without_gil(
        [&] { return smem_trans_register_mem(to_handle(handle), address.pointer(), size, 0); });
}

int32_t batch_register_memory(uint64_t handle, py::handle buffers, py::handle capacities) {
    Numbers addresses(buffers, "buffer_addrs", Access::kWrite);
    Numbers sizes(capacities, "capacities", Access::kRead);
    if (addresses.size() != sizes.size()) {
        const std::string text = "the lists differ in length: " + std::to_string(addresses.size()) +
                                 " addresses, " + std::to_string(sizes.size()) + " capacities";
        return mf_private_report(SM_INVALID_PARAM, text.c_str());
    }
    if (addresses.size() > UINT32_MAX) {
        return too_many(addresses.size());
    }
    addresses.require(sizes.values(), "buffer_addrs");
    return without_gil([&] {
        return smem_trans_batch_register_mem(to_handle(handle), addresses.pointers(), sizes.sizes(),
                                             static_cast<uint32_t>(addresses.size()), 0);
    });
}

int32_t unregister_memory(uint64_t handle, py::handle buffer) {
    const Address address(buffer, "buffer_addr", Access::kRead);
    return without_gil([&] { return smem_trans_deregister_mem(to_handle(handle), address.pointer()); });
}

int32_t transfer(uint64_t handle, bool writes, const std::string& session, py::handle buffer,
                 py::handle peer_buffer, py::handle length) {
    const Address local(buffer, "buffer", writes ? Access::kRead : Access::kWrite);
    const Address remote(peer_buffer, "peer_buffer_address", Access::kRead);
    const uint64_t size = to_unsigned(length, "length", kNoLimit);
    local.require(size, "buffer");
    return without_gil([&] {
        return writes ? smem_trans_write(to_handle(handle), local.pointer(), session.c_str(),
                                         remote.pointer(), size)
                      : smem_trans_read(to_handle(handle), local.pointer(), session.c_str(), remote.pointer(),
                                        size);
    });
}

int32_t run_batch(smem_trans_t handle, bool writes, const char* session, Numbers& local, Numbers& remote,
                  Numbers& sizes) {
    const auto count = static_cast<uint32_t>(sizes.size());
    auto* const local_constant = const_cast<const void**>(local.pointers());
    auto* const remote_constant = const_cast<const void**>(remote.pointers());
    return writes ? smem_trans_batch_write(handle, local_constant, session, remote.pointers(), sizes.sizes(),
                                           count)
                  : smem_trans_batch_read(handle, local.pointers(), session, remote_constant, sizes.sizes(),
                                          count);
}

int32_t submit_batch(smem_trans_t handle, bool writes, const char* session, Numbers& local, Numbers& remote,
                     Numbers& sizes) {
    const auto count = static_cast<uint32_t>(sizes.size());
    auto* const local_constant = const_cast<const void**>(local.pointers());
    auto* const remote_constant = const_cast<const void**>(remote.pointers());
    return writes ? smem_trans_batch_write_submit(handle, local_constant, session, remote.pointers(),
                                                  sizes.sizes(), count, nullptr, 0)
                  : smem_trans_batch_read_submit(handle, local.pointers(), session, remote_constant,
                                                 sizes.sizes(), count, nullptr, 0);
}

int32_t transfer_batch(uint64_t handle, bool writes, const std::string& session, py::handle buffers,
                       py::handle peer_buffers, py::handle lengths, bool submits) {
    Numbers local(buffers, "buffers", writes ? Access::kRead : Access::kWrite);
    Numbers remote(peer_buffers, "peer_buffer_addresses", Access::kRead);
    Numbers sizes(lengths, "lengths", Access::kRead);
    if (local.size() != sizes.size() || remote.size() != sizes.size()) {
        return lengths_differ(local.size(), remote.size(), sizes.size());
    }
    if (sizes.size() > UINT32_MAX) {
        return too_many(sizes.size());
    }
    local.require(sizes.values(), "buffers");
    return without_gil([&] {
        return submits ? submit_batch(to_handle(handle), writes, session.c_str(), local, remote, sizes)
                       : run_batch(to_handle(handle), writes, session.c_str(), local, remote, sizes);
    });
}

/// Memory of smem_trans_malloc() as numpy sees it; given back with the last view of it.
class TransferMemory {
 public:
    TransferMemory(uint64_t handle, uint64_t size) : handle_(to_handle(handle)), size_(size) {
        token_ = without_gil([&] { return mf_private_trans_retain(handle_); });
        if (token_ == nullptr) {
            raise_last_error("allocate");
        }
        memory_ = without_gil([&] { return smem_trans_malloc(handle_, size_, 0); });
        if (memory_ == nullptr) {
            const int32_t code = mf_private_last_error_code();
            mf_private_trans_release(token_, nullptr);
            raise_error("allocate", code);
        }
    }
    TransferMemory(const TransferMemory&) = delete;
    TransferMemory& operator=(const TransferMemory&) = delete;
    ~TransferMemory() { mf_private_trans_release(token_, memory_); }

    py::buffer_info buffer() { return {static_cast<uint8_t*>(memory_), static_cast<py::ssize_t>(size_)}; }

 private:
    smem_trans_t handle_;
    uint64_t size_;
    void* token_ = nullptr;
    void* memory_ = nullptr;
};

py::str counters(uint64_t handle) {
    char* const text = mf_private_trans_counters_json(to_handle(handle));
    if (text == nullptr) {
        raise_last_error("counters");
    }
    py::str result(text);
    mf_private_free_text(text);
    return result;
}

}  // namespace

void bind_transfer(py::module_& module) {
    module.def("trans_report",
               [](int32_t code, const std::string& text) { return mf_private_report(code, text.c_str()); });
    module.def("trans_last_code", &mf_private_last_error_code);
    module.def("trans_create", &create);
    module.def("trans_destroy",
               [](uint64_t handle) { without_gil([&] { smem_trans_destroy(to_handle(handle), 0); }); });
    module.def("trans_register", &register_memory);
    module.def("trans_batch_register", &batch_register_memory);
    module.def("trans_deregister", &unregister_memory);
    module.def("trans_transfer", &transfer);
    module.def("trans_batch", &transfer_batch);
    module.def("trans_wait", [](uint64_t handle) {
        return without_gil([&] { return smem_trans_wait(to_handle(handle), nullptr); });
    });
    module.def("trans_counters", &counters);
    py::class_<TransferMemory>(module, "TransferMemory", py::buffer_protocol())
        .def(py::init<uint64_t, uint64_t>())
        .def_buffer(&TransferMemory::buffer);
}

}  // namespace memfabric::python
