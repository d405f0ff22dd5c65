// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace memfabric::transport {

/// Lets every process of this user attach to this one where Yama (kernel.yama.ptrace_scope 1) would allow its
/// parents only. For the rest of the process's life: it is the price that option MF_TRANS_PTRACER asks for.
void allow_attach_by_all();

}  // namespace memfabric::transport
