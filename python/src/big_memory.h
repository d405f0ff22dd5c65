// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pybind11/pybind11.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <vector>

#include "buffers.h"
#include "smem_bm.h"
#include "views.h"

namespace memfabric::python {

/// Rows of a 2D copy. The addresses stay the objects that were given, and are resolved when the copy is made.
struct Copy2dParams {
    py::object src = py::int_(0);
    uint64_t spitch = 0;
    py::object dest = py::int_(0);
    uint64_t dpitch = 0;
    uint64_t width = 0;
    uint64_t height = 0;
};

/// What bm.create() returns. The C handle is checked by the library, so calls after destroy(), also those of
/// other threads, are errors and not crashes. All other members are touched with the GIL held only.
class BigMemory {
 public:
    BigMemory(smem_bm_t handle, uint32_t id) : handle_(handle), id_(id) {}
    BigMemory(const BigMemory&) = delete;
    BigMemory& operator=(const BigMemory&) = delete;
    ~BigMemory() { destroy(); }

    smem_bm_t handle() const { return handle_.load(std::memory_order_relaxed); }
    uint32_t id() const { return id_; }

    uint64_t join(uint32_t flags);
    void leave(uint32_t flags);
    void destroy();

    uint64_t local_mem_size(py::handle mem_type) const;
    uint64_t peer_rank_ptr(py::handle peer_rank, py::handle mem_type) const;
    uint32_t get_rank_id_by_gva(py::handle gva) const;

    int32_t register_memory(py::handle addr, py::handle size);
    int32_t unregister_memory(py::handle addr);

    int32_t copy_data_2d(const Copy2dParams& rows, py::handle type, py::handle flags);
    int32_t copy_data_batch(py::handle sources, py::handle destinations, py::handle sizes, py::handle count,
                            py::handle type, py::handle flags);
    int32_t wait();

    /// Keeps the buffers of a copy until wait() where `flags` say that the copy is asynchronous.
    void keep_while_queued(uint32_t flags, std::vector<Address> buffers);

 private:
    std::atomic<smem_bm_t> handle_;
    uint32_t id_;
    std::vector<Address> queued_;
    std::map<uint64_t, Address> registered_;
};

/// A number as the C interface's enum; what is no member of it becomes the first value past the members,
/// which C refuses.
smem_bm_copy_type to_copy_type(py::handle object);

/// Adds the method copy_data to the class. It is not one of pybind11's, whose dispatch alone costs more than
/// a small copy.
void add_copy_data(py::handle big_memory_class);

/// A rank's memory (None: the own) from `offset` on, of one BmMemType or all of it.
ViewRoom room_of(const BigMemory& memory, py::handle rank, py::handle offset, py::handle mem_type);

}  // namespace memfabric::python
