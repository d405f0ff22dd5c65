// SPDX-License-Identifier: Apache-2.0
// Teams, which are small numbers in Python, and collectives.
#include <pybind11/pybind11.h>
#include <shmem.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "buffers.h"
#include "errors.h"
#include "parts.h"
#include "session.h"

namespace memfabric::python {
namespace {

constexpr int kInvalid = -1;
constexpr int kWorld = 0;

/// By handle; the world is not in it. Touched with the GIL held.
std::map<int, shmem_team_t>& teams() {
    static std::map<int, shmem_team_t> all;
    return all;
}

/// SHMEM_TEAM_INVALID where there is none of that handle.
shmem_team_t find(int team) {
    if (team == kWorld && session.n_pes != 0) {
        return SHMEM_TEAM_WORLD;
    }
    const auto found = teams().find(team);
    return found == teams().end() ? SHMEM_TEAM_INVALID : found->second;
}

shmem_team_t require_team(int team) {
    if (session.n_pes == 0) {
        refuse_call();
        throw py::error_already_set();
    }
    const shmem_team_t found = find(team);
    if (found == SHMEM_TEAM_INVALID) {
        raise_value_error("team %d does not exist, or this PE is no member of it", team);
    }
    return found;
}

/// The lowest free number; every PE has its own.
int keep(shmem_team_t team) {
    if (team == SHMEM_TEAM_INVALID) {
        return kInvalid;
    }
    int handle = kWorld + 1;
    while (teams().contains(handle)) {
        ++handle;
    }
    teams().emplace(handle, team);
    return handle;
}

shmem_team_config_t config_of(int num_contexts, long* mask) {
    shmem_team_config_t config{};
    config.num_contexts = num_contexts;
    *mask = num_contexts == 0 ? 0 : SHMEM_TEAM_NUM_CONTEXTS;
    return config;
}

int split_strided(int parent, int start, int stride, int size, int num_contexts) {
    const shmem_team_t from = find(parent);
    if (from == SHMEM_TEAM_INVALID) {
        return kInvalid;
    }
    long mask = 0;
    const shmem_team_config_t config = config_of(num_contexts, &mask);
    shmem_team_t made = SHMEM_TEAM_INVALID;
    without_gil([&] {
        static_cast<void>(shmem_team_split_strided(from, start, stride, size, &config, mask, &made));
    });
    return keep(made);
}

std::pair<int, int> split_2d(int parent, int x_range) {
    const shmem_team_t from = find(parent);
    if (from == SHMEM_TEAM_INVALID || x_range < 1) {
        return {kInvalid, kInvalid};
    }
    shmem_team_t x = SHMEM_TEAM_INVALID;
    shmem_team_t y = SHMEM_TEAM_INVALID;
    without_gil(
        [&] { static_cast<void>(shmem_team_split_2d(from, x_range, nullptr, 0, &x, nullptr, 0, &y)); });
    const int x_handle = keep(x);
    return {x_handle, keep(y)};
}

int destroy(int team) {
    const shmem_team_t found = team == kWorld ? SHMEM_TEAM_INVALID : find(team);
    if (found == SHMEM_TEAM_INVALID) {
        return kInvalid;
    }
    teams().erase(team);
    without_gil([&] { shmem_team_destroy(found); });
    return 0;
}

int num_contexts(int team) {
    shmem_team_config_t config{};
    const int code = shmem_team_get_config(require_team(team), SHMEM_TEAM_NUM_CONTEXTS, &config);
    return code == 0 ? config.num_contexts : kInvalid;
}

/// The two symmetric sides of a collective that moves bytes.
struct Sides {
    Sides(py::handle dest, py::handle source, uint64_t dest_size, uint64_t source_size)
        : to(dest, "dest", Access::kWrite), from(source, "source", Access::kRead) {
        to.require(dest_size, "dest");
        from.require(source_size, "source");
        if (!range_is_fine(to.pointer(), dest_size, session.my_pe) ||
            !range_is_fine(from.pointer(), source_size, session.my_pe)) {
            throw py::error_already_set();
        }
    }
    Address to;
    Address from;
};

/// OpenSHMEM writes to a destination from the moment on that any PE calls; in Python nobody's is touched
/// before he calls himself.
template <typename Collective>
int when_all_have_called(shmem_team_t members, const Collective& collective) {
    return without_gil([&] {
        shmem_team_sync(members);
        return collective();
    });
}

int broadcast(int team, py::handle dest, py::handle source, uint64_t size, int root) {
    const shmem_team_t members = require_team(team);
    if (root < 0 || root >= shmem_team_n_pes(members)) {
        raise_value_error("root %d is outside a team of %d PEs", root, shmem_team_n_pes(members));
    }
    const Sides sides(dest, source, size, size);
    return when_all_have_called(members, [&] {
        return shmem_broadcastmem(members, sides.to.pointer(), sides.from.pointer(), size, root);
    });
}

using Gather = int (*)(shmem_team_t, void*, const void*, size_t);

/// `each`: bytes of each PE, of which dest has as many as there are PEs, and source too where `all_to_all`.
template <Gather gather, bool all_to_all>
int collect(int team, py::handle dest, py::handle source, uint64_t each) {
    const shmem_team_t members = require_team(team);
    const uint64_t all = each * static_cast<uint64_t>(shmem_team_n_pes(members));
    const Sides sides(dest, source, all, all_to_all ? all : each);
    return when_all_have_called(
        members, [&] { return gather(members, sides.to.pointer(), sides.from.pointer(), each); });
}

/// Of `each` bytes, which differ between PEs; `all` bytes come together.
int collect_uneven(int team, py::handle dest, py::handle source, uint64_t each, uint64_t all) {
    const shmem_team_t members = require_team(team);
    const Sides sides(dest, source, all, each);
    return without_gil(
        [&] { return shmem_collectmem(members, sides.to.pointer(), sides.from.pointer(), each); });
}

using Reduce = int (*)(shmem_team_t, void*, const void*, size_t);

template <typename T, int (*function)(shmem_team_t, T*, const T*, size_t)>
int reduce_of(shmem_team_t team, void* dest, const void* source, size_t count) {
    return function(team, static_cast<T*>(dest), static_cast<const T*>(source), count);
}

#define MF_REDUCE(kind, type, name, operation) \
    {kind " " #operation, &reduce_of<type, shmem_##name##_##operation##_reduce>},
#define MF_ARITHMETIC(kind, type, name) \
    MF_REDUCE(kind, type, name, sum)    \
    MF_REDUCE(kind, type, name, prod) MF_REDUCE(kind, type, name, min) MF_REDUCE(kind, type, name, max)
#define MF_BITWISE(kind, type, name) \
    MF_REDUCE(kind, type, name, and) MF_REDUCE(kind, type, name, or) MF_REDUCE(kind, type, name, xor)
#define MF_INTEGER(kind, type, name) MF_ARITHMETIC(kind, type, name) MF_BITWISE(kind, type, name)

/// By a numpy kind and size, and an operation.
const std::map<std::string, Reduce>& reductions() {
    static const std::map<std::string, Reduce> all = {
        MF_INTEGER("i1", int8_t, int8) MF_INTEGER("i2", int16_t, int16) MF_INTEGER("i4", int32_t, int32)
            MF_INTEGER("i8", int64_t, int64) MF_INTEGER("u1", uint8_t, uint8) MF_INTEGER(
                "u2", uint16_t, uint16) MF_INTEGER("u4", uint32_t, uint32) MF_INTEGER("u8", uint64_t, uint64)
                MF_ARITHMETIC("f4", float, float) MF_ARITHMETIC("f8", double, double)};
    return all;
}

int reduce(int team, py::handle dest, py::handle source, uint64_t count, const std::string& kind,
           const std::string& operation) {
    const shmem_team_t members = require_team(team);
    const auto found = reductions().find(kind + " " + operation);
    if (found == reductions().end()) {
        raise_value_error("there is no reduction '%s' of elements of type '%s'", operation.c_str(),
                          kind.c_str());
    }
    const uint64_t size = count * static_cast<uint64_t>(kind.back() - '0');
    const Sides sides(dest, source, size, size);
    return without_gil(
        [&] { return found->second(members, sides.to.pointer(), sides.from.pointer(), count); });
}

}  // namespace

void forget_teams() {
    teams().clear();
}

void bind_teams(py::module_& module) {
    module.def("team_my_pe", [](int team) { return shmem_team_my_pe(find(team)); });
    module.def("team_n_pes", [](int team) { return shmem_team_n_pes(find(team)); });
    module.def("team_translate_pe", [](int from, int pe, int to) {
        const shmem_team_t source = find(from);
        const shmem_team_t target = find(to);
        const bool known = source != SHMEM_TEAM_INVALID && target != SHMEM_TEAM_INVALID;
        return known ? shmem_team_translate_pe(source, pe, target) : kInvalid;
    });
    module.def("team_split_strided", &split_strided);
    module.def("team_split_2d", &split_2d);
    module.def("team_destroy", &destroy);
    module.def("team_num_contexts", &num_contexts);
    module.def("team_sync", [](int team) {
        const shmem_team_t members = require_team(team);
        return without_gil([&] { return shmem_team_sync(members); });
    });
    module.def("broadcast", &broadcast);
    module.def("fcollect", &collect<shmem_fcollectmem, false>);
    module.def("collect", &collect_uneven);
    module.def("alltoall", &collect<shmem_alltoallmem, true>);
    module.def("reduce", &reduce);
}

}  // namespace memfabric::python
