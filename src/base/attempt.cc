// SPDX-License-Identifier: Apache-2.0
#include "base/attempt.h"

#include <exception>
#include <system_error>
#include <thread>

#include "base/thread.h"

namespace memfabric {

Status failure_of_exception() noexcept {
    try {
        throw;
    } catch (const NoThread&) {
        return {Code::kMallocFailed,
                "a thread could not be started: memory, address space (ulimit -v) or the number of threads "
                "(ulimit -u) is used up"};
    } catch (const std::bad_alloc&) {
        return Status::without_memory();
    } catch (const std::system_error& error) {
        return failure(errno_code(error.code().value()), "unexpected failure: {}, {}", error.what(),
                       errno_text(error.code().value()));
    } catch (const std::exception& error) {
        return failure(Code::kError, "unexpected failure: {}", error.what());
    } catch (...) {
        return {Code::kError, "unexpected failure of an unknown kind"};
    }
}

void pause_for_memory() {
    std::this_thread::sleep_for(kMemoryPause);
}

bool has_memory(size_t bytes) {
    // By the function itself, which is not optimized away as a new-expression may be.
    void* const memory = ::operator new(bytes, std::nothrow);
    ::operator delete(memory);
    return memory != nullptr;
}

}  // namespace memfabric
