// SPDX-License-Identifier: Apache-2.0
// The functions of libfabric that are not inline, forwarded to the library, which is opened by the first call
// that needs it: loading it costs 0.2 s (libraries of adapters that it brings look for their devices, and
// wait), which only processes with peers on other hosts are to pay.
#include "transport/fabric/libfabric.h"

#include <dlfcn.h>
#include <rdma/fabric.h>
#include <rdma/fi_errno.h>

#include <cstdlib>
#include <mutex>
#include <string>

#include "base/environment.h"
#include "base/permanent.h"
#include "base/room.h"

namespace {

using memfabric::Code;
using memfabric::Status;

// To load it takes some 40 MiB.
constexpr size_t kFiles = 4;
constexpr size_t kAddressSpace = size_t{64} << 20;

struct Functions {
    decltype(&fi_getinfo) getinfo = nullptr;
    decltype(&fi_freeinfo) freeinfo = nullptr;
    decltype(&fi_dupinfo) dupinfo = nullptr;
    decltype(&fi_fabric) fabric = nullptr;
    decltype(&fi_strerror) strerror = nullptr;
    decltype(&fi_version) version = nullptr;

    bool are_complete() const { return getinfo && freeinfo && dupinfo && fabric && strerror && version; }
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
    const bool is_ours_ = memfabric::environment_variable(kVariable) == nullptr;
};

/// The library, as far as it is loaded.
class Library {
 public:
    static Library& instance() {
        static memfabric::Permanent<Library> library;
        return library.get();
    }

    Functions functions() {
        const std::lock_guard lock(mutex_);
        if (!is_tried_) {
            is_tried_ = true;
            load();
        }
        return functions_;
    }
    Status problem() {
        static_cast<void>(functions());
        const std::lock_guard lock(mutex_);
        return problem_;
    }

    void begin_use() {
        const std::lock_guard lock(mutex_);
        if (users_++ == 0 && is_tried_ && !is_kept_) {
            unload();
        }
    }
    void end_use() {
        const std::lock_guard lock(mutex_);
        --users_;
    }
    void keep() {
        const std::lock_guard lock(mutex_);
        is_kept_ = true;
    }

 private:
    void load() {
        const NoForeignSignalHandlers loading;
        handle_ = ::dlopen("libfabric.so.1", RTLD_NOW | RTLD_LOCAL);
        if (handle_ == nullptr) {
            // NOLINTNEXTLINE(concurrency-mt-unsafe): the C library keeps one text for each thread
            const char* const why = ::dlerror();
            const Status room = memfabric::check_room(kFiles, kAddressSpace);
            problem_ = room.is_ok() ? memfabric::failure(Code::kNotSupported, "{}; is it installed?", why)
                                    : room.with_context(why);
            return;
        }
        find(handle_, "fi_getinfo", functions_.getinfo);
        find(handle_, "fi_freeinfo", functions_.freeinfo);
        find(handle_, "fi_dupinfo", functions_.dupinfo);
        find(handle_, "fi_fabric", functions_.fabric);
        find(handle_, "fi_strerror", functions_.strerror);
        find(handle_, "fi_version", functions_.version);
        if (!functions_.are_complete()) {
            functions_ = {};
            problem_ = Status(Code::kNotSupported, "it lacks functions of its version 1.15");
        }
    }
    void unload() {
        if (handle_ != nullptr) {
            ::dlclose(handle_);
        }
        handle_ = nullptr;
        functions_ = {};
        problem_ = {};
        is_tried_ = false;
    }

    std::mutex mutex_;  // guards all that follows
    void* handle_ = nullptr;
    Functions functions_;
    Status problem_;         // why it is not there
    bool is_tried_ = false;  // to load it
    bool is_kept_ = false;
    size_t users_ = 0;
};

Functions functions() {
    return Library::instance().functions();
}

}  // namespace

namespace memfabric::transport {

LibfabricUse::LibfabricUse() {
    Library::instance().begin_use();
}

LibfabricUse::~LibfabricUse() {
    Library::instance().end_use();
}

void LibfabricUse::keep() {
    Library::instance().keep();
}

Status check_libfabric() {
    return Library::instance().problem();
}

}  // namespace memfabric::transport

extern "C" {

int fi_getinfo(uint32_t version, const char* node, const char* service, uint64_t flags, const fi_info* hints,
               fi_info** info) {
    const Functions known = functions();
    return known.getinfo ? known.getinfo(version, node, service, flags, hints, info) : -FI_ENOSYS;
}

void fi_freeinfo(fi_info* info) {
    if (const Functions known = functions(); known.freeinfo) {
        known.freeinfo(info);
    }
}

fi_info* fi_dupinfo(const fi_info* info) {
    const Functions known = functions();
    return known.dupinfo ? known.dupinfo(info) : nullptr;
}

int fi_fabric(fi_fabric_attr* attributes, fid_fabric** fabric, void* context) {
    const Functions known = functions();
    return known.fabric ? known.fabric(attributes, fabric, context) : -FI_ENOSYS;
}

uint32_t fi_version(void) {
    const Functions known = functions();
    return known.version ? known.version() : 0;
}

const char* fi_strerror(int error) {
    const Functions known = functions();
    return known.strerror ? known.strerror(error) : "libfabric cannot be loaded";
}
}
