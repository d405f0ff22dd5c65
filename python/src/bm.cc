// SPDX-License-Identifier: Apache-2.0
#include "bm.h"

#include <array>
#include <cstdio>
#include <limits>
#include <memory>
#include <string>

#include "big_memory.h"
#include "bm_config.h"
#include "errors.h"

namespace memfabric::python {
namespace {

constexpr uint64_t kNoLimit = std::numeric_limits<uint64_t>::max();

/// `rank` None leaves the config's own rank and ranking; a number overrides both.
int32_t initialize(const std::string& store_url, py::handle world_size, py::handle rank, py::handle device_id,
                   const BmConfig& config) {
    smem_bm_config_t raw = config.raw;
    if (!rank.is_none()) {
        raw.rankId = static_cast<uint16_t>(to_unsigned(rank, "rank_id", UINT16_MAX));
        raw.autoRanking = false;
    }
    const auto ranks = static_cast<uint32_t>(to_unsigned(world_size, "world_size", UINT32_MAX));
    const auto device = static_cast<uint16_t>(to_unsigned(device_id, "device_id", UINT16_MAX));
    return without_gil([&] { return smem_bm_init(store_url.c_str(), ranks, device, &raw); });
}

std::unique_ptr<BigMemory> create(py::handle id, py::handle member_size, py::handle data_op_type,
                                  py::handle dram_size, py::handle hbm_size, py::handle flags) {
    const auto object_id = static_cast<uint32_t>(to_unsigned(id, "id", UINT32_MAX));
    const auto members = static_cast<uint32_t>(to_unsigned(member_size, "member_size", UINT32_MAX));
    const uint64_t type = to_unsigned(data_op_type, "data_op_type", kNoLimit);
    const uint64_t dram = to_unsigned(dram_size, "local_dram_size", kNoLimit);
    const uint64_t hbm = to_unsigned(hbm_size, "local_hbm_size", kNoLimit);
    const auto bits = static_cast<uint32_t>(to_unsigned(flags, "flags", UINT32_MAX));
    const auto hint =
        type < SMEMB_DATA_OP_BUTT ? static_cast<smem_bm_data_op_type>(type) : SMEMB_DATA_OP_BUTT;
    smem_bm_t handle = without_gil([&] { return smem_bm_create(object_id, members, hint, dram, hbm, bits); });
    if (handle == nullptr) {
        raise_last_error("create");
    }
    return std::make_unique<BigMemory>(handle, object_id);
}

py::str describe(const BigMemory& memory) {
    std::array<char, 80> text{};
    if (memory.handle() == nullptr) {
        std::snprintf(text.data(), text.size(), "<BigMemory id=%u, destroyed>", memory.id());
    } else {
        std::snprintf(text.data(), text.size(), "<BigMemory id=%u, handle=%p>", memory.id(), memory.handle());
    }
    return py::str(text.data());
}

void bind_copy_params(py::module_& module) {
    py::class_<Copy2dParams> params(
        module, "CopyData2DParams",
        "Rows to copy: row i lies at src + i * spitch and goes to dest + i * dpitch.");
    params.def(py::init([](py::object src, uint64_t spitch, py::object dest, uint64_t dpitch, uint64_t width,
                           uint64_t height) {
                   return Copy2dParams{std::move(src), spitch, std::move(dest), dpitch, width, height};
               }),
               py::arg("src") = 0, py::arg("spitch") = 0, py::arg("dest") = 0, py::arg("dpitch") = 0,
               py::arg("width") = 0, py::arg("height") = 0,
               "__init__(self, /, src=0, spitch=0, dest=0, dpitch=0, width=0, height=0)\n--\n\n");
    params.def_readwrite("src", &Copy2dParams::src,
                         "where the first row begins: an int, or an object with a buffer");
    params.def_readwrite("spitch", &Copy2dParams::spitch, "bytes from one row of the source to the next");
    params.def_readwrite("dest", &Copy2dParams::dest,
                         "where the first row goes: an int, or a writable object with a buffer");
    params.def_readwrite("dpitch", &Copy2dParams::dpitch,
                         "bytes from one row of the destination to the next");
    params.def_readwrite("width", &Copy2dParams::width, "bytes of a row");
    params.def_readwrite("height", &Copy2dParams::height, "number of rows");
    params.def("__repr__", [](const Copy2dParams& self) {
        return py::str("CopyData2DParams(src={!r}, spitch={}, dest={!r}, dpitch={}, width={}, height={})")
            .format(self.src, self.spitch, self.dest, self.dpitch, self.width, self.height);
    });
}

using MemoryClass = py::class_<BigMemory>;

void bind_life(MemoryClass& memory) {
    memory.def("join", &BigMemory::join, py::arg("flags") = 0, R"(join(self, /, flags=0)
--

Contributes this rank's memory, zeroed, and lets it copy. Returns the address of the rank's own region.)");
    memory.def("leave", &BigMemory::leave, py::arg("flags") = 0, R"(leave(self, /, flags=0)
--

Takes this rank's memory out of the pool. Joining again is possible.)");
    memory.def("destroy", &BigMemory::destroy, R"(destroy(self, /)
--

Leaves if joined, and gives the handle up. A second call does nothing; views stay valid and read zeros.)");
    memory.def("__enter__", [](py::object self) { return self; });
    memory.def("__exit__", [](BigMemory& self, const py::args&) { self.destroy(); });
    memory.def("__int__", [](const BigMemory& self) { return reinterpret_cast<uint64_t>(self.handle()); });
    memory.def("__repr__", &describe);
    memory.def_property_readonly("id", &BigMemory::id, "the id that create() was given");
}

void bind_addresses(MemoryClass& memory) {
    memory.def("local_mem_size", &BigMemory::local_mem_size, py::arg("mem_type") = py::none(),
               R"(local_mem_size(self, /, mem_type=None)
--

Bytes that each rank contributes: DRAM and HBM together, or of one BmMemType. 0 on failure.)");
    memory.def("peer_rank_ptr", &BigMemory::peer_rank_ptr, py::arg("peer_rank"),
               py::arg("mem_type") = py::none(),
               R"(peer_rank_ptr(self, /, peer_rank, mem_type=None)
--

Address of a rank's region, or of its memory of one BmMemType; for the LOCAL types peer_rank is ignored.)");
    memory.def("get_rank_id_by_gva", &BigMemory::get_rank_id_by_gva, py::arg("gva"),
               R"(get_rank_id_by_gva(self, /, gva)
--

The rank whose region holds the address; 4294967295 where none does.)");
    memory.def("register", &BigMemory::register_memory, py::arg("addr"), py::arg("size") = py::none(),
               R"(register(self, /, addr, size=None)
--

Tells of memory that copies will use as their local side. Never required; makes copies to other hosts cheaper. Returns 0.)");
    memory.def("unregister", &BigMemory::unregister_memory, py::arg("addr"), R"(unregister(self, /, addr)
--

Undoes register() of the same address. Returns 0.)");
}

void bind_copies(MemoryClass& memory) {
    add_copy_data(memory);
    memory.def("copy_data_2d", &BigMemory::copy_data_2d, py::arg("params"),
               py::arg("type") = int{SMEMB_COPY_AUTO}, py::arg("flags") = 0,
               R"(copy_data_2d(self, /, params, type=9, flags=0)
--

Copies the rows that a CopyData2DParams names. Returns 0.)");
    memory.def("copy_data_batch", &BigMemory::copy_data_batch, py::arg("src_addrs"), py::arg("dst_addrs"),
               py::arg("sizes") = py::none(), py::arg("count") = py::none(),
               py::arg("type") = int{SMEMB_COPY_AUTO}, py::arg("flags") = 0,
               R"(copy_data_batch(self, /, src_addrs, dst_addrs, sizes=None, count=None, type=9, flags=0)
--

Copies pieces; all are checked before the first is copied. Without sizes those of the buffers are taken. Returns 0.)");
    memory.def("wait", &BigMemory::wait, R"(wait(self, /)
--

Waits until all asynchronous copies queued before have ended. Returns 0; raises the error of the first that failed.)");
}

void bind_memory_views(MemoryClass& memory) {
    const auto view = [](const BigMemory& self, py::handle rank, py::handle offset, py::handle size,
                         py::handle dtype, py::handle shape, py::handle mem_type) {
        return make_view(room_of(self, rank, offset, mem_type), size, dtype, shape);
    };
    const auto buffer = [](const BigMemory& self, py::handle rank, py::handle offset, py::handle size,
                           py::handle mem_type) {
        return make_buffer(room_of(self, rank, offset, mem_type), size);
    };
    memory.def("view", view, py::arg("rank") = py::none(), py::arg("offset") = 0,
               py::arg("size") = py::none(), py::arg("dtype") = "uint8", py::arg("shape") = py::none(),
               py::arg("mem_type") = py::none(),
               R"(view(self, /, rank=None, offset=0, size=None, dtype='uint8', shape=None, mem_type=None)
--

A numpy array on a rank's memory (default: the own), without a copy: reads and writes are the pool's.

offset and size are bytes from the beginning of the region, or of its memory of mem_type; default: up to its end. The array
may outlive the handle; its memory then reads as zeros.)");
    memory.def("buffer", buffer, py::arg("rank") = py::none(), py::arg("offset") = 0,
               py::arg("size") = py::none(), py::arg("mem_type") = py::none(),
               R"(buffer(self, /, rank=None, offset=0, size=None, mem_type=None)
--

As view(), as a memoryview of bytes: needs no numpy.)");
}

}  // namespace

void bind_bm(py::module_& module) {
    bind_bm_config(module);
    bind_copy_params(module);
    MemoryClass memory(
        module, "BigMemory",
        "This rank's handle of a big memory; made by bm.create(). Leaves at the end of a with block.");
    bind_life(memory);
    bind_addresses(memory);
    bind_copies(memory);
    bind_memory_views(memory);
    for (const char* name : {"BmConfig", "CopyData2DParams", "BigMemory"}) {
        module.attr(name).attr("__module__") = "memfabric.bm";
    }
    module.def("bm_initialize", &initialize);
    module.def("bm_uninitialize", [](py::handle flags) {
        const auto bits = static_cast<uint32_t>(to_unsigned(flags, "flags", UINT32_MAX));
        without_gil([&] { smem_bm_uninit(bits); });
    });
    module.def("bm_rank_id", [] { return smem_bm_get_rank_id(); });
    module.def("bm_create", &create);
}

}  // namespace memfabric::python
