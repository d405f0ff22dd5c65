// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>

namespace memfabric::python {

/// Binds set_extern_logger and register_decrypt_handler, and takes care that no callback is running, and none
/// comes, once the interpreter ends.
void bind_callbacks(pybind11::module_& module);

/// Keeps an exit function of the program, for run_exit_callback() with the number returned; needs the GIL.
uintptr_t keep_exit_callback(pybind11::object function);
void drop_exit_callback(uintptr_t number);

/// Calls the kept function, where it is still kept, on a thread of the library. SystemExit ends the process
/// with its status; what else it raises goes to sys.unraisablehook.
void run_exit_callback(int status, void* number) noexcept;

}  // namespace memfabric::python
