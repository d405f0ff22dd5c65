# SPDX-License-Identifier: Apache-2.0
"""Every name, enumerator and default that programs rely on, under every package's name."""
import enum
import importlib
import inspect
import pathlib
import pickle
import re

import memfabric
import pytest
from memfabric import bm, shm

ROOT = pathlib.Path(__file__).parents[2]
PACKAGES = ["memfabric", "mf_smem", "mf_adapter", "memfabric_hybrid"]
FUNCTIONS = {
    "initialize": ["flags"],
    "uninitialize": [],
    "set_log_level": ["level"],
    "set_extern_logger": ["log_fn"],
    "get_last_err_msg": [],
    "get_and_clear_last_err_msg": [],
    "register_decrypt_handler": ["py_decrypt_func"],
    "set_conf_store_tls": ["enable", "tls_info"],
    "create_config_store": ["store_url"],
    "get_include_path": [],
    "get_lib_path": [],
}
METHODS = {
    "join": ["flags"],
    "leave": ["flags"],
    "destroy": [],
    "local_mem_size": ["mem_type"],
    "peer_rank_ptr": ["peer_rank", "mem_type"],
    "get_rank_id_by_gva": ["gva"],
    "register": ["addr", "size"],
    "unregister": ["addr"],
    "copy_data": ["src_ptr", "dst_ptr", "size", "type", "flags"],
    "copy_data_2d": ["params", "type", "flags"],
    "copy_data_batch": ["src_addrs", "dst_addrs", "sizes", "count", "type", "flags"],
    "wait": [],
    "view": ["rank", "offset", "size", "dtype", "shape", "mem_type"],
    "buffer": ["rank", "offset", "size", "mem_type"],
}

SHM_METHODS = {
    "destroy": ["flags"],
    "set_context": ["context"],
    "get_context": [],
    "barrier": [],
    "all_gather": ["local_data"],
    "query_support_data_operation": [],
    "reach": ["remote_rank"],
    "topology_can_reach": ["remote_rank", "reach_info"],
    "register_exit": ["exit"],
    "global_exit": ["status"],
    "put": ["dst_ptr", "src_ptr", "size"],
    "get": ["dst_ptr", "src_ptr", "size"],
    "peer_rank_ptr": ["rank"],
    "view": ["rank", "offset", "size", "dtype", "shape"],
    "buffer": ["rank", "offset", "size"],
}


def parameters(function):
    return [name for name in inspect.signature(function).parameters if name != "self"]


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_have_the_same_names(package):
    module = importlib.import_module(package)
    assert set(module.__all__) >= set(FUNCTIONS) | {"bm", "shm", "CopyData2DParams", "Error", "ErrorCode"}
    assert module.__version__ == memfabric.__version__
    for name in memfabric.__all__:
        if name not in ("bm", "shm"):
            assert getattr(module, name) is getattr(memfabric, name)
    for part in (bm, shm):
        name = part.__name__.rpartition(".")[2]
        submodule = importlib.import_module(f"{package}.{name}")
        assert getattr(module, name) is submodule
        assert submodule.__all__ == part.__all__
        for name in part.__all__:
            assert getattr(submodule, name) is getattr(part, name)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_have_their_parameters_and_a_text(name):
    function = getattr(memfabric, name)
    assert parameters(function) == FUNCTIONS[name]
    assert inspect.getdoc(function)


@pytest.mark.parametrize("name", METHODS)
def test_methods_have_their_parameters_and_a_text(name):
    method = getattr(bm.BigMemory, name)
    assert parameters(method) == METHODS[name]
    assert inspect.getdoc(method)


@pytest.mark.parametrize("name", SHM_METHODS)
def test_methods_of_shm_have_their_parameters_and_a_text(name):
    method = getattr(shm.ShareMemory, name)
    assert parameters(method) == SHM_METHODS[name]
    assert inspect.getdoc(method)


def test_functions_and_config_of_shm():
    assert parameters(shm.initialize) == ["store_url", "world_size", "rank_id", "device_id", "config"]
    assert parameters(shm.create) == ["id", "rank_size", "rank_id", "local_mem_size", "data_op_type", "flags"]
    assert inspect.signature(shm.create).parameters["data_op_type"].default is shm.ShmDataOpType.MTE
    assert parameters(shm.uninitialize) == ["flags"]
    config = shm.ShmConfig()
    assert repr(config) == "ShmConfig(init_timeout=120, create_timeout=120, operation_timeout=120, start_store=True, flags=0)"
    for name in ("init_timeout", "create_timeout", "operation_timeout", "flags"):
        setattr(config, name, 4294967295)
        assert getattr(config, name) == 4294967295
        with pytest.raises(ValueError, match=name):
            setattr(config, name, -1)
    config.start_store = False
    assert config.start_store is False


def test_functions_of_bm():
    assert parameters(bm.create)[:5] == ["id", "local_dram_size", "local_hbm_size", "data_op_type", "flags"]
    assert inspect.signature(bm.create).parameters["data_op_type"].default is bm.BmDataOpType.SDMA
    assert parameters(bm.uninitialize) == ["flags"]
    assert parameters(bm.bm_rank_id) == []
    assert "rank_id" in bm.initialize.__doc__


def c_enumerators(header, prefix):
    text = (ROOT / "include/smem" / header).read_text()
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    pairs = re.findall(rf"\b{prefix}(\w+) = (1U << \d+|[-\d]+)", text)
    return {name: eval(value.replace("U", "")) for name, value in pairs if name != "BUTT"}


@pytest.mark.parametrize("python, header, prefix", [
    (bm.BmCopyType, "smem_bm_def.h", "SMEMB_COPY_"),
    (bm.BmDataOpType, "smem_bm_def.h", "SMEMB_DATA_OP_"),
    (bm.BmMemType, "smem_bm_def.h", "SMEM_MEM_TYPE_"),
    (shm.ShmDataOpType, "smem_shm_def.h", "SMEMS_DATA_OP_"),
    (memfabric.ErrorCode, "smem_error.h", "SM_"),
])
def test_enums_are_those_of_the_headers(python, header, prefix):
    assert issubclass(python, enum.IntEnum)
    assert {name: int(member) for name, member in python.__members__.items()} == c_enumerators(header, prefix)


def test_flags_are_those_of_the_header():
    text = (ROOT / "include/smem/smem_bm_def.h").read_text()
    defined = {name: 1 << int(bit) for name, bit in re.findall(r"#define (\w+) \(1U << (\d+)\)", text)}
    assert defined == {"ASYNC_COPY_FLAG": bm.ASYNC_COPY_FLAG, "COPY_EXTEND_FLAG": bm.COPY_EXTEND_FLAG,
                       "SMEM_COPY_FLAG_COLD": bm.COPY_FLAG_COLD, "SMEM_COPY_FLAG_HOT": bm.COPY_FLAG_HOT}


def test_config_has_the_documented_defaults():
    config = bm.BmConfig()
    assert (config.init_timeout, config.create_timeout, config.operation_timeout) == (120, 120, 120)
    assert (config.start_store, config.start_store_only, config.dynamic_world_size) == (True, False, False)
    assert (config.unified_address_space, config.auto_ranking) == (True, False)
    assert (config.rank_id, config.flags) == (65535, 0)
    assert repr(config).startswith("BmConfig(init_timeout=120, ") and "rank_id=65535" in repr(config)


def test_config_keeps_what_is_set():
    config = bm.BmConfig()
    for name in ("init_timeout", "create_timeout", "operation_timeout", "flags"):
        setattr(config, name, 4294967295)
        assert getattr(config, name) == 4294967295
    for name in ("start_store", "start_store_only", "dynamic_world_size", "unified_address_space", "auto_ranking"):
        setattr(config, name, not getattr(config, name))
        assert getattr(config, name) is (name not in ("start_store", "unified_address_space"))
    for rank in (-1, 0, 7, 65535):
        config.rank_id = rank
        assert config.rank_id == rank
    config.set_nic(nic="eth0")
    assert config.nic == "eth0"


@pytest.mark.parametrize("name, value, error", [
    ("rank_id", -2, ValueError), ("rank_id", 65536, ValueError), ("rank_id", "0", TypeError),
    ("init_timeout", -1, ValueError), ("init_timeout", 1 << 32, ValueError), ("flags", 1.5, TypeError),
])
def test_config_refuses_what_does_not_fit(name, value, error):
    with pytest.raises(error, match=name):
        setattr(bm.BmConfig(), name, value)


def test_copy_params_have_a_constructor_and_fields():
    params = bm.CopyData2DParams()
    fields = ["src", "spitch", "dest", "dpitch", "width", "height"]
    assert [getattr(params, name) for name in fields] == [0] * 6
    for value, name in enumerate(fields, 1):
        setattr(params, name, value)
    assert [getattr(params, name) for name in fields] == [1, 2, 3, 4, 5, 6]
    assert repr(params) == repr(bm.CopyData2DParams(1, 2, 3, 4, 5, 6))
    assert repr(bm.CopyData2DParams(src=1, width=5)) == "CopyData2DParams(src=1, spitch=0, dest=0, dpitch=0, width=5, height=0)"


def test_error_has_a_code_and_survives_pickling():
    error = memfabric.Error("text", -2003)
    assert isinstance(error, RuntimeError) and str(error) == "text"
    copy = pickle.loads(pickle.dumps(error))
    assert str(copy) == "text" and copy.code is memfabric.ErrorCode.NOT_STARTED
    assert memfabric.Error("text", -77).code == -77


def test_paths_hold_the_headers_and_the_library():
    assert (pathlib.Path(memfabric.get_include_path()) / "smem_bm.h").is_file()
    assert (pathlib.Path(memfabric.get_lib_path()) / "libmemfabric.so.1").is_file()
