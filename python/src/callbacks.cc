// SPDX-License-Identifier: Apache-2.0
#include "callbacks.h"

#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <map>
#include <string_view>
#include <thread>

#include "capi/private_api.h"
#include "errors.h"
#include "smem.h"

namespace memfabric::python {
namespace {

using std::chrono::steady_clock;

/// How long the end of the interpreter waits for callbacks that run.
constexpr std::chrono::seconds kCloseLimit{5};

/// Threads of the library must not ask for the GIL of an interpreter that ends: it would kill them. So every
/// callback passes this gate first, and atexit closes it and waits until nobody is inside. Atomics alone, as
/// a fork may come at any time.
std::atomic<int> callbacks_inside{0};
std::atomic<bool> gate_open{true};

class Entry {
 public:
    Entry() {
        callbacks_inside.fetch_add(1);
        open_ = gate_open.load();
    }
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;
    ~Entry() { callbacks_inside.fetch_sub(1); }
    explicit operator bool() const { return open_; }

 private:
    bool open_;
};

/// The GIL, and the exception that the thread may have had before: it outlives the callback.
class CallbackScope {
 public:
    CallbackScope() { PyErr_Fetch(&type_, &value_, &traceback_); }
    CallbackScope(const CallbackScope&) = delete;
    CallbackScope& operator=(const CallbackScope&) = delete;
    ~CallbackScope() { PyErr_Restore(type_, value_, traceback_); }

 private:
    py::gil_scoped_acquire gil_;
    PyObject* type_ = nullptr;
    PyObject* value_ = nullptr;
    PyObject* traceback_ = nullptr;
};

/// Touched with the GIL held only, so a thread that calls one has its own reference before another can
/// replace it. Never freed: threads may still be on their way in when the process ends.
struct Functions {
    py::object logger;
    py::object decrypt;
    std::map<uintptr_t, py::object> exits;  // of SHM objects, by number
};

Functions& functions() {
    static Functions* const instance = std::make_unique<Functions>().release();  // never freed: see above
    return *instance;
}

/// Reports the exception that `function` raised by sys.unraisablehook: it cannot cross the library.
void report(const py::object& function, py::error_already_set& error) {
    error.restore();
    PyErr_WriteUnraisable(function.ptr());
}

py::str to_text(std::string_view text) {
    PyObject* decoded = PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "replace");
    if (decoded == nullptr) {
        throw py::error_already_set();
    }
    return py::reinterpret_steal<py::str>(decoded);
}

void log_to_python(int level, const char* message) noexcept {
    thread_local bool inside = false;
    Entry entry;
    // A logger that calls the library must not be called for what that logs, and so on without end.
    if (!entry || inside) {
        return;
    }
    inside = true;
    {
        CallbackScope scope;
        if (py::object logger = functions().logger) {
            try {
                logger(level, to_text(message));
            } catch (py::error_already_set& error) {
                report(logger, error);
            }
        }
    }
    inside = false;
}

/// The handler's answer, str or bytes, as bytes.
py::bytes to_bytes(const py::object& answer) {
    if (py::isinstance<py::bytes>(answer)) {
        return answer;
    }
    if (!py::isinstance<py::str>(answer)) {
        raise_type_error("a decrypt handler must return str or bytes, not %s",
                         Py_TYPE(answer.ptr())->tp_name);
    }
    return py::reinterpret_steal<py::bytes>(PyUnicode_AsUTF8String(answer.ptr()));
}

int copy_out(std::string_view plain, char* room, size_t* length) {
    if (plain.size() > *length) {
        return -1;
    }
    std::memcpy(room, plain.data(), plain.size());
    *length = plain.size();
    return 0;
}

int decrypt_in_python(const char* cipher, size_t cipher_length, char* plain, size_t* plain_length) noexcept {
    Entry entry;
    if (!entry) {
        return -1;
    }
    CallbackScope scope;
    py::object handler = functions().decrypt;
    if (!handler) {
        return copy_out({cipher, cipher_length}, plain, plain_length);
    }
    try {
        const py::bytes answer = to_bytes(handler(to_text({cipher, cipher_length})));
        const auto text = static_cast<std::string_view>(answer);
        if (copy_out(text, plain, plain_length) != 0) {
            raise_value_error("the decrypt handler returned %zu bytes, there is room for %zu", text.size(),
                              *plain_length);
        }
        return 0;
    } catch (py::error_already_set& error) {
        report(handler, error);
        return -1;
    }
}

void require_callable(const py::object& function, const char* name) {
    if (!function.is_none() && PyCallable_Check(function.ptr()) == 0) {
        raise_type_error("%s must be callable or None, not %s", name, Py_TYPE(function.ptr())->tp_name);
    }
}

int32_t set_extern_logger(const py::object& log_fn) {
    require_callable(log_fn, "log_fn");
    if (log_fn.is_none()) {
        without_gil([] { mf_private_reset_logger(); });
        py::object old = std::move(functions().logger);
        return 0;
    }
    py::object old = std::exchange(functions().logger, log_fn);
    check("set_extern_logger", without_gil([] { return smem_set_extern_logger(&log_to_python); }));
    return 0;
}

int32_t register_decrypt_handler(const py::object& py_decrypt_func) {
    require_callable(py_decrypt_func, "py_decrypt_func");
    py::object old =
        std::exchange(functions().decrypt, py_decrypt_func.is_none() ? py::object() : py_decrypt_func);
    return without_gil([] { return smem_register_decrypt_handler_sized(&decrypt_in_python); });
}

void close_gate() {
    without_gil([] {
        mf_private_reset_logger();
        gate_open.store(false);
        const auto limit = steady_clock::now() + kCloseLimit;
        while (callbacks_inside.load() != 0 && steady_clock::now() < limit) {
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
    });
    functions() = {};
}

/// What the interpreter would do at the end of the program, but from here and now: the status of a
/// SystemExit, a text of it on standard error, standard streams flushed.
[[noreturn]] void end_process(const py::error_already_set& exit) {
    const py::object code = exit.value().attr("code");
    int status = 0;
    if (py::isinstance<py::int_>(code)) {
        status = static_cast<int>(PyLong_AsLong(code.ptr()));
        PyErr_Clear();
    } else if (!code.is_none()) {
        py::print(code, py::arg("file") = py::module_::import("sys").attr("stderr"));
        status = 1;
    }
    for (const char* stream : {"stdout", "stderr"}) {
        try {
            py::module_::import("sys").attr(stream).attr("flush")();
        } catch (py::error_already_set&) {
            // A stream that cannot be flushed keeps no process alive.
        }
    }
    // Functions registered for the end do not run, so what they would have done is done here.
    without_gil([] { mf_private_make_exit_calls(); });
    _exit(status);
}

}  // namespace

uintptr_t keep_exit_callback(py::object function) {
    static uintptr_t last = 0;
    functions().exits.emplace(++last, std::move(function));
    return last;
}

void drop_exit_callback(uintptr_t number) {
    const auto dropped = functions().exits.extract(number);  // destroyed when the map is in order again
}

void run_exit_callback(int status, void* number) noexcept {
    Entry entry;
    if (!entry) {
        return;
    }
    CallbackScope scope;
    const auto found = functions().exits.find(reinterpret_cast<uintptr_t>(number));
    if (found == functions().exits.end()) {
        return;
    }
    const py::object function = found->second;
    try {
        function(status);
    } catch (py::error_already_set& error) {
        if (error.matches(PyExc_SystemExit)) {
            end_process(error);
        }
        report(function, error);
    }
}

void bind_callbacks(py::module_& module) {
    module.def("set_extern_logger", &set_extern_logger, py::arg("log_fn"),
               R"(set_extern_logger($module, /, log_fn)
--

Sends log messages to log_fn(level, message) instead of standard error; None goes back to it. Returns 0.

Levels: 0 debug, 1 info, 2 warn, 3 error, 4 fatal. It is called on any thread; what it raises goes to sys.unraisablehook.)");
    module.def("register_decrypt_handler", &register_decrypt_handler, py::arg("py_decrypt_func"),
               R"(register_decrypt_handler($module, /, py_decrypt_func)
--

Has py_decrypt_func(cipher_text) -> plain_text turn the text of the file tlsPkPwd into the password of the TLS key.

The answer has at most twice the cipher's length. What it raises goes to sys.unraisablehook and fails the TLS set-up. None goes
back to taking the file's text as the password. Returns 0 or an error code.)");
    py::module_::import("atexit").attr("register")(py::cpp_function(&close_gate));
    // Threads that were inside do not exist in the child.
    pthread_atfork(nullptr, nullptr, [] { callbacks_inside.store(0); });
}

}  // namespace memfabric::python
