// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pybind11/pybind11.h>

#include <atomic>
#include <cstdint>

#include "smem_shm.h"
#include "views.h"

namespace memfabric::python {

namespace py = pybind11;

/// What shm.create() returns. The C handle is checked by the library, so calls after destroy(), also those of
/// other threads, are errors and not crashes.
class ShareMemory {
 public:
    struct Place {
        uint32_t id;
        uint32_t rank;
        uint32_t rank_size;
        uint64_t size;  // bytes of each rank
        uint64_t gva;
    };

    ShareMemory(smem_shm_t handle, const Place& place) : handle_(handle), place_(place) {}
    ShareMemory(const ShareMemory&) = delete;
    ShareMemory& operator=(const ShareMemory&) = delete;
    ~ShareMemory();

    smem_shm_t handle() const { return handle_.load(std::memory_order_relaxed); }
    const Place& place() const { return place_; }

    /// A second call does nothing.
    int32_t destroy(uint32_t flags);

    int32_t set_context(py::handle context);
    py::bytes get_context() const;
    void barrier() const;
    py::bytes all_gather(py::handle local_data) const;
    uint32_t reach(py::handle remote_rank) const;
    int32_t topology_can_reach(py::handle remote_rank, py::handle reach_info) const;
    int32_t register_exit(const py::object& exit);
    void global_exit(int32_t status) const;
    int32_t put(py::handle destination, py::handle source, py::handle size) const;
    int32_t get(py::handle destination, py::handle source, py::handle size) const;

    /// A rank's memory (None: the own) from `offset` on.
    ViewRoom room(py::handle rank, py::handle offset) const;

 private:
    std::atomic<smem_shm_t> handle_;
    uintptr_t exit_callback_ = 0;  // touched with the GIL held
    const Place place_;
};

void bind_shm(py::module_& module);

}  // namespace memfabric::python
