// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cstdio>
#include <memory>
#include <string>

#include "buffers.h"
#include "errors.h"
#include "share_memory.h"
#include "smem_shm.h"

namespace memfabric::python {
namespace {

struct ShmConfig {
    smem_shm_config_t raw{};
    ShmConfig() { check("ShmConfig", smem_shm_config_init(&raw)); }
};

using ConfigClass = py::class_<ShmConfig>;

template <uint32_t smem_shm_config_t::*field>
void number(ConfigClass& config, const char* name, const char* doc) {
    config.def_property(
        name, [](const ShmConfig& self) { return self.raw.*field; },
        [name](ShmConfig& self, py::handle value) {
            self.raw.*field = static_cast<uint32_t>(to_unsigned(value, name, UINT32_MAX));
        },
        doc);
}

py::str describe_config(py::handle config) {
    std::string text = "ShmConfig(";
    const char* separator = "";
    for (const char* name : {"init_timeout", "create_timeout", "operation_timeout", "start_store", "flags"}) {
        text += separator + std::string(name) + "=" + py::repr(config.attr(name)).cast<std::string>();
        separator = ", ";
    }
    return py::str(text + ")");
}

void bind_config(py::module_& module) {
    ConfigClass config(module, "ShmConfig", "What shm.initialize() needs to know; made with the defaults.");
    config.def(py::init<>(), "__init__(self, /)\n--\n\n");
    number<&smem_shm_config_t::shmInitTimeout>(config, "init_timeout",
                                               "seconds that initialize() may take, default 120");
    number<&smem_shm_config_t::shmCreateTimeout>(config, "create_timeout",
                                                 "seconds that create() may take, default 120");
    number<&smem_shm_config_t::controlOperationTimeout>(
        config, "operation_timeout",
        "seconds that barrier(), all_gather() and the like may take, default 120");
    config.def_property(
        "start_store", [](const ShmConfig& self) { return self.raw.startConfigStore; },
        [](ShmConfig& self, bool value) { self.raw.startConfigStore = value; },
        "rank 0 serves the store, default True");
    number<&smem_shm_config_t::flags>(config, "flags", "reserved, default 0");
    config.def("__repr__", &describe_config);
}

int32_t initialize(const std::string& store_url, py::handle world_size, py::handle rank_id,
                   py::handle device_id, const ShmConfig& config) {
    smem_shm_config_t raw = config.raw;
    const auto ranks = static_cast<uint32_t>(to_unsigned(world_size, "world_size", UINT32_MAX));
    const auto rank = static_cast<uint32_t>(to_unsigned(rank_id, "rank_id", UINT32_MAX));
    const auto device = static_cast<uint16_t>(to_unsigned(device_id, "device_id", UINT16_MAX));
    return without_gil([&] { return smem_shm_init(store_url.c_str(), ranks, rank, device, &raw); });
}

std::unique_ptr<ShareMemory> create(py::handle id, py::handle rank_size, py::handle rank_id,
                                    py::handle local_mem_size, py::handle data_op_type, py::handle flags) {
    ShareMemory::Place place{};
    place.id = static_cast<uint32_t>(to_unsigned(id, "id", UINT32_MAX));
    place.rank_size = static_cast<uint32_t>(to_unsigned(rank_size, "rank_size", UINT32_MAX));
    place.rank = static_cast<uint32_t>(to_unsigned(rank_id, "rank_id", UINT32_MAX));
    place.size = to_unsigned(local_mem_size, "local_mem_size", UINT64_MAX);
    const auto bits = static_cast<uint32_t>(to_unsigned(flags, "flags", UINT32_MAX));
    const uint64_t type = to_unsigned(data_op_type, "data_op_type", UINT32_MAX);
    void* gva = nullptr;
    smem_shm_t handle = without_gil([&] {
        return smem_shm_create(place.id, place.rank_size, place.rank, place.size,
                               static_cast<smem_shm_data_op_type>(type), bits, &gva);
    });
    if (handle == nullptr) {
        raise_last_error("create");
    }
    place.gva = reinterpret_cast<uint64_t>(gva);
    return std::make_unique<ShareMemory>(handle, place);
}

py::str describe(const ShareMemory& memory) {
    const auto& place = memory.place();
    std::array<char, 120> text{};
    std::snprintf(text.data(), text.size(), "<ShareMemory id=%u, rank %u of %u, %llu bytes a rank%s>",
                  place.id, place.rank, place.rank_size, static_cast<unsigned long long>(place.size),
                  memory.handle() == nullptr ? ", destroyed" : "");
    return py::str(text.data());
}

using MemoryClass = py::class_<ShareMemory>;

void bind_life(MemoryClass& memory) {
    memory.def("destroy", &ShareMemory::destroy, py::arg("flags") = 0, R"(destroy(self, /, flags=0)
--

Gives handle and memory up; the other ranks keep the object, without this rank. Returns 0.

A second call does nothing; views stay valid and read zeros.)");
    memory.def("__enter__", [](py::object self) { return self; });
    memory.def("__exit__", [](ShareMemory& self, const py::args&) { self.destroy(0); });
    memory.def("__int__", [](const ShareMemory& self) { return reinterpret_cast<uint64_t>(self.handle()); });
    memory.def("__repr__", &describe);
    memory.def_property_readonly(
        "id", [](const ShareMemory& self) { return self.place().id; }, "the id that create() was given");
    memory.def_property_readonly(
        "local_rank", [](const ShareMemory& self) { return self.place().rank; },
        "this process's rank in the object");
    memory.def_property_readonly(
        "rank_size", [](const ShareMemory& self) { return self.place().rank_size; },
        "number of ranks of the object");
    memory.def_property_readonly(
        "local_mem_size", [](const ShareMemory& self) { return self.place().size; }, "bytes of each rank");
    memory.def_property_readonly(
        "gva", [](const ShareMemory& self) { return self.place().gva; },
        "address of rank 0's memory; rank r's is r * local_mem_size further");
}

void bind_control(MemoryClass& memory) {
    memory.def("set_context", &ShareMemory::set_context, py::arg("context"), R"(set_context(self, /, context)
--

Keeps a copy of 1 to 65536 bytes with the object, on this rank only. Returns 0.)");
    memory.def("get_context", &ShareMemory::get_context, R"(get_context(self, /)
--

The bytes that set_context() keeps; empty before its first call.)");
    memory.def("barrier", &ShareMemory::barrier, R"(barrier(self, /)
--

Waits until every rank of the object is here. Raises memfabric.Error where one is lost or the time is over.)");
    memory.def("all_gather", &ShareMemory::all_gather, py::arg("local_data"),
               R"(all_gather(self, /, local_data)
--

Gives 1 to 65536 bytes, as many at every rank, and returns those of all ranks one after the other, in the order of ranks.)");
    memory.def(
        "query_support_data_operation",
        [](const ShareMemory&) { return smem_shm_query_support_data_operation(); },
        R"(query_support_data_operation(self, /)
--

Mask of ShmDataOpType: what this machine can do at all.)");
    memory.def("reach", &ShareMemory::reach, py::arg("remote_rank"), R"(reach(self, /, remote_rank)
--

Mask of ShmDataOpType: how a rank's memory is reached; 0 where it has left, is lost or out of reach.)");
    memory.def("topology_can_reach", &ShareMemory::topology_can_reach, py::arg("remote_rank"),
               py::arg("reach_info") = 0, R"(topology_can_reach(self, /, remote_rank, reach_info=0)
--

Writes what reach() returns into reach_info, where that is writable (ctypes, numpy, bytearray). Returns 0 or an error code.)");
    memory.def("register_exit", &ShareMemory::register_exit, py::arg("exit"), R"(register_exit(self, /, exit)
--

Has exit(status) called, once, on a thread of the library, when a rank calls global_exit(), also where that was before. Returns 0.

Where it raises SystemExit, as sys.exit does, the process ends at once with that status.)");
    memory.def("global_exit", &ShareMemory::global_exit, py::arg("status"), R"(global_exit(self, /, status)
--

Calls the registered functions of all ranks, the caller's too. Neither waits for them nor ends the caller.)");
}

void bind_data(MemoryClass& memory) {
    memory.def("put", &ShareMemory::put, py::arg("dst_ptr"), py::arg("src_ptr"), py::arg("size") = py::none(),
               R"(put(self, /, dst_ptr, src_ptr, size=None)
--

Copies local memory to an address of the object. Addresses are ints or objects with a buffer. Returns 0.)");
    memory.def("get", &ShareMemory::get, py::arg("dst_ptr"), py::arg("src_ptr"), py::arg("size") = py::none(),
               R"(get(self, /, dst_ptr, src_ptr, size=None)
--

Copies from an address of the object to local memory. Returns 0.)");
    memory.def(
        "peer_rank_ptr",
        [](const ShareMemory& self, py::handle rank) {
            const uint64_t owner = to_unsigned(rank, "rank", self.place().rank_size - 1);
            return self.place().gva + owner * self.place().size;
        },
        py::arg("rank"), R"(peer_rank_ptr(self, /, rank)
--

Address of a rank's memory.)");
    memory.def(
        "view",
        [](const ShareMemory& self, py::handle rank, py::handle offset, py::handle size, py::handle dtype,
           py::handle shape) { return make_view(self.room(rank, offset), size, dtype, shape); },
        py::arg("rank") = py::none(), py::arg("offset") = 0, py::arg("size") = py::none(),
        py::arg("dtype") = "uint8", py::arg("shape") = py::none(),
        R"(view(self, /, rank=None, offset=0, size=None, dtype='uint8', shape=None)
--

A numpy array on a rank's memory (default: the own), without a copy. offset and size are bytes.

The array may outlive the handle; its memory then reads as zeros.)");
    memory.def(
        "buffer",
        [](const ShareMemory& self, py::handle rank, py::handle offset, py::handle size) {
            return make_buffer(self.room(rank, offset), size);
        },
        py::arg("rank") = py::none(), py::arg("offset") = 0, py::arg("size") = py::none(),
        R"(buffer(self, /, rank=None, offset=0, size=None)
--

As view(), as a memoryview of bytes: needs no numpy.)");
}

}  // namespace

void bind_shm(py::module_& module) {
    bind_config(module);
    MemoryClass memory(module, "ShareMemory",
                       "This rank's handle of a symmetric memory; made by shm.create(). Destroyed at the end "
                       "of a with block.");
    bind_life(memory);
    bind_control(memory);
    bind_data(memory);
    for (const char* name : {"ShmConfig", "ShareMemory"}) {
        module.attr(name).attr("__module__") = "memfabric.shm";
    }
    module.def("shm_initialize", &initialize);
    module.def("shm_uninitialize", [](py::handle flags) {
        const auto bits = static_cast<uint32_t>(to_unsigned(flags, "flags", UINT32_MAX));
        without_gil([&] { smem_shm_uninit(bits); });
    });
    module.def("shm_create", &create);
}

}  // namespace memfabric::python
