// SPDX-License-Identifier: Apache-2.0
#include "big_memory.h"

#include <limits>
#include <utility>

#include "capi/private_api.h"
#include "errors.h"
#include "smem_error.h"

namespace memfabric::python {
namespace {

constexpr uint64_t kNoLimit = std::numeric_limits<uint64_t>::max();

smem_bm_mem_type to_mem_type(py::handle object) {
    const uint64_t value = to_unsigned(object, "mem_type", kNoLimit);
    return value < SMEM_MEM_TYPE_BUTT ? static_cast<smem_bm_mem_type>(value) : SMEM_MEM_TYPE_BUTT;
}

}  // namespace

smem_bm_copy_type to_copy_type(py::handle object) {
    const uint64_t value = to_unsigned(object, "type", kNoLimit);
    return value < SMEMB_COPY_BUTT ? static_cast<smem_bm_copy_type>(value) : SMEMB_COPY_BUTT;
}

uint64_t BigMemory::join(uint32_t flags) {
    void* address = nullptr;
    check("join", without_gil([&] { return smem_bm_join(handle(), flags, &address); }));
    return reinterpret_cast<uint64_t>(address);
}

void BigMemory::leave(uint32_t flags) {
    check("leave", without_gil([&] { return smem_bm_leave(handle(), flags); }));
}

void BigMemory::destroy() {
    if (smem_bm_t old = handle_.exchange(nullptr); old != nullptr) {
        without_gil([&] { smem_bm_destroy(old); });
    }
    // The copies have ended. Releasing a buffer may run Python code that comes back here: it must find empty
    // lists.
    std::exchange(queued_, {});
    std::exchange(registered_, {});
}

uint64_t BigMemory::local_mem_size(py::handle mem_type) const {
    if (mem_type.is_none()) {
        return without_gil([&] { return smem_bm_get_local_mem_size(handle()); });
    }
    const smem_bm_mem_type type = to_mem_type(mem_type);
    return without_gil([&] { return smem_bm_get_local_mem_size_by_mem_type(handle(), type); });
}

uint64_t BigMemory::peer_rank_ptr(py::handle peer_rank, py::handle mem_type) const {
    const auto rank = static_cast<uint16_t>(to_unsigned(peer_rank, "peer_rank", UINT16_MAX));
    void* address = nullptr;
    if (mem_type.is_none()) {
        address = without_gil([&] { return smem_bm_ptr(handle(), rank); });
    } else {
        const smem_bm_mem_type type = to_mem_type(mem_type);
        address = without_gil([&] { return smem_bm_ptr_by_mem_type(handle(), type, rank); });
    }
    if (address == nullptr) {
        raise_last_error("peer_rank_ptr");
    }
    return reinterpret_cast<uint64_t>(address);
}

uint32_t BigMemory::get_rank_id_by_gva(py::handle gva) const {
    Address address(gva, "gva", Access::kRead);
    return without_gil([&] { return smem_bm_get_rank_id_by_gva(handle(), address.pointer()); });
}

int32_t BigMemory::register_memory(py::handle addr, py::handle size) {
    Address address(addr, "addr", Access::kRead);
    if (size.is_none() && !address.extent()) {
        raise_type_error("size is needed where addr is a plain number");
    }
    const uint64_t bytes = size.is_none() ? *address.extent() : to_unsigned(size, "size", kNoLimit);
    address.require(bytes, "addr");
    const uint64_t key = address.value();
    check("register", without_gil([&] { return smem_bm_register_user_mem(handle(), key, bytes); }));
    registered_.insert_or_assign(key, std::move(address));
    return 0;
}

int32_t BigMemory::unregister_memory(py::handle addr) {
    const uint64_t key = Address(addr, "addr", Access::kRead).value();
    check("unregister", without_gil([&] { return smem_bm_unregister_user_mem(key); }));
    auto dropped = registered_.extract(key);  // destroyed when the map is in order again
    return 0;
}

void BigMemory::keep_while_queued(uint32_t flags, std::vector<Address> buffers) {
    if ((flags & ASYNC_COPY_FLAG) != 0) {
        for (Address& buffer : buffers) {
            if (buffer.extent()) {
                queued_.push_back(std::move(buffer));
            }
        }
    }
}

int32_t BigMemory::wait() {
    // What other threads queue meanwhile is not covered by this wait and goes to the new list.
    std::vector<Address> covered = std::exchange(queued_, {});
    const int32_t code = without_gil([&] { return smem_bm_wait(handle()); });
    if (code == SM_TIMEOUT) {
        for (Address& buffer : covered) {
            queued_.push_back(std::move(buffer));
        }
        covered.clear();
    }
    check("wait", code);
    return 0;
}

ViewRoom room_of(const BigMemory& memory, py::handle rank, py::handle offset, py::handle mem_type) {
    const py::object owner =
        rank.is_none() ? py::int_(smem_bm_get_rank_id()) : py::reinterpret_borrow<py::object>(rank);
    const uint64_t base = memory.peer_rank_ptr(owner, mem_type);
    const auto retain = [handle = memory.handle()](uint64_t address, uint64_t size) {
        return mf_private_bm_retain_view(handle, address, size);
    };
    return skip({base, memory.local_mem_size(mem_type), retain}, offset);
}

}  // namespace memfabric::python
