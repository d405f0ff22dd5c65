// SPDX-License-Identifier: Apache-2.0
#include "share_memory.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "buffers.h"
#include "callbacks.h"
#include "capi/private_api.h"
#include "errors.h"

namespace memfabric::python {
namespace {

/// Largest part of an allgather that the library takes.
constexpr uint32_t kMaxGathered = 65536;

bool is_ctypes_pointer(py::handle object) {
    return py::isinstance(object, py::module_::import("ctypes").attr("_Pointer"));
}

/// Writes the mask as the buffer's first item, or as 32 bits where its items are bytes.
void write_mask(py::handle place, uint32_t mask) {
    if (is_ctypes_pointer(place)) {
        std::memcpy(Address(place, "reach_info", Access::kWrite).pointer(), &mask, sizeof mask);
        return;
    }
    Py_buffer buffer;
    if (PyObject_CheckBuffer(place.ptr()) == 0 ||
        PyObject_GetBuffer(place.ptr(), &buffer, PyBUF_WRITABLE) != 0) {
        PyErr_Clear();  // a plain number, as the documents have it: it cannot take the answer
        return;
    }
    const bool bytes = buffer.itemsize == 1 && buffer.len >= static_cast<Py_ssize_t>(sizeof mask);
    const size_t width = bytes ? sizeof mask : static_cast<size_t>(buffer.itemsize);
    const uint64_t wide = mask;  // the low bytes come first on every machine that this runs on
    if (buffer.len >= static_cast<Py_ssize_t>(width) && width <= sizeof wide) {
        std::memcpy(buffer.buf, &wide, width);
    }
    PyBuffer_Release(&buffer);
}

}  // namespace

ShareMemory::~ShareMemory() {
    if (smem_shm_t old = handle_.exchange(nullptr); old != nullptr) {
        without_gil([&] { static_cast<void>(smem_shm_destroy(old, 0)); });
    }
    drop_exit_callback(exit_callback_);
}

int32_t ShareMemory::destroy(uint32_t flags) {
    if (smem_shm_t old = handle_.exchange(nullptr); old != nullptr) {
        check("destroy", without_gil([&] { return smem_shm_destroy(old, flags); }));
    }
    drop_exit_callback(exit_callback_);
    return 0;
}

int32_t ShareMemory::set_context(py::handle context) {
    const Address bytes(context, "context", Access::kRead);
    if (!bytes.extent()) {
        raise_type_error("context must be an object with a buffer, such as bytes");
    }
    const auto size = static_cast<uint32_t>(std::min<uint64_t>(*bytes.extent(), UINT32_MAX));
    check("set_context",
          without_gil([&] { return smem_shm_set_extra_context(handle(), bytes.pointer(), size); }));
    return 0;
}

py::bytes ShareMemory::get_context() const {
    std::string kept;
    int32_t code = 0;
    uint32_t size = 0;
    do {  // until no other thread has set a longer one in between
        code = without_gil([&] { return smem_shm_get_extra_context(handle(), nullptr, &size); });
        check("get_context", code);
        kept.resize(size);
        code = without_gil([&] { return smem_shm_get_extra_context(handle(), kept.data(), &size); });
    } while (code != 0 && size > kept.size());
    check("get_context", code);
    return {kept.data(), size};
}

void ShareMemory::barrier() const {
    check("barrier", without_gil([&] { return smem_shm_control_barrier(handle()); }));
}

py::bytes ShareMemory::all_gather(py::handle local_data) const {
    const Address data(local_data, "local_data", Access::kRead);
    if (!data.extent()) {
        raise_type_error("local_data must be an object with a buffer, such as bytes");
    }
    const uint64_t all = *data.extent() * place_.rank_size;
    // What is too long for the buffers here is too long for the library, which says so.
    const auto size = static_cast<uint32_t>(std::min<uint64_t>(*data.extent(), UINT32_MAX));
    const auto room = static_cast<uint32_t>(std::min<uint64_t>(all, UINT32_MAX));
    std::string gathered(size <= kMaxGathered ? room : 1, '\0');
    check("all_gather", without_gil([&] {
              return smem_shm_control_allgather(handle(), static_cast<const char*>(data.pointer()), size,
                                                gathered.data(), room);
          }));
    return {gathered.data(), gathered.size()};
}

uint32_t ShareMemory::reach(py::handle remote_rank) const {
    const auto rank = static_cast<uint32_t>(to_unsigned(remote_rank, "remote_rank", UINT32_MAX));
    uint32_t mask = 0;
    check("reach", without_gil([&] { return smem_shm_topology_can_reach(handle(), rank, &mask); }));
    return mask;
}

int32_t ShareMemory::topology_can_reach(py::handle remote_rank, py::handle reach_info) const {
    const auto rank = static_cast<uint32_t>(to_unsigned(remote_rank, "remote_rank", UINT32_MAX));
    uint32_t mask = 0;
    const int32_t code = without_gil([&] { return smem_shm_topology_can_reach(handle(), rank, &mask); });
    if (code == 0) {
        write_mask(reach_info, mask);
    }
    return code;
}

int32_t ShareMemory::register_exit(const py::object& exit) {
    if (PyCallable_Check(exit.ptr()) == 0) {
        raise_type_error("exit must be callable, not %s", Py_TYPE(exit.ptr())->tp_name);
    }
    const uintptr_t kept = keep_exit_callback(exit);
    const int32_t code = without_gil([&] {
        return mf_private_shm_register_exit(handle(), &run_exit_callback, reinterpret_cast<void*>(kept));
    });
    if (code != 0) {
        drop_exit_callback(kept);
        raise_error("register_exit", code);
    }
    exit_callback_ = kept;
    return 0;
}

void ShareMemory::global_exit(int32_t status) const {
    without_gil([&] { smem_shm_global_exit(handle(), status); });
}

int32_t ShareMemory::put(py::handle destination, py::handle source, py::handle size) const {
    const Address to(destination, "dst_ptr", Access::kWrite);
    const Address from(source, "src_ptr", Access::kRead);
    const uint64_t bytes = copy_size(size, from, to);
    check("put", without_gil([&] { return smem_shm_put(handle(), to.pointer(), from.pointer(), bytes); }));
    return 0;
}

int32_t ShareMemory::get(py::handle destination, py::handle source, py::handle size) const {
    const Address to(destination, "dst_ptr", Access::kWrite);
    const Address from(source, "src_ptr", Access::kRead);
    const uint64_t bytes = copy_size(size, from, to);
    check("get", without_gil([&] { return smem_shm_get(handle(), to.pointer(), from.pointer(), bytes); }));
    return 0;
}

ViewRoom ShareMemory::room(py::handle rank, py::handle offset) const {
    const uint64_t owner = rank.is_none() ? place_.rank : to_unsigned(rank, "rank", place_.rank_size - 1);
    const auto retain = [handle = handle()](uint64_t address, uint64_t size) {
        return mf_private_shm_retain_view(handle, address, size);
    };
    return skip({place_.gva + owner * place_.size, place_.size, retain}, offset);
}

}  // namespace memfabric::python
