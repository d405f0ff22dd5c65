// SPDX-License-Identifier: Apache-2.0
// The functions of libfabric that are not inline, forwarded to the library, which is opened by the first call
// that needs it: loading it costs 0.2 s (libraries of adapters that it brings look for their devices, and
// wait), which only processes with peers on other hosts are to pay.
#include <dlfcn.h>
#include <rdma/fabric.h>
#include <rdma/fi_errno.h>

#include <cstdlib>

#include "base/log.h"

namespace {

struct Library {
    decltype(&fi_getinfo) getinfo = nullptr;
    decltype(&fi_freeinfo) freeinfo = nullptr;
    decltype(&fi_dupinfo) dupinfo = nullptr;
    decltype(&fi_fabric) fabric = nullptr;
    decltype(&fi_strerror) strerror = nullptr;
    decltype(&fi_version) version = nullptr;

    bool is_complete() const { return getinfo && freeinfo && dupinfo && fabric && strerror && version; }
};

template <typename Function>
void find(void* handle, const char* name, Function& function) {
    function = reinterpret_cast<Function>(::dlsym(handle, name));
}

/// libinfinipath, which libfabric may bring, takes SIGINT, SIGTERM and the signals of crashes over when it is
/// loaded (it writes *.btr files and exits), unless this variable is set. The process's signals are its own.
class NoForeignSignalHandlers {
 public:
    NoForeignSignalHandlers() {
        if (is_ours_) {
            ::setenv(kVariable, "1", 0);  // NOLINT(concurrency-mt-unsafe): no other way in
        }
    }
    ~NoForeignSignalHandlers() {
        if (is_ours_) {
            ::unsetenv(kVariable);  // NOLINT(concurrency-mt-unsafe)
        }
    }
    NoForeignSignalHandlers(const NoForeignSignalHandlers&) = delete;
    NoForeignSignalHandlers& operator=(const NoForeignSignalHandlers&) = delete;

 private:
    static constexpr const char* kVariable = "IPATH_NO_BACKTRACE";
    const bool is_ours_ = std::getenv(kVariable) == nullptr;  // NOLINT(concurrency-mt-unsafe)
};

Library open_library() {
    Library library;
    const NoForeignSignalHandlers loading;
    void* handle = ::dlopen("libfabric.so.1", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (handle == nullptr) {
        // NOLINTNEXTLINE(concurrency-mt-unsafe): the C library keeps one text for each thread
        const char* why = ::dlerror();
        memfabric::log_warn("libfabric cannot be loaded: {}", why);
        return library;
    }
    find(handle, "fi_getinfo", library.getinfo);
    find(handle, "fi_freeinfo", library.freeinfo);
    find(handle, "fi_dupinfo", library.dupinfo);
    find(handle, "fi_fabric", library.fabric);
    find(handle, "fi_strerror", library.strerror);
    find(handle, "fi_version", library.version);
    return library.is_complete() ? library : Library();
}

const Library& library() {
    static const Library opened = open_library();
    return opened;
}

}  // namespace

extern "C" {

int fi_getinfo(uint32_t version, const char* node, const char* service, uint64_t flags, const fi_info* hints,
               fi_info** info) {
    return library().getinfo ? library().getinfo(version, node, service, flags, hints, info) : -FI_ENOSYS;
}

void fi_freeinfo(fi_info* info) {
    if (library().freeinfo) {
        library().freeinfo(info);
    }
}

fi_info* fi_dupinfo(const fi_info* info) {
    return library().dupinfo ? library().dupinfo(info) : nullptr;
}

int fi_fabric(fi_fabric_attr* attributes, fid_fabric** fabric, void* context) {
    return library().fabric ? library().fabric(attributes, fabric, context) : -FI_ENOSYS;
}

uint32_t fi_version(void) {
    return library().version ? library().version() : 0;
}

const char* fi_strerror(int error) {
    return library().strerror ? library().strerror(error) : "libfabric cannot be loaded";
}
}
